"""Which days Vapi has changed since: calls of older days that were updated lately, by the UTC day of their creation."""

from datetime import UTC, date

from sources.errors import AnswerTooLarge, PullTruncated
from sources.http import ProviderClient
from sources.vapi.calls import parse
from sources.vapi.listing import DEFAULT_LIMIT, LIMIT
from sources.window import Window, instant


def changed_days(client: ProviderClient, updated: Window, before: date) -> frozenset[date]:
    """UTC days before `before` with a call that was updated within the window; a deleted call is not told.

    What lies further back than the window is not asked for, so the cost is that of what changed. Raises SourceFailure.
    """
    days: set[date] = set()
    unread = [updated]
    created_before = instant(Window.of_day(before).start)
    while unread:
        window = unread.pop()
        query: dict[str, str | int] = {
            "updatedAtGe": instant(window.start),
            "updatedAtLt": instant(window.end),
            "createdAtLt": created_before,
            "limit": LIMIT,
        }
        try:
            answer = client.get("/call", parse, query)
        except AnswerTooLarge:
            if (halves := window.halves()) is None:
                raise
            unread.extend(halves)
            continue
        days |= {call.created_at.astimezone(UTC).date() for call, _ in answer}
        if len(answer) >= LIMIT or len(answer) == DEFAULT_LIMIT:
            if halves := window.halves():
                unread.extend(halves)
            elif len(answer) >= LIMIT:
                raise PullTruncated(
                    f"Vapi GET /call: {len(answer)} calls were updated in the millisecond {instant(window.start)};"
                    f" Vapi lists at most {LIMIT} and offers no page to read on"
                )
    return frozenset(day for day in days if day < before)
