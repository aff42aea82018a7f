"""How the API says that something was not done: problem documents of RFC 9457."""

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from psycopg import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from warehouse.database.errors import WarehouseError

_LOG = structlog.get_logger(__name__)
PROBLEM = "application/problem+json"
QUOTA = "https://iana.org/assignments/http-problem-types#quota-exceeded"
"""The one registered type that is used."""
_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    413: "Content too large",
    414: "URI too long",
    415: "Unsupported media type",
    421: "Misdirected request",
    422: "Some events were not stored",
    429: "Too many requests",
    500: "Internal server error",
    503: "Service unavailable",
}
_ENCODE = msgspec.json.encode


class Problem(HTTPException):
    """What the client should know, as a problem document; `members` are added to it."""

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        kind: str = "about:blank",
        **members: Any,
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.kind = kind
        self.members = members


def answered(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(_ENCODE(body), status, headers, "application/json")


def problem(
    detail: str,
    status: int,
    headers: Mapping[str, str] | None = None,
    /,
    kind: str = "about:blank",
    members: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document."""
    title = _TITLES.get(status, "Not possible")
    document = {"type": kind, "title": title, "status": status, "detail": detail, **(members or {})}
    return Response(_ENCODE(document), status, headers, PROBLEM)


def show_problem(_: Request, error: Exception) -> Response:
    """Of a Problem, and of what the framework refuses."""
    if isinstance(error, Problem):
        return problem(error.detail, error.status_code, error.headers, kind=error.kind, members=error.members)
    if not isinstance(error, HTTPException):
        raise error
    detail = "There is nothing at this address." if error.status_code == 404 else error.detail
    return problem(detail, error.status_code, error.headers)


def show_away(_: Request, error: Exception) -> Response:
    """The database is away, or has no room: nothing was said to be stored that is not."""
    _LOG.error("events are not kept", problem=type(error).__name__)
    return problem("Nothing can be stored now: repeat the request later.", 503, {"Retry-After": "5"})


def show_fault(_: Request, __: Exception) -> Response:
    """What went wrong is in the log."""
    return problem("Something went wrong here; it was written to the server's log. Repeating is safe.", 500)


HANDLERS: Mapping[Any, Any] = {
    HTTPException: show_problem,
    WarehouseError: show_away,
    OperationalError: show_away,
    Exception: show_fault,
}
