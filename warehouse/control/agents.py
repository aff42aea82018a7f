"""Agents, what of the providers belongs to them from which day on, and Voiceflow projects."""

import re
from dataclasses import asdict, dataclass, replace
from datetime import date

from warehouse.control import guard
from warehouse.control.changes import Action, Change, put
from warehouse.control.errors import NotFound, Refused
from warehouse.control.tenants import require_tenant
from warehouse.database.queries import Connection, Row, execute, first, rows
from warehouse.finding import Hint, Step

FILE = "control/agents"
AGENT = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
PROJECT = re.compile(r"[0-9A-Za-z_-]+")


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

    @property
    def what(self) -> str:
        """The attachment in words."""
        return f"{words_of(self.kind)} {self.value} of agent {self.agent_id} from {self.valid_from}"


@dataclass(frozen=True)
class Project:
    """A Voiceflow project that is pulled from `valid_from` up to, not including, `valid_to`."""

    project_id: str
    tenant_id: str
    valid_from: date
    valid_to: date | None = None
    environment: str = "production"
    agent_id: str | None = None


def put_agent(connection: Connection, tenant_id: str, agent_id: str, name: str) -> Change:
    """Create or rename an agent. Raises Refused for a malformed id or one that is another tenant's."""
    if not AGENT.fullmatch(agent_id):
        raise Refused(f"'{agent_id}' is no agent id; use 1 to 63 of a-z, 0-9, '-' and '_', not at either end")
    with connection.transaction():
        require_tenant(connection, tenant_id)
        row = first(connection, FILE, "agent", agent_id=agent_id)
        if row is not None and row["tenant_id"] != tenant_id:
            raise Refused(f"agent {agent_id} is tenant {row['tenant_id']}'s; choose another id")
        action, _ = put(connection, FILE, "put_agent", {"agent_id": agent_id, "tenant_id": tenant_id, "name": name})
    return Change(f"agent {agent_id} of tenant {tenant_id}", action)


def attach(connection: Connection, attachment: Attachment, moves: bool = False) -> Change:
    """Attach a provider's object to an agent from a day on.

    Raises Refused when it belongs to another agent from that same day, or to another tenant before and not `moves`.
    """
    if not attachment.value.strip() or attachment.value != attachment.value.strip():
        raise Refused(f"'{attachment.value}' is no {words_of(attachment.kind)}")
    with connection.transaction():
        guard.lock(connection)
        require_agent(connection, attachment.tenant_id, attachment.agent_id)
        _require_kind(connection, attachment.kind)
        former = _on(connection, attachment.kind, attachment.value, attachment.valid_from)
        detail = ""
        if former is not None and former["agent_id"] is not None:
            if former["agent_id"] == attachment.agent_id:
                since = (
                    "" if former["valid_from"] == attachment.valid_from else f"attached since {former['valid_from']}"
                )
                return Change(attachment.what, Action.UNCHANGED, since)
            owner = f"agent {former['agent_id']} of tenant {former['tenant_id']}"
            if former["valid_from"] == attachment.valid_from:
                raise Refused(
                    f"{attachment.what}: it already belongs to {owner} from that same day; choose a later day, "
                    "or detach it there first",
                    Hint(Step.DETACH_AGENT),
                )
            if former["tenant_id"] != attachment.tenant_id and not moves:
                raise Refused(
                    f"{attachment.what}: it belongs to {owner} since {former['valid_from']}",
                    Hint(Step.MOVE_SCOPE),
                )
            detail = f"moved from {owner}"
        _write(connection, attachment, attachment.tenant_id, attachment.agent_id, former)
    return Change(attachment.what, Action.CREATED, detail)


