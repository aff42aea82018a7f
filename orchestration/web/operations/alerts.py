"""The page of alerts: what is wrong, what resolves it, what ended lately, and who is told."""

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from orchestration.outgoing.forms import ALERTS
from orchestration.remedies.wording import Link, OnPage, resolved_by
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.operations import tasks
from orchestration.web.rendering import render
from warehouse import clock
from warehouse.database.queries import Row
from warehouse.operations import alerts
from warehouse.outgoing import endpoints

PAGE = "/alerts"
RECENT = timedelta(days=7)
_OF_FINANCE = ("/periods", "/invoices")


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


def _alerts(request: Request, visitor: Visitor, fault: str = "") -> Response:
    with readers(request).operator() as connection:
        found = alerts.listed(connection, clock.now() - RECENT)
        channels = endpoints.hearing(connection, ALERTS[0])
        asked = tasks.shown(connection, PAGE, request)
    return render(
        "alerts.html",
        status=409 if fault else 200,
        fault=fault,
        title="Alerts",
        visitor=visitor,
        open=[(row, _remedy(row, visitor)) for row in found if row["resolved_at"] is None],
        ended=[row for row in found if row["resolved_at"] is not None],
        channels=channels,
        under_way=asked,
    )


def _remedy(row: Row, visitor: Visitor) -> OnPage:
    command, steps = resolved_by(row["fix"])
    path = row["path"]
    is_theirs = visitor.person.role == "finance" or not path.startswith(_OF_FINANCE)
    link = Link("See what it is about", path) if path != PAGE and is_theirs else None
    return OnPage("", link=link, command=command, steps=steps)
