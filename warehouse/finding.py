"""A finding: something that a person must decide or fix, as (code, subject, facts). It says nothing and names no
command: `orchestration.remedies` words each code for each surface.
"""

from collections.abc import Mapping
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
