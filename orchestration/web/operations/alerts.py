"""The page of alerts: what is wrong, what resolves it, what ended lately, and who is told."""

from collections.abc import Sequence
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.outgoing.forms import ALERTS
from orchestration.outgoing.opening import Opened, Tested, channels_of, open_channel, renew, send_tests
from orchestration.remedies.wording import Link, OnPage, resolved_by
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.operations import tasks
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse import clock
from warehouse.control import tenants
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection, Row
from warehouse.operations import alerts
from warehouse.outgoing import endpoints
from warehouse.outgoing.endpoints import EndpointRefused

PAGE = "/alerts"
_TOLD = f"{PAGE}#told"
PAGE_ROWS = 50
RECENT = timedelta(days=7)
_OF_FINANCE = ("/periods", "/invoices")
_RESOLVED_THERE = ("/keys", "/events")
"""Pages that have the form in place of the command."""


@for_roles("operator", "finance")
def show_alerts(request: Request, visitor: Visitor) -> Response:
    """What is open, the worst first, each with what resolves it; then what ended within a week."""
    return _alerts(request, visitor)


@form_for_roles("operator", "finance")
def take_remedy(request: Request, visitor: Visitor, form: Form) -> Response:
    """Ask for what resolves an alert."""
    with readers(request).operator() as connection:
        found = alerts.listed(connection, clock.now())
    offered = [_remedy(row, visitor) for row in found if row["resolved_at"] is None]
    if fault := tasks.taken(request, visitor, form, PAGE, offered):
        return _alerts(request, visitor, fault)
    return tasks.watching(PAGE)


@form_for_roles("operator", "finance")
def add_channel(request: Request, visitor: Visitor, form: Form) -> Response:
    """Tell somebody of alerts from now on; a secret is shown this one time."""
    settings, to = request.app.state.settings, form.get("to", "").strip()
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            tenant = form.get("tenant", "").strip() or None
            made = open_channel(settings, connection, to, form.get("form", ""), tenant, clock.now())
    except WarehouseError as error:
        return _alerts(request, visitor, f"Nobody was added: {error}", filled=form)
    return _alerts(request, visitor, made=made) if made.secret else RedirectResponse(_TOLD, 303)


@form_for_roles("operator", "finance")
def test_channel(request: Request, visitor: Visitor, form: Form) -> Response:
    """Send a channel a message that says it is a test, and show what it answered."""
    settings = request.app.state.settings
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            channels = channels_of(settings, connection, form.get("endpoint", ""))
    except WarehouseError as error:
        return _alerts(request, visitor, str(error))
    return _alerts(request, visitor, tested=send_tests(settings, channels, clock.now()))


@form_for_roles("operator", "finance")
def renew_channel(request: Request, visitor: Visitor, form: Form) -> Response:
    """Give a channel that is sent signed events another secret, which is shown this one time."""
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            _require_channel(connection, form)
            made = renew(request.app.state.settings, connection, form["endpoint"], clock.now())
    except WarehouseError as error:
        return _alerts(request, visitor, str(error))
    return _alerts(request, visitor, made=made)


@form_for_roles("operator", "finance")
def end_channel(request: Request, visitor: Visitor, form: Form) -> Response:
    """Tell a channel nothing any more; what waits for it is dropped."""
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            _require_channel(connection, form)
            endpoints.revoke(connection, form["endpoint"], clock.now())
    except WarehouseError as error:
        return _alerts(request, visitor, str(error))
    return RedirectResponse(_TOLD, 303)


def _alerts(
    request: Request,
    visitor: Visitor,
    fault: str = "",
    *,
    filled: Form | None = None,
    made: Opened | None = None,
    tested: Sequence[Tested] = (),
) -> Response:
    with readers(request).operator() as connection:
        found = alerts.listed(connection, clock.now() - RECENT)
        channels = endpoints.hearing(connection, ALERTS[0])
        asked = tasks.shown(connection, PAGE, request)
        known = tenants.names(connection)
        named = tenants.named(connection, (row["tenant_id"] for row in (*found, *channels)))
    open_now = [row for row in found if row["resolved_at"] is None]
    over = [row for row in found if row["resolved_at"] is not None]
    paging, ended = Paging(request, len(open_now), PAGE_ROWS), Paging(request, len(over), PAGE_ROWS, "ended")
    return render(
        "alerts.html",
        status=409 if fault else 200,
        fault=fault,
        title="Alerts",
        visitor=visitor,
        open=[(row, _remedy(row, visitor)) for row in open_now[paging.start : paging.end]],
        paging=paging,
        ended=over[ended.start : ended.end],
        ended_paging=ended,
        channels=channels,
        under_way=asked,
        tenants=known,
        named=named,
        filled=filled or {},
        made=made,
        tested=tested,
        has_mail=request.app.state.settings.mailer is not None,
    )


def _require_channel(connection: Connection, form: Form) -> None:
    if ALERTS[0] not in endpoints.found(connection, form.get("endpoint", ""))["event_types"]:
        raise EndpointRefused("It hears events, not alerts: see the page of events.")


def _remedy(row: Row, visitor: Visitor) -> OnPage:
    command, steps = resolved_by(row["fix"])
    path = row["path"]
    is_theirs = visitor.person.role == "finance" or not path.startswith(_OF_FINANCE)
    link = Link("See what it is about", path) if path != PAGE and is_theirs else None
    command = "" if path.startswith(_RESOLVED_THERE) else command
    return OnPage("", link=link, command=command, steps=steps)
