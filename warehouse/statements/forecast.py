"""What would have been, and what will be: other prices over past periods, and where the running period ends.

Owns nothing and writes nothing: reads the marts as they were last built.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from warehouse.control.prices import Price, require_known
from warehouse.database.queries import Connection, Row, rows
from warehouse.statements.periods import Month

FILE = "statements/forecast"
METHOD = (
    "finished days as known now, plus for each day still to come the mean of the finished days of the last 28"
    " (since activation for a younger tenant), rated as the period is; credits are left out"
)


@dataclass(frozen=True)
class Forecast:
    """Where a running period ends, in the tenant's currency. meters: per meter, what was assumed."""

    tenant_id: str
    period_start: date
    period_end: date
    currency: str
    total_so_far: Decimal
    overage: Decimal
    minimum: Decimal
    total: Decimal
    meters: list[Row]


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
    """The end of each running period, by METHOD."""
    chosen = {"today": today, "tenant_ids": None if tenant_ids is None else list(tenant_ids)}
    meters = rows(connection, FILE, "forecast", **chosen)
    overages: dict[str, Decimal] = defaultdict(Decimal)
    for row in meters:
        overages[row["tenant_id"]] += row["amount"]
    by_tenant = json.dumps({tenant_id: f"{overage:f}" for tenant_id, overage in overages.items()})
    found = []
    for period in rows(connection, FILE, "running", overages=by_tenant, **chosen):
        own = [row for row in meters if row["tenant_id"] == period["tenant_id"]]
        overage = overages[period["tenant_id"]]
        total = period["setup"] + period["subscription"] + overage + period["minimum"] + period["adjustments"]
        found.append(
            Forecast(
                period["tenant_id"], period["period_start"], period["period_end"], period["currency"],
                period["total_so_far"], overage, period["minimum"], total, own,
            )
        )  # fmt: skip
    return found
