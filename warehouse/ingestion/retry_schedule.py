"""Account-days that come back by themselves, and when: told by the ledger as it stands, with no list kept of them.

incomplete, failed for a passing reason, died   after 15 minutes, then twice as long each time, up to 12 hours
failed for what a person probably must fix     after an hour, then twice as long each time, up to a day
failed for want of an accepted credential       as well as soon as another one is stored
something was pushed to us since               after 15 minutes
never pulled                                    twelve hours after its day ended: the night should have been there

They come back as far as the provider remembers them, however long nobody could pull; what was before the first night
was for a person to load.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from warehouse.database.queries import Connection, first, rows
from warehouse.ingestion.pulls import PullKey

FILE = "ingestion/retry_schedule"
RECENT = timedelta(days=14)
FURTHEST = timedelta(days=400)  # of a provider that forgets nothing
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=15), timedelta(hours=12)
FIRST_FAR_WAIT, LONGEST_FAR_WAIT = timedelta(hours=1), timedelta(days=1)
NIGHT_IS_OVER = timedelta(hours=12)


@dataclass(frozen=True)
class DueDay:
    """An account-day to be pulled again from `due_at` on. `tries` counts its pulls since the last whole answer."""

    key: PullKey
    tenants: tuple[str, ...]
    status: str
    tries: int
    cause: str | None
    due_at: datetime


def account_days(connection: Connection, now: datetime, horizons: Mapping[str, int | None]) -> list[DueDay]:
    """Every account-day that comes back, soonest first; those after `now` are not due yet.

    horizons: for how many days the provider of each source remembers, None: for good. Other sources bring none back.
    """
    night = first(connection, FILE, "first_night")
    since = min(now, (night and night["started_at"]) or now) - RECENT
    first_days = {
        source: max(since, now - (FURTHEST if days is None else timedelta(days=days))).date().isoformat()
        for source, days in horizons.items()
    }
    found = rows(
        connection,
        FILE,
        "account_days",
        first_days=json.dumps(first_days),
        last_day=now.date() - timedelta(days=1),
        first_wait=FIRST_WAIT,
        longest_wait=LONGEST_WAIT,
        first_far_wait=FIRST_FAR_WAIT,
        longest_far_wait=LONGEST_FAR_WAIT,
        night_is_over=NIGHT_IS_OVER,
    )
    return [
        DueDay(
            PullKey(
                row["source"],
                row["account"],
                None if row["account"] == "platform" else row["account"],
                row["usage_date"],
            ),
            tuple(row["tenants"]),
            row["status"],
            row["tries"],
            row["cause"],
            row["due_at"],
        )
        for row in found
    ]


def next_pulls(
    connection: Connection, now: datetime, horizons: Mapping[str, int | None]
) -> dict[tuple[str, str, date], datetime]:
    """When each account-day (source, account, usage date) that comes back is pulled next; `now` where it is due."""
    return {
        (day.key.source, day.key.account, day.key.usage_date): max(day.due_at, now)
        for day in account_days(connection, now, horizons)
    }


def a_schedule_pulls(connection: Connection) -> bool:
    """Whether any night has ever pulled here; else people pull, and nothing should come by itself."""
    found = first(connection, FILE, "a_schedule_pulls")
    return found is not None and bool(found["a_schedule_pulls"])


def last_scheduled(connection: Connection, source: str, accounts: list[str], since: datetime) -> dict[str, datetime]:
    """When a schedule last read each account well, for usage dates from the day of `since` on."""
    found = rows(connection, FILE, "last_scheduled", source=source, accounts=accounts, first_day=since.date())
    return {row["account"]: row["opened_at"] for row in found}


def last_read_before(
    connection: Connection, source: str, accounts: list[str], first_day: date, end: date, settled: date
) -> list[tuple[str, date]]:
    """Account and usage date of `[first_day, end)` of what was read well, and last before the day `settled`."""
    asked = {"source": source, "accounts": accounts, "first_day": first_day, "end": end, "settled": settled}
    return [(row["account"], row["usage_date"]) for row in rows(connection, FILE, "last_read_before", **asked)]
