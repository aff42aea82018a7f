"""Tenants' days as the marts have them: read, missing or failed, why, and what was used."""

from datetime import date

from warehouse.database.queries import Connection, Row, first, rows

FILE = "marts/days"


def heat(
    connection: Connection,
    first_day: date,
    last_day: date,
    words: str = "",
    *,
    only_to_fix: bool = False,
    limit: int,
    offset: int = 0,
) -> list[Row]:
    """A page of tenants whose name or id has these words, those with most to fix first: each its statuses by day, and
    tenants_found of all pages. Days are both included.
    """
    window = {"first_day": first_day, "last_day": last_day, "limit": limit, "offset": offset}
    return rows(connection, FILE, "heat", **window, words=words, only_to_fix=only_to_fix)


def causes(connection: Connection, first_day: date, last_day: date) -> list[Row]:
    """What needs fixing in these days, both included: the twelve causes that most tenants have, by status."""
    return rows(connection, FILE, "causes", first_day=first_day, last_day=last_day)


def counts(connection: Connection, first_day: date, last_day: date) -> Row:
    """How many readings of these days, both included, are in which state, and of how many tenants."""
    (found,) = rows(connection, FILE, "day_counts", first_day=first_day, last_day=last_day)
    return found


def sources_of(connection: Connection, tenant_id: str, usage_date: date) -> list[Row]:
    """The state of each source on a tenant's day, and why."""
    return rows(connection, FILE, "day", tenant_id=tenant_id, usage_date=usage_date)


def usage_of(connection: Connection, tenant_id: str, usage_date: date) -> list[Row]:
    """What a tenant used on a day, by meter and agent."""
    return rows(connection, FILE, "usage_of_day", tenant_id=tenant_id, usage_date=usage_date)


def newest(connection: Connection) -> date | None:
    """The last day that anything is known of: today, where it is read in progress; None before the first."""
    row = first(connection, FILE, "newest_day")
    return row["usage_date"] if row else None


def read_through(connection: Connection, tenant_id: str, period_start: date) -> Row | None:
    """The last day of a period of which anything was read, `through`, and how many days up to it are missing."""
    return first(connection, FILE, "read_through", tenant_id=tenant_id, period_start=period_start)