def detach(connection: Connection, attachment: Attachment) -> Change:
    """Detach a provider's object from an agent: `valid_from` is the first day it no longer belongs to it."""
    what = f"{words_of(attachment.kind)} {attachment.value} detached from {attachment.valid_from}"
    with connection.transaction():
        guard.lock(connection)
        require_agent(connection, attachment.tenant_id, attachment.agent_id)
        former = _on(connection, attachment.kind, attachment.value, attachment.valid_from)
        if former is None:
            raise Refused(f"{what}: it is attached to nobody before that day")
        if former["agent_id"] is None:
            return Change(what, Action.UNCHANGED)
        if former["agent_id"] != attachment.agent_id and former["valid_from"] == attachment.valid_from:
            return Change(what, Action.UNCHANGED, f"agent {former['agent_id']}'s from that day")
        if former["agent_id"] != attachment.agent_id:
            raise Refused(f"{what}: it belongs to agent {former['agent_id']} of tenant {former['tenant_id']} that day")
        _write(connection, attachment, None, None, former)
    return Change(what, Action.CREATED)


def put_project(connection: Connection, project: Project) -> Change:
    """Create or change a Voiceflow project. Raises Refused when it is another tenant's, or ends before it starts."""
    what = f"project {project.project_id} of tenant {project.tenant_id}"
    if not PROJECT.fullmatch(project.project_id):
        raise Refused(f"'{project.project_id}' is no Voiceflow project id")
    if project.valid_to is not None and project.valid_to <= project.valid_from:
        raise Refused(f"{what}: it starts on {project.valid_from} and so cannot end on {project.valid_to}")
    with connection.transaction():
        require_tenant(connection, project.tenant_id)
        if project.agent_id is not None:
            require_agent(connection, project.tenant_id, project.agent_id)
        known = first(connection, FILE, "project", project_id=project.project_id)
        if known is not None and known["tenant_id"] != project.tenant_id:
            raise Refused(f"project {project.project_id} is tenant {known['tenant_id']}'s")
        action, _ = put(connection, FILE, "put_project", asdict(project))
    return Change(what, action)


def end_project(connection: Connection, tenant_id: str, project_id: str, on: date) -> Change:
    """Stop pulling a project: `on` is the first day that is not pulled."""
    known = first(connection, FILE, "project", project_id=project_id)
    if known is None or known["tenant_id"] != require_tenant(connection, tenant_id).tenant_id:
        ids = [row["project_id"] for row in projects(connection, tenant_id)]
        raise NotFound("project", project_id, ids)
    change = put_project(connection, replace(Project(**known), valid_to=on))
    return Change(f"project {project_id} ends on {on}", change.action)


def require_agent(connection: Connection, tenant_id: str, agent_id: str) -> None:
    """Raise NotFound unless the agent exists and is this tenant's."""
    require_tenant(connection, tenant_id)
    row = first(connection, FILE, "agent", agent_id=agent_id)
    if row is None or row["tenant_id"] != tenant_id:
        known = {row["agent_id"] for row in agents(connection, tenant_id)}
        raise NotFound("agent", agent_id, known, tenant_id=tenant_id, agent_id=agent_id)


def _require_kind(connection: Connection, kind: str) -> None:
    """Raise NotFound unless a source routes by it, or it is a phone number."""
    known = [row["kind"] for row in rows(connection, FILE, "kinds")]
    if kind not in known:
        raise NotFound("scope kind", kind, known)


def agents(connection: Connection, tenant_id: str | None = None) -> list[Row]:
    """One row per agent and attachment; `kind` is None for an agent that owns nothing yet."""
    return rows(connection, FILE, "agents", tenant_id=tenant_id)


def projects(connection: Connection, tenant_id: str | None = None) -> list[Row]:
    """One row per Voiceflow project."""
    return rows(connection, FILE, "projects", tenant_id=tenant_id)


def _on(connection: Connection, kind: str, value: str, on: date) -> Row | None:
    return first(connection, FILE, "attachment_on", kind=kind, value=value, on_day=on)


def _write(
    connection: Connection, attachment: Attachment, tenant_id: str | None, agent_id: str | None, former: Row | None
) -> None:
    same_day = former is not None and former["valid_from"] == attachment.valid_from
    execute(
        connection,
        FILE,
        "replace_attachment" if same_day else "insert_attachment",
        kind=attachment.kind,
        value=attachment.value,
        valid_from=attachment.valid_from,
        tenant_id=tenant_id,
        agent_id=agent_id,
    )
