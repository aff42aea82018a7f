"""What would have been, and what will be: other prices over past periods, and where the running period ends.

Owns nothing and writes nothing: reads the marts as they were last built.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from warehouse.control.prices import Price, require_known
from warehouse.database.queries import Connection, Row, rows
from warehouse.statements.periods import Month
from warehouse.words import counted, day

FILE = "statements/forecast"
METHOD = (
    "the days that were read as known now, plus for each day after them the mean of the whole days among the last 28"
    " (since activation for a younger tenant), rated as the period is; credits are left out; nothing is said while a"
    " day of the period is missing"
)


@dataclass(frozen=True)
class Forecast:
    """Where a running period ends, in the tenant's currency, as known until a day. meters: per meter, what was assumed.

    why_not: why nothing is said of the end; overage, minimum, total and meters are empty then.
    """

    tenant_id: str
    period_start: date
    period_end: date
    currency: str
    total_so_far: Decimal
    known_until: date | None = None
    overage: Decimal | None = None
    minimum: Decimal | None = None
    total: Decimal | None = None
    meters: tuple[Row, ...] = ()
    why_not: str | None = None

    @property
    def quantities(self) -> dict[str, Decimal]:
        """How much of each meter will be used by the end."""
        return {row["meter_id"]: row["quantity"] for row in self.meters}

    @property
    def days(self) -> int:
        """How many days the mean of a day to come is taken from."""
        return max((row["days_looked_at"] for row in self.meters), default=0)

    def used_up(self, meter_id: str) -> date | None:
        """The day on which a meter's allowance will be used up, if its days to come are like the last ones."""
        for row in self.meters:
            left = row["allowance"] - row["quantity_so_far"]
            if row["meter_id"] == meter_id and self.known_until and left > 0 and row["overage_quantity"]:
                days = (left / row["daily_mean"]).to_integral_value(ROUND_CEILING)
                return self.known_until + timedelta(days=int(days) - 1)
        return None


def simulate(connection: Connection, price: Price, month: Month) -> list[Row]:
    """The overage of a meter in the periods that start in a month, as billed and under a proposed price.

    Of the price's tenant, or of the tenants on its plan. Minimum and credits are not computed again: the overage line
    alone is compared. Raises NotFound for a meter, plan or tenant there is not.
    """
    require_known(connection, price)
    tiers = [{"up_to": tier.up_to, "unit_amount": f"{tier.unit_amount:f}"} for tier in price.tiers]
    return rows(
        connection, FILE, "simulate", meter_id=price.meter_id, month_start=month.start, month_end=month.end,
        model=price.model, unit_amount=price.unit_amount, package_size=price.package_size, tiers=json.dumps(tiers),
        tenant_id=price.tenant_id, plan_id=price.plan_id,
    )  # fmt: skip


def forecast(connection: Connection, today: date, tenant_ids: Sequence[str] | None = None) -> list[Forecast]:
    """The end of each running period, by METHOD, or why nothing is said of it."""
    chosen = {"today": today, "tenant_ids": None if tenant_ids is None else list(tenant_ids)}
    running = rows(connection, FILE, "periods", **chosen)
    known = {row["tenant_id"]: until for row in running if (until := _known_until(row, today))}
    periods = [
        {"tenant_id": row["tenant_id"], "period_start": str(row["period_start"]), "known_until": str(until)}
        for row in running
        if (until := known.get(row["tenant_id"]))
    ]
    meters: dict[str, list[Row]] = defaultdict(list)
    overages: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows(connection, FILE, "forecast", periods=json.dumps(periods)):
        meters[row["tenant_id"]].append(row)
        overages[row["tenant_id"]] += row["amount"]
    by_tenant = json.dumps({tenant_id: f"{overage:f}" for tenant_id, overage in overages.items()})
    fees = {row["tenant_id"]: row for row in rows(connection, FILE, "fees", overages=by_tenant, **chosen)}
    found = []
    for row in running:
        of = row["tenant_id"]
        period = of, row["period_start"], row["period_end"], row["currency"], row["total_so_far"]
        if of not in known:
            found.append(Forecast(*period, why_not=_why_not(row)))
            continue
        fee, overage = fees[of], overages[of]
        total = fee["setup"] + fee["subscription"] + overage + fee["minimum"] + fee["adjustments"]
        found.append(Forecast(*period, known[of], overage, fee["minimum"], total, tuple(meters[of])))
    return found


def forecast_of(connection: Connection, today: date, tenant_id: str) -> Forecast | None:
    """The forecast of the tenant's running period; None where none runs."""
    return next(iter(forecast(connection, today, [tenant_id])), None)


def _known_until(period: Row, today: date) -> date | None:
    """The day after the last that was read; None where one before it is missing. What reads nothing is known."""
    if not period["is_read_at_all"]:
        return today
    return None if period["through"] is None or period["missing"] else period["through"] + timedelta(days=1)


def _why_not(period: Row) -> str:
    if period["through"] is None:
        return "no day of it has been read yet"
    return f"{counted(period['missing'], 'day', 'is', 'are')} missing up to {day(period['through'])}"
