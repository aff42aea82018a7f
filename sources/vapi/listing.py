"""A whole window of calls from an endpoint without pages: `GET /call` gives at most 1,000 and never says that more
exist.
"""

from collections.abc import Callable, Iterator, Sized
from dataclasses import dataclass, field, replace
from typing import TypeAlias, TypeVar

import msgspec

from sources.checks.quarantine import Quarantined
from sources.errors import AnswerTooLarge, ContractBroken, PullTruncated
from sources.http import ProviderClient
from sources.personal import Document
from sources.text import said_moment
from sources.vapi.calls import Call, parse, set_aside
from sources.window import Window, instant

Query: TypeAlias = dict[str, str | int]
Row: TypeAlias = tuple[Call, Document]
List = TypeVar("List", bound=Sized)

LIMIT = 1000
# What a limit that was ignored looks like: Vapi then gives its default, silently.
DEFAULT_LIMIT = 100


@dataclass
class Listing:
    """Calls by id, those set aside, the windows that tile what was asked, and how it went."""

    calls: dict[str, Row] = field(default_factory=dict)
    odd: list[Quarantined] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    requests: int = 0
    outside: int = 0


def list_calls(client: ProviderClient, whole: Window) -> Listing:
    """Every call created in the window, once.

    PullTruncated if a single millisecond fills an answer; ContractBroken if the answer ignores the window.
    """
    listing = Listing()
    for window, answer, is_whole in answers(client, whole, _query, "created", "/call", parse):
        listing.requests += 1
        inside = [row for row in answer.rows if row[0].created_at in window]
        # One that does not say when it was created is of the window that was asked for.
        odd = [row for row in answer.odd if row.at is None or row.at in window]
        if not is_whole:
            if len(inside) + len(odd) < len(answer):
                raise ContractBroken(f"Vapi GET /call: {_span(window)} was answered with calls created outside of it")
            continue
        listing.windows.append(window)
        listing.outside += len(answer) - len(inside) - len(odd)
        listing.odd += odd + [_of_another_day(row) for row in answer.rows if _is_astray(row, whole)]
        for row in inside:
            known = listing.calls.get(row[0].id)
            if known is None or known[0].updated_at < row[0].updated_at:
                listing.calls[row[0].id] = row
    return listing


def answers(
    client: ProviderClient,
    whole: Window,
    query: Callable[[Window], Query],
    happened: str,
    path: str,
    parse: Callable[[bytes], List],
) -> Iterator[tuple[Window, List, bool]]:
    """Each answer with its window, and whether it is whole: a full one, or one too large to take, is not trusted, and
    its window is asked again in halves. The windows of whole answers tile what was asked, in order.

    `happened` says what put a row into its window. PullTruncated if a single millisecond fills an answer.
    """
    unread = [whole]
    while unread:
        window = unread.pop()
        halves = window.halves()
        answer = parse(b"[]")
        is_whole = False
        try:
            answer = client.get(path, parse, query(window))
            is_whole = len(answer) < LIMIT and (len(answer) != DEFAULT_LIMIT or halves is None)
        except AnswerTooLarge:
            if halves is None:
                raise
        if not is_whole:
            if halves is None:
                raise PullTruncated(
                    f"Vapi GET {path}: {len(answer)} rows were {happened} in the millisecond of"
                    f" {said_moment(window.start)};"
                    f" Vapi lists at most {LIMIT} and offers no page to read on"
                )
            unread.extend(reversed(halves))
        yield window, answer, is_whole


def _is_astray(row: Row, whole: Window) -> bool:
    """Whether a call is of another day, and not just of its end, which a server may count in."""
    return row[0].created_at not in whole and row[0].created_at != whole.end


def _of_another_day(row: Row) -> Quarantined:
    """Told with a day and not of it: no count of the day has it, and somebody has to see that its own day does."""
    call, document = row
    reason = f"it was created on {said_moment(call.created_at)}, and counts on that day alone; pull that day too"
    return replace(set_aside(msgspec.json.encode(document), reason), totals={})


def _query(window: Window) -> Query:
    return {"createdAtGe": instant(window.start), "createdAtLt": instant(window.end), "limit": LIMIT}


def _span(window: Window) -> str:
    return f"{said_moment(window.start)} to {said_moment(window.end)}"
