"""A tenant's own page: what it used of what is included, and its statements. Read as that tenant, as nobody else."""

from datetime import date

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.reports import content, payments
from orchestration.reports.content import StatementMissing
from orchestration.reports.figures import figures_of
from orchestration.web.access.auth import Visitor, for_roles, readers
from orchestration.web.calls.meters import defined
from orchestration.web.rendering import render
from warehouse.ingestion import today
from warehouse.marts import days
from warehouse.statements import issuing, periods
from warehouse.statements.forecast import forecast_of
from warehouse.statements.periods import Month

AGAIN_AFTER_SECONDS = 60


@for_roles("tenant")
def show_usage(request: Request, visitor: Visitor) -> Response:
    """The present period, or the one asked for, and all statements of the tenant who is signed in."""
    tenant = visitor.person.tenant_id or ""
    with readers(request).tenant(tenant) as connection:
        statements = periods.statements_of(connection, tenant)
        start = _start(request) or (statements[0]["period_start"] if statements else None)
        statement = None
        if start is not None:
            try:
                statement = content.read(connection, tenant, start, with_costs=False, with_calls=False)
            except StatementMissing:
                raise HTTPException(404, "There is no statement of that period.") from None
        read = days.read_through(connection, tenant, start) if start else None
    is_running = statement is not None and statement.period_end > request.app.state.today()
    # An approval counts from the moment it is made, and not from the next build on.
    with readers(request).operator() as connection:
        states = periods.states_of(connection, tenant)
        numbers = issuing.numbers(connection, tenant)
        is_counted_today = today.is_chosen(connection, tenant)
        paid = payments.read(connection, Month.parse(f"{start:%Y-%m}"), tenant).get((tenant, start)) if start else None
        expected = forecast_of(connection, request.app.state.today(), tenant) if is_running else None
    keeps_up = is_running and is_counted_today and request.query_params.get("every") == "minute"
    page = render(
        "usage.html",
        title=visitor.person.tenant_name,
        visitor=visitor,
        statements=statements,
        statement=statement,
        figures=figures_of(statement, expected.quantities if expected else None) if statement else None,
        expected=expected,
        defined=defined(request, statement.meter_ids if statement else ()),
        states=states,
        numbers=numbers,
        paid=paid,
        read=read,
        is_counted_today=is_counted_today,
        keeps_up=keeps_up,
        today=request.app.state.today(),
    )
    if keeps_up:
        page.headers["Refresh"] = str(AGAIN_AFTER_SECONDS)  # a page without script; a person asks for it, and ends it
    return page


def _start(request: Request) -> date | None:
    asked = request.path_params.get("start")
    try:
        return date.fromisoformat(asked) if asked else None
    except ValueError:
        raise HTTPException(404) from None
