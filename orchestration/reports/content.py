"""One statement with everything that explains it, as read from the marts: what pages show and packs are drawn from.

As JSON it is exact (decimals and dates are text), so a pack drawn from it again is the same pack.
"""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from orchestration.reports.payments import Payment
from warehouse.database.queries import Connection
from warehouse.statements import statement
from warehouse.words import day


class StatementMissing(Exception):
    """There is no statement of that tenant and period, or the reader may not see it."""


class Line(Struct, frozen=True):
    """A line; former_amount is the same kind and meter in the tenant's period before. inputs is JSON."""

    line_id: str
    line_kind: str
    meter_id: str | None
    quantity: Decimal | None
    unit: str | None
    amount: Decimal
    unrounded_amount: Decimal
    currency: str
    service_period_start: date
    service_period_end: date
    corrects_line_id: str | None
    price_id: int | None
    inputs: str
    former_amount: Decimal | None

    @property
    def reason(self) -> str:
        """Why a credit was given; empty for any other line."""
        return str(msgspec.json.decode(self.inputs).get("reason", "")) if self.line_kind == "credit" else ""


class Day(Struct, frozen=True):
    """A priced meter's day against the allowance of its period."""

    meter_id: str
    unit: str
    usage_date: date
    quantity: Decimal
    overage_quantity: Decimal
    cumulative_quantity: Decimal
    allowance: Decimal
    is_complete: bool


class Usage(Struct, frozen=True):
    """What one agent and campaign used of one meter on one day, and the pulls it was read by."""

    usage_date: date
    meter_id: str
    agent_id: str | None
    campaign_id: str | None
    source: str
    quantity: Decimal
    unit: str
    unbilled_reason: str | None
    pull_ids: list[int] | None


class Cost(Struct, frozen=True):
    """What a provider charged for a component in the period, unrounded; unknown_costs counts the rows whose cost nobody
    knows."""

    component: str
    basis: str
    currency: str
    amount: Decimal | None
    unknown_costs: int
    provider: str


class Margin(Struct, frozen=True):
    """Revenue less cost of one period, as known when it was read; cost and margin are None while a cost is unknown.

    known_margin leaves out what is unknown. minutes: of connected calls. approved_cost: what cost was at approval, None
    while it is not approved, or where it was not known.
    """

    period_start: date
    currency: str
    revenue: Decimal
    cost: Decimal | None
    cost_reported: Decimal
    cost_estimated: Decimal
    cost_allocated: Decimal
    cost_billed_elsewhere: Decimal | None
    margin: Decimal | None
    margin_percent: Decimal | None
    completeness: str
    known_margin: Decimal
    minutes: Decimal
    approved_cost: Decimal | None = None

    @property
    def cost_per_minute(self) -> Decimal | None:
        """None without a connected minute, and while a cost is unknown."""
        return None if self.cost is None or not self.minutes else self.cost / self.minutes


class Call(Struct, frozen=True):
    """A call as the provider knows it, with its billed units and its cost (JSON by component)."""

    call_id: str
    usage_date: date
    agent_id: str | None
    outcome: str
    direction: str | None
    connected_seconds: Decimal | None
    units: str | None
    cost: Decimal | None
    cost_currency: str | None
    cost_basis: str | None
    costs: str | None
    pull_id: int
    created_at: datetime


class Statement(Struct, frozen=True):
    """One tenant's statement of one period. margins holds the period and up to five before it, newest first.
    meter_names is given where the reader knows what meters are called; payments in a pack, as of when it was made."""

    tenant_id: str
    name: str
    period_start: date
    period_end: date
    period_state: str
    is_complete: bool
    currency: str
    total: Decimal
    former_start: date | None
    former_total: Decimal | None
    lines: list[Line]
    days: list[Day]
    costs: list[Cost] = []
    margins: list[Margin] = []
    usage: list[Usage] = []
    calls: list[Call] = []
    meter_names: dict[str, str] = {}
    payments: list[Payment] = []

    @property
    def margin(self) -> Margin | None:
        """The margin of this very period."""
        return next((margin for margin in self.margins if margin.period_start == self.period_start), None)

    @property
    def meter_ids(self) -> set[str]:
        """The meters that its lines and days are of."""
        return {line.meter_id for line in self.lines if line.meter_id} | {day.meter_id for day in self.days}

    @property
    def meters(self) -> dict[str, list[Day]]:
        """The days by meter."""
        found: dict[str, list[Day]] = {}
        for one in self.days:
            found.setdefault(one.meter_id, []).append(one)
        return found


def read(
    connection: Connection, tenant_id: str, period_start: date, *, with_costs: bool, with_calls: bool
) -> Statement:
    """Read a statement under the connection's role. with_costs needs a role that may see what providers charge.

    Raises:
        StatementMissing: no such statement, or none this role may see.
    """
    found = statement.read(connection, tenant_id, period_start, with_costs=with_costs, with_calls=with_calls)
    if found is None:
        raise StatementMissing(f"There is no statement of {tenant_id} for a period from {day(period_start)} on.")
    return msgspec.convert({**found, "name": found["name"] or tenant_id}, Statement, from_attributes=False)


def known_sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of amounts, None where one of them is not known."""
    found = list(amounts)
    return None if None in found else sum((amount for amount in found if amount is not None), Decimal(0))
