"""What a person sees when a page cannot be shown: what happened and what to do, never a trace or another's data."""

from collections.abc import Mapping
from typing import Any

import structlog
from psycopg import errors
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.web.rendering import render
from warehouse.database.errors import DatabaseUnreachable, EmbeddedServerError
from warehouse.security.isolation import IsolationBroken

_LOG = structlog.get_logger(__name__)
_SAID = {
    404: "There is no such page.",
    405: "This address does not accept that request.",
    500: "Something went wrong here. It was written to the server's log; nothing was changed.",
}


def show_unbuilt(_: Request, __: Exception) -> Response:
    """The marts are not there yet."""
    return _later(
        "Not built yet",
        "There is nothing to show yet: the data is not built. Run minutebook build, then reload this page.",
        60,
    )


def show_open(_: Request, __: Exception) -> Response:
    """Somebody could see what is not theirs, so nobody is shown anything."""
    return _later(
        "Closed for safety",
        "Nothing is shown while a way past row-level security is open. minutebook doctor names it and what closes it.",
        60,
    )


def show_unreachable(_: Request, error: Exception) -> Response:
    """The database is away, restarting, or has no room."""
    _LOG.error("the database does not answer", problem=type(error).__name__)
    return _later("No database", "The database does not answer. Try again soon; nothing was changed.", 5)


def show_too_slow(_: Request, error: Exception) -> Response:
    """Ended by a bound on how long somebody may hold or wait for something."""
    _LOG.warning("a page took too long and was ended", problem=type(error).__name__)
    return _later("Took too long", "This took too long and was ended. Try again soon; nothing was changed.", 10)


def show_held(_: Request, error: Exception) -> Response:
    """Another holds what this needs: a build, an approval, or whom the log names."""
    _LOG.warning("a page waited for a lock and was ended", problem=str(error))
    return _later(
        "Not just now", "A build or another change holds what this needs. Try again soon; nothing was changed.", 10
    )


def show_collision(_: Request, error: Exception) -> Response:
    """Another wrote the same between our look and our writing."""
    _LOG.warning("two wrote the same at once", problem=type(error).__name__)
    said = "Somebody else wrote the same at the same moment. Nothing was changed: go back, and look at what stands now."
    return render("fault.html", status=409, title=_title(409), said=said)


def show_too_large(_: Request, error: Exception) -> Response:
    """A number of the address or of a form that no column holds."""
    _LOG.warning("a number was too large", problem=type(error).__name__)
    said = "A number in this request is larger than any that is kept here. Nothing was changed."
    return render("fault.html", status=400, title=_title(400), said=said)


def show_full(_: Request, error: Exception) -> Response:
    """No room on a disk: the database's, or that of a file on its way to somebody."""
    _LOG.error("there is no room left on a disk", problem=type(error).__name__)
    return _later("No room", "There is no room left on a disk here. Nothing was changed; try again once there is.", 60)


def show_refusal(_: Request, error: Exception) -> Response:
    """An answer of 4xx in words, or of 503 that says when to come again."""
    status, detail, headers = 400, "", None
    if isinstance(error, HTTPException):
        status, detail, headers = error.status_code, error.detail, error.headers
    is_ours = status not in _SAID or " " in detail.replace("Not Found", "").replace("Method Not Allowed", "")
    response = render("fault.html", status=status, title=_title(status), said=detail if is_ours else _SAID[status])
    response.headers.update(headers or {})
    return response


def show_fault(_: Request, __: Exception) -> Response:
    """An answer of 500 in words."""
    return render("fault.html", status=500, title=_title(500), said=_SAID[500])


def _later(title: str, said: str, seconds: int) -> Response:
    response = render("fault.html", status=503, title=title, said=said)
    response.headers["Retry-After"] = str(seconds)
    return response


def _title(status: int) -> str:
    return _TITLES.get(status, "Not possible")


_TITLES = {
    403: "Not allowed",
    404: "Not found",
    409: "Not possible now",
    429: "Too many requests",
    500: "Server error",
    503: "Not available",
}
HANDLERS: Mapping[Any, Any] = {
    HTTPException: show_refusal,
    errors.UndefinedTable: show_unbuilt,
    IsolationBroken: show_open,
    DatabaseUnreachable: show_unreachable,
    EmbeddedServerError: show_unreachable,
    errors.OperationalError: show_unreachable,
    errors.QueryCanceled: show_too_slow,
    errors.LockNotAvailable: show_held,
    errors.UniqueViolation: show_collision,
    errors.ExclusionViolation: show_collision,
    errors.NumericValueOutOfRange: show_too_large,
    errors.DiskFull: show_full,
    errors.DeadlockDetected: show_too_slow,
    errors.SerializationFailure: show_too_slow,
    errors.IdleInTransactionSessionTimeout: show_too_slow,
    errors.TransactionTimeout: show_too_slow,
    Exception: show_fault,
}
