"""Twilio as its specification, its documents and published answers of real accounts have it: usage records by day, and
lists of calls, recordings, messages and transcriptions.

The next page is named by an address with a token, and by nothing else.
"""

from base64 import b64decode
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.sandbox.twilio.account import Row, TwilioAccount

PAGING = {"PageSize", "Page", "PageToken"}
LISTS = {
    # The field that each list is filtered and placed by, and the name of its parameter; transcriptions have none.
    "Calls": ("calls", "start_time", "StartTime"),
    "Recordings": ("recordings", "date_created", "DateCreated"),
    "Messages": ("messages", "date_sent", "DateSent"),
    "Transcriptions": ("transcriptions", "date_created", None),
}
OTHERS = {"Recordings": {"IncludeSoftDeleted"}}
INCLUDED_END = {"DateSent<", "DateCreated<"}
"""Bounds that hold the day that they name, as the documents of messages have it."""


def error(status: int, code: int, message: str) -> Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return JSONResponse({"code": code, "message": message, "more_info": more, "status": status}, status)


def routes(accounts: dict[str, TwilioAccount]) -> list[Route]:
    async def answer(request: Request) -> Response:
        sid, resource = request.path_params["sid"], request.path_params["resource"]
        refused = refusal(accounts, request.headers.get("authorization", ""), sid, resource)
        if refused is not None:
            return refused
        account, query = accounts[sid], dict(request.query_params)
        if not query.get("PageSize", "50").isdigit() or not 1 <= int(query.get("PageSize", "50")) <= 1000:
            return error(400, 20001, "PageSize must be between 1 and 1000")
        try:
            if resource == "Usage/Records/Daily":
                return page(request, query, "usage_records", records(accounts, account, query))
            return page(request, query, LISTS[resource][0], things(account, resource, query))
        except ValueError as fault:
            return error(400, 20001, str(fault))

    return [Route("/2010-04-01/Accounts/{sid}/{resource:path}.json", answer)]


def refusal(accounts: dict[str, TwilioAccount], header: str, sid: str, resource: str) -> Response | None:
    """Why a request is not answered: a key that is none, of another account, or without the permission."""
    try:
        user, _, secret = b64decode(header.removeprefix("Basic ")).decode().partition(":")
    except ValueError:
        user = secret = ""
    of_user = accounts.get(user)
    is_token = of_user is not None and secret == of_user.token
    keys = (one.keys[user] for one in accounts.values() if user in one.keys)
    key = next((key for key in keys if key.secret == secret), None)
    if not is_token and key is None:
        return error(401, 20003, "Authenticate")
    if sid not in accounts:
        return error(404, 20404, f"The requested resource /2010-04-01/Accounts/{sid}/{resource}.json was not found")
    opened = {user} | {child for child, one in accounts.items() if one.parent == user}
    if (is_token and sid not in opened) or (key is not None and user not in accounts[sid].keys):
        return error(401, 20003, "Authenticate")
    if resource != "Usage/Records/Daily" and resource not in LISTS:
        return error(404, 20404, "The requested resource was not found")
    if key is not None and key.reads is not None and resource.partition("/")[0] not in key.reads:
        return error(403, 70051, "Authorization Error: the key is not authorized to perform the request")
    return None


def records(accounts: dict[str, TwilioAccount], account: TwilioAccount, query: dict[str, str]) -> list[Row]:
    """Usage records of days, both ends included; of a parent with its children's, unless it is asked otherwise."""
    known_only(query, {"StartDate", "EndDate", "Category", "IncludeSubaccounts"})
    first, last = date.fromisoformat(query["StartDate"]), date.fromisoformat(query["EndDate"])
    with_children = query.get("IncludeSubaccounts", "true") != "false"
    children = [one for one in accounts.values() if with_children and one.parent == account.sid]
    found = []
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        rows = [dict(row) for row in account.usage.get(day, [])]
        for row in rows:
            others = [other for child in children for other in child.usage.get(day, [])]
            same = [other for other in others if other["category"] == row["category"]]
            if same:
                row["price"] = str(sum((Decimal(other["price"]) for other in same), Decimal(row["price"])))
        found += rows
    return [row for row in found if query.get("Category") in (None, row["category"])]


def things(account: TwilioAccount, resource: str, query: dict[str, str]) -> list[Row]:
    """Rows of a list within the bounds, newest first."""
    name, field, parameter = LISTS[resource]
    bounds = set() if parameter is None else {parameter, f"{parameter}<", f"{parameter}>"}
    known_only(query, bounds | OTHERS.get(resource, set()))
    found: list[Row] = list(getattr(account, name))
    if query.get("IncludeSoftDeleted") != "true":
        found = [row for row in found if row["status"] != "deleted"]
    for bound in bounds & query.keys():
        holds = comparison(bound, date.fromisoformat(query[bound]))
        found = [row for row in found if row[field] and holds(parsedate_to_datetime(row[field]))]
    return sorted(found, key=lambda row: parsedate_to_datetime(row["date_created"]), reverse=True)


def comparison(bound: str, day: date) -> Callable[[datetime], bool]:
    if bound.endswith(">"):
        return lambda at: at.date() >= day
    if bound.endswith("<"):
        return lambda at: at.date() < day or (bound in INCLUDED_END and at.date() == day)
    return lambda at: at.date() == day


def known_only(query: dict[str, str], known: set[str]) -> None:
    if unknown := sorted(query.keys() - known - PAGING):
        raise ValueError(f"Invalid parameter {unknown[0]}")


def page(request: Request, query: dict[str, str], name: str, rows: list[Row]) -> Response:
    """One page; those after the first are opened by the token that the one before named."""
    size, number = int(query.get("PageSize", "50")), int(query.get("Page", "0"))
    if number and query.get("PageToken") != f"PA{number:032x}":
        return error(400, 20006, "Page token is missing or wrong")
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    asked = {key: value for key, value in query.items() if key not in PAGING} | {"PageSize": str(size)}
    following = {**asked, "Page": str(number + 1), "PageToken": f"PA{number + 1:032x}"}
    first, more = number * size, (number + 1) * size < len(rows)
    return JSONResponse(
        {
            "first_page_uri": f"{path}?{urlencode({**asked, 'Page': '0'})}",
            "next_page_uri": f"{path}?{urlencode(following)}" if more else None,
            "previous_page_uri": None,
            "page": number,
            "page_size": size,
            "start": first,
            "end": max(first, min(first + size, len(rows)) - 1),
            "uri": f"{path}?{urlencode(asked)}",
            name: rows[first : first + size],
        }
    )
