"""Which days Vapi has changed since: calls of older days that were updated lately, by the UTC day of their creation."""

from datetime import UTC, date

from sources.http import ProviderClient
from sources.vapi.calls import parse
from sources.vapi.listing import LIMIT, Query, answers
from sources.window import Window, instant


def changed_days(client: ProviderClient, updated: Window, before: date) -> frozenset[date]:
    """UTC days before `before` with a call that was updated within the window; a deleted call is not told.

    What lies further back than the window is not asked for, so the cost is that of what changed. Raises SourceFailure.
    """
    created_before = instant(Window.of_day(before).start)

    def query(window: Window) -> Query:
        return {
            "updatedAtGe": instant(window.start),
            "updatedAtLt": instant(window.end),
            "createdAtLt": created_before,
            "limit": LIMIT,
        }

    created = (
        at
        for _, answer, _ in answers(client, updated, query, "updated", "/call", parse)
        for at in (*(call.created_at for call, _ in answer.rows), *(row.at for row in answer.odd))
        if at is not None
    )
    return frozenset(day for at in created if (day := at.astimezone(UTC).date()) < before)
