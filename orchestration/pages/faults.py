"""What a person sees when a page cannot be shown: what happened and what to do, never a trace or another's data."""

from collections.abc import Mapping
from typing import Any

from psycopg.errors import UndefinedTable
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.pages.rendering import render
from warehouse.errors import DatabaseUnreachable
from warehouse.preflight import IsolationBroken

_SAID = {
    404: "There is no such page.",
    405: "This address does not take that.",
    500: "Something went wrong here. It was written to the server's log; nothing was changed.",
}


def show_unbuilt(_: Request, __: Exception) -> Response:
    """The marts are not there yet."""
    said = "There is nothing to show yet: the marts are not built. Run minutebook build, then reload this page."
    return render("fault.html", status=503, title="Not built yet", said=said)


def show_open(_: Request, __: Exception) -> Response:
    """Somebody could see what is not theirs, so nobody is shown anything."""
    said = (
        "Nothing is shown while a way past row-level security is open. minutebook doctor names it and what closes it."
    )
    return render("fault.html", status=503, title="Closed for safety", said=said)


def show_refusal(_: Request, error: Exception) -> Response:
    """An answer of 4xx in words."""
    status = error.status_code if isinstance(error, HTTPException) else 400
    detail = error.detail if isinstance(error, HTTPException) else ""
    is_ours = status not in _SAID or " " in detail.replace("Not Found", "").replace("Method Not Allowed", "")
    return render("fault.html", status=status, title=_title(status), said=detail if is_ours else _SAID[status])


def show_fault(_: Request, error: Exception) -> Response:
    """An answer of 5xx in words."""
    if isinstance(error, DatabaseUnreachable):
        return render(
            "fault.html", status=503, title="No database", said="The database does not answer. Try again soon."
        )
    return render("fault.html", status=500, title=_title(500), said=_SAID[500])


def _title(status: int) -> str:
    return {403: "Not for you", 404: "Not found", 409: "Not done", 500: "Our fault"}.get(status, "Not possible")


HANDLERS: Mapping[Any, Any] = {
    HTTPException: show_refusal,
    UndefinedTable: show_unbuilt,
    IsolationBroken: show_open,
    DatabaseUnreachable: show_fault,
    Exception: show_fault,
}
