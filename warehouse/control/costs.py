"""Costs: what providers charge us where they do not say so, what tenants share, payment fees, and exchange rates."""

import re
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from warehouse.control import guard
from warehouse.control.changes import Change, put
from warehouse.control.errors import Refused
from warehouse.control.plans import require_currency, require_meter
from warehouse.database.queries import Connection, Row, rows

FILE = "control/costs"


class Allocation(StrEnum):
    """How a shared cost is divided among the tenants active on a day."""

    EQUAL = "equal"
    BY_REVENUE = "by_revenue"
    BY_USAGE = "by_usage"


@dataclass(frozen=True)
class FixedCost:
    """A version of a monthly cost that tenants share; an amount of 0 ends it."""

    fixed_cost_id: str
    valid_from: date
    name: str
    monthly_amount: Decimal
    currency: str
    allocation: Allocation = Allocation.EQUAL


def put_unit_cost(
    connection: Connection,
    meter_id: str,
    valid_from: date,
    unit_cost: Decimal,
    currency: str,
    *,
    is_rest: bool = False,
) -> Change:
    """Write a version of what a unit costs us where its provider reports nothing. is_rest: of calls of which a part is
    on another bill, what the rest of a unit costs.

    Raises PeriodApproved when it would hold on a day of an approved period of a tenant for whom this meter is priced.
    """
    what = f"unit cost of {'the rest of ' if is_rest else ''}{meter_id} from {valid_from}"
    if unit_cost < 0:
        raise Refused(f"{what}: a cost is 0 or more")
    require_currency(currency)
    with connection.transaction():
        guard.lock(connection)
        require_meter(connection, meter_id)
        version = {"meter_id": meter_id, "valid_from": valid_from, "unit_cost": unit_cost, "currency": currency}
        action, next_from = put(connection, FILE, "put_unit_cost", version | {"is_rest": is_rest})
        owners = rows(connection, FILE, "owners_of_prices", meter_id=meter_id)
        plans = {row["plan_id"] for row in owners} - {None}
        tenants = {row["tenant_id"] for row in owners} - {None}
        guard.refuse_days(
            connection,
            what,
            action,
            valid_from,
            next_from,
            lambda period: period.plan_id in plans or period.tenant_id in tenants,
        )
    return Change(what, action)


def put_fixed_cost(connection: Connection, cost: FixedCost) -> Change:
    """Write a version of a shared cost. It moves margins only, never a statement: approved periods allow it."""
    what = f"fixed cost {cost.fixed_cost_id} from {cost.valid_from}"
    if not re.fullmatch(r"[a-z0-9-]+", cost.fixed_cost_id):
        raise Refused(f"'{cost.fixed_cost_id}' is no fixed cost id; use a-z, 0-9 and '-'")
    if cost.monthly_amount < 0:
        raise Refused(f"{what}: a cost is 0 or more")
    require_currency(cost.currency)
    with connection.transaction():
        action, _ = put(connection, FILE, "put_fixed_cost", asdict(cost))
    return Change(what, action, "0 ends it" if cost.monthly_amount == 0 else "")


def put_payment_fee(
    connection: Connection, currency: str, valid_from: date, percent: Decimal, fixed_amount: Decimal
) -> Change:
    """Write a version of what being paid costs: percent of a statement's total and an amount, in its currency.

    It moves margins only, never a statement: approved periods allow it.
    """
    what = f"payment fee in {currency} from {valid_from}"
    require_currency(currency)
    if not 0 <= percent < 100 or fixed_amount < 0:
        raise Refused(f"{what}: a percentage from 0 to below 100 and an amount of 0 or more are needed")
    version = {"currency": currency, "valid_from": valid_from, "percent": percent, "fixed_amount": fixed_amount}
    with connection.transaction():
        action, _ = put(connection, FILE, "put_payment_fee", version)
    return Change(what, action, "0 and 0 end it" if not percent and not fixed_amount else "")


def put_rate(connection: Connection, from_currency: str, to_currency: str, valid_from: date, rate: Decimal) -> Change:
    """Write a version of an exchange rate, used on costs only: one `from_currency` is `rate` `to_currency`.

    Raises PeriodApproved when it would hold on a day of an approved period of a tenant billed in `to_currency`.
    """
    what = f"rate {from_currency} to {to_currency} from {valid_from}"
    require_currency(from_currency)
    require_currency(to_currency)
    if from_currency == to_currency or rate <= 0:
        raise Refused(f"{what}: two currencies and a rate above 0 are needed")
    version = {"from_currency": from_currency, "to_currency": to_currency, "valid_from": valid_from, "rate": rate}
    with connection.transaction():
        guard.lock(connection)
        action, next_from = put(connection, FILE, "put_rate", version)
        billed = {row["tenant_id"] for row in rows(connection, FILE, "tenants_billed_in", currency=to_currency)}
        guard.refuse_days(connection, what, action, valid_from, next_from, lambda period: period.tenant_id in billed)
    return Change(what, action)


def costs(connection: Connection) -> list[Row]:
    """All versions of unit costs, fixed costs and payment fees."""
    return rows(connection, FILE, "costs")


def rates(connection: Connection) -> list[Row]:
    """All versions of exchange rates."""
    return rows(connection, FILE, "rates")
