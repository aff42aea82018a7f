"""Days of a month that its provider has settled since they were read: each is read once more.

No cursor is kept: from the day on which a month is settled, until that month is over, a day is due while its last good
reading is older than that. A night that did not run is made good by the next one.
"""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

import psycopg

from orchestration.ingestion.outcomes import AccountDay
from sources.registry import source_named
from warehouse.ingestion import retry_schedule


def settled(
    connection: psycopg.Connection[Any], days: Collection[AccountDay], today: date
) -> frozenset[tuple[str, str, date]]:
    """Source, account and date of days of last month that were read well, and last before the month was settled."""
    accounts: dict[str, set[str]] = {}
    for day in days:
        settles_on = source_named(day.source).settles_on
        if settles_on is not None and today.day >= settles_on:
            accounts.setdefault(day.source, set()).add(day.account)
    end = today.replace(day=1)
    first_day = (end - timedelta(days=1)).replace(day=1)
    return frozenset(
        (source, account, usage_date)
        for source, of_source in accounts.items()
        for account, usage_date in retry_schedule.last_read_before(
            connection,
            source,
            sorted(of_source),
            first_day,
            end,
            today.replace(day=source_named(source).settles_on or 1),
        )
    )
