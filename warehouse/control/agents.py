"""Agents, and what of the providers belongs to them from which day on."""

import re
from dataclasses import dataclass, replace
from datetime import date

from warehouse.control import guard
from warehouse.control.changes import Action, Change, put
from warehouse.control.errors import NotFound, Refused
from warehouse.control.tenants import require_tenant
from warehouse.database.queries import Connection, Row, execute, first, first_typed, rows
from warehouse.finding import Hint, Step

FILE = "control/agents"
AGENT = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")


def words_of(kind: str) -> str:
    """A scope kind as a person says it."""
    return kind.replace("_", " ")


@dataclass(frozen=True)
class Attachment:
    """A provider's object that belongs to an agent from a day on."""

    tenant_id: str
    agent_id: str
    kind: str
    value: str
    valid_from: date
    environment: str | None = None
    """Of a kind that has several: the one that is read, by default its live one."""

    @property
    def what(self) -> str:
        """The attachment in words."""
        return f"{words_of(self.kind)} {self.value} of agent {self.agent_id} from {self.valid_from}"


def put_agent(connection: Connection, tenant_id: str, agent_id: str, name: str) -> Change:
    """Create or rename an agent. Raises Refused for a malformed id or one that is another tenant's."""
    if not AGENT.fullmatch(agent_id):
        raise Refused(f"'{agent_id}' is no agent id; use 1 to 63 of a-z, 0-9, '-' and '_', not at either end")
    with connection.transaction():
        guard.lock(connection)
        require_tenant(connection, tenant_id)
        row = first(connection, FILE, "agent", agent_id=agent_id)
        if row is not None and row["tenant_id"] != tenant_id:
            raise Refused(f"agent {agent_id} is tenant {row['tenant_id']}'s; choose another id")
        action, _ = put(connection, FILE, "put_agent", {"agent_id": agent_id, "tenant_id": tenant_id, "name": name})
    return Change(f"agent {agent_id} of tenant {tenant_id}", action)


@dataclass(frozen=True)
class _Held:
    """The version of an attachment that holds on a day; no agent means detached."""

    tenant_id: str | None
    agent_id: str | None
    environment: str | None
    valid_from: date


def attach(connection: Connection, attachment: Attachment, moves: bool = False) -> Change:
    """Attach a provider's object to an agent from a day on.

    Raises Refused when it belongs to another agent from that same day, or to another tenant before and not `moves`,
    and for an environment of a kind that has none.
    """
    if not attachment.value.strip() or attachment.value != attachment.value.strip():
        raise Refused(f"'{attachment.value}' is no {words_of(attachment.kind)}")
    with connection.transaction():
        guard.lock(connection)
        require_agent(connection, attachment.tenant_id, attachment.agent_id)
        wanted = replace(attachment, environment=_environment(connection, attachment))
        former = _on(connection, attachment.kind, attachment.value, attachment.valid_from)
        action, detail = Action.CREATED, ""
        if former is not None and former.agent_id == attachment.agent_id:
            is_of_that_day = former.valid_from == attachment.valid_from
            if former.environment == wanted.environment:
                since = "" if is_of_that_day else f"attached since {former.valid_from}"
                return Change(attachment.what, Action.UNCHANGED, since)
            action = Action.CHANGED if is_of_that_day else Action.CREATED
            detail = f"environment {wanted.environment} instead of {former.environment}"
        elif former is not None and former.agent_id is not None:
            owner = f"agent {former.agent_id} of tenant {former.tenant_id}"
            if former.valid_from == attachment.valid_from:
                raise Refused(
                    f"{attachment.what}: it already belongs to {owner} from that same day; choose a later day, "
                    "or detach it there first",
                    Hint(Step.DETACH_AGENT),
                )
            if former.tenant_id != attachment.tenant_id and not moves:
                raise Refused(
                    f"{attachment.what}: it belongs to {owner} since {former.valid_from}",
                    Hint(Step.MOVE_SCOPE),
                )
            detail = f"moved from {owner}"
        _write(connection, wanted, attachment.tenant_id, attachment.agent_id, former)
    return Change(attachment.what, action, detail)


def detach(connection: Connection, attachment: Attachment) -> Change:
    """Detach a provider's object from an agent: `valid_from` is the first day it no longer belongs to it."""
    what = f"{words_of(attachment.kind)} {attachment.value} detached from {attachment.valid_from}"
    with connection.transaction():
        guard.lock(connection)
        require_agent(connection, attachment.tenant_id, attachment.agent_id)
        former = _on(connection, attachment.kind, attachment.value, attachment.valid_from)
        if former is None:
            raise Refused(f"{what}: it is attached to nobody before that day")
        if former.agent_id is None:
            return Change(what, Action.UNCHANGED)
        if former.agent_id != attachment.agent_id and former.valid_from == attachment.valid_from:
            return Change(what, Action.UNCHANGED, f"agent {former.agent_id}'s from that day")
        if former.agent_id != attachment.agent_id:
            raise Refused(f"{what}: it belongs to agent {former.agent_id} of tenant {former.tenant_id} that day")
        _write(connection, attachment, None, None, former)
    return Change(what, Action.CREATED)


def require_agent(connection: Connection, tenant_id: str, agent_id: str) -> None:
    """Raise NotFound unless the agent exists and is this tenant's."""
    require_tenant(connection, tenant_id)
    row = first(connection, FILE, "agent", agent_id=agent_id)
    if row is None or row["tenant_id"] != tenant_id:
        known = {row["agent_id"] for row in agents(connection, tenant_id)}
        raise NotFound("agent", agent_id, known, tenant_id=tenant_id, agent_id=agent_id)


def _environment(connection: Connection, attachment: Attachment) -> str | None:
    """The one that is read of a kind that has several, else None. Raises NotFound for a kind by which no source
    routes, Refused for an environment that cannot be."""
    kinds = {row["kind"]: row["live_environments"] for row in rows(connection, FILE, "kinds")}
    if attachment.kind not in kinds:
        raise NotFound("scope kind", attachment.kind, list(kinds))
    live: list[str] = kinds[attachment.kind]
    if not live and attachment.environment is not None:
        raise Refused(f"a {words_of(attachment.kind)} has no environments")
    if not live:
        return None
    return (attachment.environment or "").strip() or live[0]


def agents(connection: Connection, tenant_id: str | None = None) -> list[Row]:
    """One row per agent and attachment; `kind` is None for an agent that owns nothing yet."""
    return rows(connection, FILE, "agents", tenant_id=tenant_id)


def _on(connection: Connection, kind: str, value: str, on: date) -> _Held | None:
    return first_typed(connection, _Held, FILE, "attachment_on", kind=kind, value=value, on_day=on)


def _write(
    connection: Connection, attachment: Attachment, tenant_id: str | None, agent_id: str | None, former: _Held | None
) -> None:
    same_day = former is not None and former.valid_from == attachment.valid_from
    execute(
        connection,
        FILE,
        "replace_attachment" if same_day else "insert_attachment",
        kind=attachment.kind,
        value=attachment.value,
        valid_from=attachment.valid_from,
        tenant_id=tenant_id,
        agent_id=agent_id,
        environment=attachment.environment,
    )
