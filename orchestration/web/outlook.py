"""Where a running period will end, as pages say it: from days that were all read, and from nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from warehouse.database.queries import Connection, Row
from warehouse.statements.forecast import forecast

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Outlook:
    """What is expected at the end of a period, credits left out, if its days to come are like the last ones.

    quantities: of each meter, in its unit. used_up: the day on which a meter's allowance will be, where it will.
    days: how many of the last were looked at.
    """

    total: Decimal
    quantities: Mapping[str, Decimal]
    used_up: Mapping[str, date]
    days: int


def outlook(connection: Connection, tenant: str, read: Row | None) -> Outlook | None:
    """Where the period that read is of will end; None where a day of it is missing, or no priced usage is known."""
    if read is None or read["through"] is None or read["missing"]:
        return None
    known_until = read["through"] + ONE_DAY
    for found in forecast(connection, known_until, [tenant]):
        if found.meters:
            return Outlook(
                found.total,
                {row["meter_id"]: row["quantity"] for row in found.meters},
                {row["meter_id"]: day for row in found.meters if (day := _used_up(row, known_until))},
                max(row["days_looked_at"] for row in found.meters),
            )
    return None


def _used_up(meter: Row, known_until: date) -> date | None:
    left = meter["allowance"] - meter["quantity_so_far"]
    if left <= 0 or not meter["overage_quantity"] or not meter["daily_mean"]:
        return None
    days = (left / meter["daily_mean"]).to_integral_value(ROUND_CEILING)
    return known_until + (int(days) - 1) * ONE_DAY
