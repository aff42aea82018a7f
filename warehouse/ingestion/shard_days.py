"""Days of shards: which days of tenants each stands for, and whether all of them are published. Owns no table."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from warehouse.database.queries import Connection, first, rows, typed

FILE = "ingestion/shard_days"


class ShardDay(NamedTuple):
    """One source's day of a shard."""

    source: str
    shard: str
    usage_date: date


class Standing(NamedTuple):
    """How a shard's day stands: of so many tenants that use the source, and the newest pull that is published of it."""

    source: str
    shard: str
    usage_date: date
    tenants: int
    pull_id: int | None
    is_whole: bool
    is_incomplete: bool

    @property
    def day(self) -> ShardDay:
        """Which day it is."""
        return ShardDay(self.source, self.shard, self.usage_date)


def active_tenant_days(
    connection: Connection, tenant_ids: Sequence[str], usage_dates: Sequence[date]
) -> list[tuple[str, date]]:
    """Of these tenants and days, those on which the tenant is active."""
    asked = {"tenant_ids": list(tenant_ids), "usage_dates": list(usage_dates)}
    return [(row["tenant_id"], row["usage_date"]) for row in rows(connection, FILE, "active_tenant_days", **asked)]


def end_of_a_block(connection: Connection, since: datetime | None, size: int) -> datetime | None:
    """The moment at which more pulls than this were published since another; None where fewer were."""
    row = first(connection, FILE, "end_of_a_block", since=since, size=size)
    return row["closed_at"] if row else None


def published_between(
    connection: Connection, of: Mapping[str, str], first_day: date, since: datetime | None, until: datetime | None
) -> list[ShardDay]:
    """Days from the first on of which something was published in [since, until), None without a bound. of: the shard
    of each tenant.
    """
    reach = {"first_day": first_day, "since": since, "until": until}
    return typed(connection, ShardDay, FILE, "published_between", **_members(of), **reach)


def standings(connection: Connection, of: Mapping[str, str], days: Collection[ShardDay]) -> list[Standing]:
    """How each of these days stands, for the tenants that are in its shard by `of`, active on it and use the source."""
    asked = {day.shard for day in days}
    members = _members({tenant: shard for tenant, shard in of.items() if shard in asked})
    sources, of_days, dates = zip(*days, strict=True) if days else ((), (), ())
    named = {"sources": list(sources), "day_shards": list(of_days), "usage_dates": list(dates)}
    return typed(connection, Standing, FILE, "standings", **members, **named)


def _members(of: Mapping[str, str]) -> dict[str, Any]:
    return {"tenant_ids": list(of), "shards": list(of.values())}
