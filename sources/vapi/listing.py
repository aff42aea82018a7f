"""A whole window of calls from an endpoint without pages: `GET /call` gives at most 1,000 and never says that more
exist.
"""

from dataclasses import dataclass, field

from sources.errors import AnswerTooLarge, ContractBroken, PullTruncated
from sources.http import ProviderClient
from sources.personal import Document
from sources.vapi.calls import Call, parse
from sources.window import Window, instant

LIMIT = 1000
# What a limit that was ignored looks like: Vapi then gives its default, silently.
DEFAULT_LIMIT = 100


@dataclass
class Listing:
    """Calls by id, the windows that tile what was asked, and how it went."""

    calls: dict[str, tuple[Call, Document]] = field(default_factory=dict)
    windows: list[Window] = field(default_factory=list)
    requests: int = 0
    outside: int = 0


def list_calls(client: ProviderClient, whole: Window) -> Listing:
    """Every call created in the window, once. A full answer is not trusted: its window is asked again in halves.

    PullTruncated if a single millisecond fills an answer; ContractBroken if the answer ignores the window.
    """
    listing = Listing()
    unread = [whole]
    while unread:
        window = unread.pop()
        listing.requests += 1
        try:
            answer = client.get("/call", parse, _query(window))
        except AnswerTooLarge:
            if (halves := window.halves()) is None:
                raise
            unread.extend(reversed(halves))
            continue
        inside = [row for row in answer if row[0].created_at in window]
        if len(answer) >= LIMIT or len(answer) == DEFAULT_LIMIT:
            if len(inside) < len(answer):
                raise ContractBroken(f"Vapi GET /call: {_span(window)} was answered with calls created outside of it")
            if halves := window.halves():
                unread.extend(reversed(halves))
                continue
            if len(answer) >= LIMIT:
                raise PullTruncated(
                    f"Vapi GET /call: {len(answer)} calls were created in the millisecond {instant(window.start)};"
                    f" Vapi lists at most {LIMIT} and offers no page to read on"
                )
        listing.windows.append(window)
        listing.outside += len(answer) - len(inside)
        for row in inside:
            known = listing.calls.get(row[0].id)
            if known is None or known[0].updated_at < row[0].updated_at:
                listing.calls[row[0].id] = row
    return listing


def _query(window: Window) -> dict[str, str | int]:
    return {"createdAtGe": instant(window.start), "createdAtLt": instant(window.end), "limit": LIMIT}


def _span(window: Window) -> str:
    return f"[{instant(window.start)}, {instant(window.end)})"
