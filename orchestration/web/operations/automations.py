"""The operator's page of automations: which runs there are, when each goes on, and what it asks of a person."""

from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse import clock
from warehouse.automations import runs
from warehouse.automations.runs import DISTANCES, LEASE, RunRefused
from warehouse.control import tenants
from warehouse.database.queries import Connection, Row
from warehouse.words import counted

PAGE = "/automations"
PAGE_ROWS = 100


@dataclass(frozen=True)
class Standing:
    """Where a run stands, in words: its state and the tag's colour, when it goes on, and what its last fault was."""

    state: str
    tag: str
    goes_on: str
    at: datetime | None
    fault: str


@for_roles("operator", "finance")
def show_runs(request: Request, visitor: Visitor) -> Response:
    """The latest runs, those first that failed or ask a person; of one tenant where it is chosen."""
    return _shown(request, visitor)


@form_for_roles("operator")
def take_act(request: Request, visitor: Visitor, form: Form) -> Response:
    """Answer a run, end it, or take a tenant's failed runs on again; a refusal says why."""
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            _act(connection, form)
    except RunRefused as error:
        return _shown(request, visitor, str(error))
    return RedirectResponse(PAGE, 303)


def _act(connection: Connection, form: Form) -> None:
    act, run, now = form.get("act"), form.get("run", ""), clock.now()
    if act == "answer":
        if not (said := form.get("answer", "").strip()):
            raise RunRefused("An answer such as yes or no is needed.")
        runs.answer(connection, run, said, now)
    elif act == "end":
        runs.end(connection, run, now)
    elif act == "retry":
        runs.retry(connection, form.get("tenant", ""), form.get("automation", ""), now)
    else:
        raise RunRefused("A run can be answered, ended or taken on again.")


def _shown(request: Request, visitor: Visitor, fault: str = "") -> Response:
    tenant, now = request.query_params.get("tenant", "").strip(), clock.now()
    with readers(request).operator() as connection:
        theirs, others = runs.count(connection, tenant or None)
        paging = Paging(request, theirs + others, PAGE_ROWS)
        found = runs.listed(connection, tenant or None, PAGE_ROWS, paging.start)
        named = tenants.named(connection, (row["tenant_id"] for row in found))
    return render(
        "automations.html",
        status=409 if fault else 200,
        title="Automations",
        visitor=visitor,
        runs=[(row, standing(row, now)) for row in found],
        tenant=tenant,
        named=named,
        theirs=theirs,
        others=others,
        paging=paging,
        fault=fault,
    )


def standing(row: Row, now: datetime) -> Standing:
    """A run of `runs.listed` in words. Whoever has one in hand holds it for a lease, which looks like a short sleep."""
    fault, state, due_at, attempts = row["fault"] or "", row["state"], row["due_at"], row["attempts"]
    if fault and " " not in fault:
        fault = f"it raised {fault}"
    if state == "failed":
        return Standing("failed", "failed", "not by itself", None, f"after {counted(attempts, 'attempt')}: {fault}")
    if state == "asks":
        return Standing("asks a person", "incomplete", "once it is answered", None, fault)
    if state != "open":
        return Standing(state, "good" if state == "done" else "", "it is over", row["ended_at"], fault)
    if attempts:
        return Standing(
            "is tried again", "incomplete", "by", due_at, f"attempt {attempts} of {len(DISTANCES) + 1}: {fault}"
        )
    if due_at is None or due_at <= now:
        return Standing("due" if row["begun_at"] else "not begun", "", "within a minute or two", None, fault)
    if due_at - now <= LEASE:
        return Standing("under way, or asleep for minutes", "", "by", due_at, fault)
    return Standing("asleep", "", "at", due_at, fault)
