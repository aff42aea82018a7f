"""A finding: something that a person must decide or fix, as (code, subject, facts). It says nothing and names no
command: `orchestration.remedies` words each code for each surface.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

Facts = Mapping[str, Any]
"""What a wording needs to know, by name; each code lists its own. Money is Decimal, days are dates."""
Statement = tuple[str | None, date | None]
"""Which statement: tenant and period start."""


@dataclass(frozen=True)
class Subject:
    """What a finding is of, as far as it is of it. Days are UTC and both included; ids are the subject's own: a call, a
    line, a meter, a login."""

    tenant_id: str | None = None
    period_start: date | None = None
    source: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    ids: tuple[str, ...] = ()

    @property
    def statement(self) -> Statement:
        """Which statement it is of."""
        return self.tenant_id, self.period_start


@dataclass(frozen=True)
class Finding:
    """What was found, of what, and the facts. Two findings are the same where all three are."""

    code: StrEnum
    subject: Subject = Subject()
    facts: Facts = field(default_factory=dict)


def first_of(names: Sequence[str], most: int) -> str:
    """The first of the names in one line, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


class Step(StrEnum):
    """What a person does next about an error; its facts are named beside it."""

    BUILD = "build"
    INIT = "init"
    CREATE = "create"  # kind, and of an agent tenant_id and agent_id
    LIST_SOURCES = "list_sources"
    LIST_TENANTS = "list_tenants"
    LIST_AGENTS = "list_agents"
    LIST_PULLS = "list_pulls"
    LIST_QUARANTINE = "list_quarantine"
    LIST_DOUBTS = "list_doubts"  # tenant_id, first_day, last_day
    LIST_LINES = "list_lines"
    LIST_DATABASE_LOGINS = "list_database_logins"
    LIST_LOGINS = "list_logins"
    LIST_SESSIONS = "list_sessions"  # login_id
    SHOW_STATUS = "show_status"  # tenant_id
    DETACH_AGENT = "detach_agent"
    MOVE_SCOPE = "move_scope"
    ATTACH_AGENT = "attach_agent"
    SET_TERMS = "set_terms"
    SET_CREDENTIAL = "set_credential"
    ROTATE_CREDENTIAL = "rotate_credential"
    APPROVE = "approve"  # period_start, tenant_id
    REOPEN = "reopen"  # period_start, tenant_id; neither where a choice of days avoids it
    CLOSE_TENANT = "close_tenant"  # tenant_id
    CREATE_LOGIN = "create_login"  # login_id
    SET_PASSWORD = "set_password"  # noqa: S105 - the name of a step, no password
    RESET_FACTOR = "reset_factor"  # login_id


@dataclass(frozen=True)
class Hint:
    """What resolves an error; `orchestration.remedies` words it."""

    step: Step
    facts: Facts = field(default_factory=dict)
