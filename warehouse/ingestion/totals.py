"""What the days of an account were counted at: by their rows, and by the provider's own totals, where it has any."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg

from warehouse.database import queries

_SQL = queries.load("ingestion/totals")


def last_counted(
    connection: psycopg.Connection[Any], source: str, accounts: Sequence[str], first_day: date, end: date
) -> dict[str, dict[date, tuple[Decimal, Decimal | None]]]:
    """By account and usage date of `[first_day, end)`: how many calls the provider counted when the day was last read
    well, and at what cost, None where it did not say. What was not counted then is what was listed.
    """
    asked = {"source": source, "accounts": list(accounts), "first_day": first_day, "end": end}
    found: dict[str, dict[date, tuple[Decimal, Decimal | None]]] = {}
    for account, usage_date, calls, cost in connection.execute(_SQL["last_counted"], asked):
        found.setdefault(account, {})[usage_date] = (calls, cost)
    return found


def last_totals(
    connection: psycopg.Connection[Any], source: str, accounts: Sequence[str], first_day: date, end: date
) -> dict[str, dict[date, dict[str, Decimal]]]:
    """By account and usage date of `[first_day, end)`: what was counted in the rows when the day was last read well."""
    asked = {"source": source, "accounts": list(accounts), "first_day": first_day, "end": end}
    found: dict[str, dict[date, dict[str, Decimal]]] = {}
    for account, usage_date, totals in connection.execute(_SQL["last_totals"], asked):
        numbers = {name: Decimal(value) for name, value in totals.items() if value is not None}
        found.setdefault(account, {})[usage_date] = numbers
    return found
