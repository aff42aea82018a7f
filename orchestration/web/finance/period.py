"""One statement on a page: what blocks it and what resolves that, where each amount comes from, and the decisions."""

from dataclasses import dataclass
from datetime import date, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.remedies import word
from orchestration.remedies.approval import refusal
from orchestration.remedies.wording import OnPage
from orchestration.reports import content, payments
from orchestration.reports.content import StatementMissing
from orchestration.reports.figures import figures_of
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.calls.meters import defined
from orchestration.web.finance.month import is_done, path_period, what_is_behind
from orchestration.web.forms import Form
from orchestration.web.operations import tasks
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse.control import agents
from warehouse.control.errors import ControlError
from warehouse.costs.unknown_costs import unknown_costs
from warehouse.database.queries import Connection, Row
from warehouse.marts.freshness import PATIENCE_OF_A_DECISION
from warehouse.statements import blocking, issuing, periods
from warehouse.statements.approval import Scope, approve
from warehouse.statements.forecast import forecast_of
from warehouse.statements.not_billed import not_billed
from warehouse.statements.periods import Month
from warehouse.words import day

LONGEST_REASON = 1_000


@dataclass(frozen=True)
class Findings:
    """What is found of a statement: what blocks it, costs that are not known, usage that is on no statement."""

    blockers: list[OnPage]
    unknown: list[OnPage]
    beside: list[OnPage]

    @property
    def all(self) -> list[OnPage]:
        """All of them."""
        return [*self.blockers, *self.unknown, *self.beside]


@for_roles("finance")
def show_period(request: Request, visitor: Visitor) -> Response:
    """One statement: what blocks it, what changed, where each amount comes from, and the decision."""
    tenant, start = path_period(request)
    return _page(request, visitor, tenant, start)


@form_for_roles("finance")
def take_approval(request: Request, visitor: Visitor, form: Form) -> Response:
    """Approve a statement, with or without a reason to override, and show it again; a refusal says why."""
    tenant, start = path_period(request)
    today = request.app.state.today()
    reason = form.get("reason", "").strip() or None
    scope = Scope(Month.parse(f"{start:%Y-%m}"), statements=[(tenant, start)])
    with readers(request).operator(visitor.person.login_id, DECISION) as connection:
        actor, patience = visitor.person.login_id, PATIENCE_OF_A_DECISION
        outcomes = approve(connection, scope, actor, today=today, override=reason, patience=patience)
    if not outcomes:
        raise _missing(tenant, start)
    if outcomes[0].result == "refused":
        return _page(request, visitor, tenant, start, f"Not approved. {refusal(outcomes[0])}", reason=reason or "")
    return RedirectResponse(_path(tenant, start), 303)


@form_for_roles("finance")
def take_closing(request: Request, visitor: Visitor, _: Form) -> Response:
    """Close an approved period."""
    tenant, start = path_period(request)
    actor = visitor.person.login_id
    try:
        with readers(request).operator(actor, DECISION) as connection:
            periods.close(connection, _reviewed(connection, tenant, start), actor)
    except ControlError as error:
        return _page(request, visitor, tenant, start, f"Not closed. {error}.")
    return RedirectResponse(_path(tenant, start), 303)


@form_for_roles("finance")
def take_reopening(request: Request, visitor: Visitor, form: Form) -> Response:
    """Reopen an approved or closed period, with a reason; the audit log keeps the lines that were frozen."""
    tenant, start = path_period(request)
    actor, reason = visitor.person.login_id, form.get("reason", "").strip()[:LONGEST_REASON]
    if not reason:
        return _page(request, visitor, tenant, start, "Not reopened. To reopen it needs a reason.")
    try:
        with readers(request).operator(actor, DECISION) as connection:
            periods.reopen(connection, _reviewed(connection, tenant, start), actor, reason)
    except ControlError as error:
        return _page(request, visitor, tenant, start, f"Not reopened. {error}.")
    return RedirectResponse(_path(tenant, start), 303)


@form_for_roles("finance")
def take_remedy(request: Request, visitor: Visitor, form: Form) -> Response:
    """Ask for what resolves a finding of this statement."""
    tenant, start = path_period(request)
    with readers(request).operator() as connection:
        period = _statement(connection, tenant, start)
        offered = _findings(connection, period, request.app.state.today()).all
    if fault := tasks.taken(request, visitor, form, _path(tenant, start), offered):
        return _page(request, visitor, tenant, start, fault)
    return tasks.watching(_path(tenant, start))


def _findings(connection: Connection, period: Row, today: date) -> Findings:
    blockers = [] if is_done(period) else blocking.blockers(connection, [period], today)
    unknown, beside = unknown_costs(connection, [period]), not_billed(connection, [period])
    return Findings(*([word(one).on_page for one in found] for found in (blockers, unknown, beside)))


def _page(
    request: Request, visitor: Visitor, tenant: str, start: date, fault: str = "", *, reason: str = ""
) -> Response:
    today = request.app.state.today()
    with readers(request).operator() as connection:
        try:
            statement = content.read(connection, tenant, start, with_costs=True, with_calls=False)
        except StatementMissing as error:
            raise HTTPException(404, str(error)) from None
        period = _statement(connection, tenant, start)
        findings = _findings(connection, period, today)
        history = periods.decision(connection, tenant, start)
        behind = what_is_behind(connection, request, [tenant])
        asked = tasks.shown(connection, _path(tenant, start), request)
        number = issuing.numbers(connection, tenant).get(start)
        paid = payments.read(connection, Month.parse(f"{start:%Y-%m}"), tenant).get((tenant, start))
        is_running = today < period["ends_on"]
        expected = forecast_of(connection, today, tenant) if is_running else None
        known_agents = sorted({row["agent_id"] for row in agents.agents(connection, tenant)})
    return render(
        "period.html",
        status=409 if fault else 200,
        title=f"{statement.name}, {start:%B %Y}",
        visitor=visitor,
        statement=statement,
        state=period["state"],
        last_day=period["ends_on"] - timedelta(days=1),
        is_running=is_running,
        is_pending=not is_done(period),
        findings=findings,
        history=history,
        figures=figures_of(statement, expected.quantities if expected else None),
        expected=expected,
        defined=defined(request, statement.meter_ids),
        behind=behind,
        fault=fault,
        reason=reason,
        here=_path(tenant, start),
        under_way=asked,
        number=number,
        paid=paid,
        choices={"agent": known_agents},
    )


def _statement(connection: Connection, tenant: str, start: date) -> Row:
    month = Month.parse(f"{start:%Y-%m}")
    for row in periods.statements(connection, month, [tenant]):
        if row["period_start"] == start:
            return row
    raise _missing(tenant, start)


def _reviewed(connection: Connection, tenant: str, start: date) -> Row:
    for row in periods.periods_of(connection, Month.parse(f"{start:%Y-%m}"), [tenant]):
        if row["period_start"] == start:
            return row
    raise _missing(tenant, start)


def _missing(tenant: str, start: date) -> HTTPException:
    return HTTPException(404, f"There is no statement of {tenant} for a period from {day(start)} on.")


def _path(tenant: str, start: date) -> str:
    return f"/periods/{tenant}/{start}"
