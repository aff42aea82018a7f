"""Prices: what the tenant pays per unit of overage, by plan or by a tenant's own override."""

import json
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from warehouse.control import guard
from warehouse.control.changes import Action, Change, put
from warehouse.control.errors import Refused
from warehouse.control.plans import require_meter, require_plan
from warehouse.control.tenants import require_tenant
from warehouse.currency import typed_amount
from warehouse.database.queries import Connection, Row, first, rows

FILE = "control/prices"


class Model(StrEnum):
    """How a quantity of overage becomes an amount. `plan` ends a tenant's override."""

    PER_UNIT = "per_unit"
    PACKAGE = "package"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PLAN = "plan"


@dataclass(frozen=True)
class Tier:
    """`unit_amount` per unit up to and including the unit number `up_to` of overage; None is without end."""

    up_to: int | None
    unit_amount: Decimal


def typed_tier(text: str) -> Tier:
    """A tier as a person types it: UP_TO:AMOUNT, such as 1000:0.10; `inf` is without end. Raises ValueError."""
    bound, separator, amount = text.partition(":")
    if not separator or not re.fullmatch("inf|[0-9]{1,18}", bound):
        raise ValueError(f"'{text}' is no tier; write UP_TO:AMOUNT, such as 1000:0.10 or inf:0.08")
    return Tier(None if bound == "inf" else int(bound), typed_amount(amount))


@dataclass(frozen=True)
class Price:
    """A version of a plan's or a tenant's price. `unit_amount` is per unit, or per package of `package_size` units."""

    meter_id: str
    valid_from: date
    model: Model
    plan_id: str | None = None
    tenant_id: str | None = None
    unit_amount: Decimal | None = None
    package_size: int | None = None
    tiers: tuple[Tier, ...] = ()

    @property
    def what(self) -> str:
        """The price in words."""
        owner = f"plan {self.plan_id}" if self.plan_id else f"tenant {self.tenant_id}"
        return f"price of {self.meter_id} for {owner} from {self.valid_from}"

    def __post_init__(self) -> None:
        if (self.plan_id is None) == (self.tenant_id is None):
            raise Refused(f"a price of {self.meter_id} belongs to a plan or to a tenant: name exactly one")
        if self.model is Model.PLAN and self.tenant_id is None:
            raise Refused(f"{self.what}: only a tenant's own price can be ended; to make a plan's meter free set 0")
        if (self.model in {Model.PER_UNIT, Model.PACKAGE}) != (self.unit_amount is not None):
            raise Refused(f"{self.what}: an amount is needed for per_unit and package, and for no other model")
        if self.unit_amount is not None and self.unit_amount < 0:
            raise Refused(f"{self.what}: the amount is 0 or more")
        if (self.model is Model.PACKAGE) != (self.package_size is not None) or (self.package_size or 1) < 1:
            raise Refused(f"{self.what}: a package size of at least 1 is needed for package, and for no other model")
        if (self.model in {Model.GRADUATED, Model.VOLUME}) != bool(self.tiers):
            raise Refused(f"{self.what}: tiers are needed for graduated and volume, and for no other model")
        if any(tier.up_to is None for tier in self.tiers[:-1]):
            raise Refused(f"{self.what}: only the last tier may be without end")
        bounds = [0, *(tier.up_to for tier in self.tiers if tier.up_to is not None)]
        if any(after <= before for before, after in pairwise(bounds)):
            raise Refused(f"{self.what}: the tiers' bounds must rise from at least 1")
        if any(tier.unit_amount < 0 for tier in self.tiers):
            raise Refused(f"{self.what}: the tiers' amounts are 0 or more")


def put_price(connection: Connection, price: Price) -> Change:
    """Write a version of a price. Raises PeriodApproved when an approved period would be rated by it."""
    with connection.transaction():
        guard.lock(connection)
        require_known(connection, price)
        action, next_from = put(connection, FILE, "put_price", _parameters(price))
        guard.refuse_version(
            connection,
            price.what,
            action,
            price.valid_from,
            next_from,
            lambda period: _concerns(connection, price, period),
        )
    bounded = bool(price.tiers) and price.tiers[-1].up_to is not None
    detail = f"usage above {price.tiers[-1].up_to} will be reported as unpriced" if bounded else ""
    return Change(price.what, action, detail if action is not Action.UNCHANGED else "")


def require_known(connection: Connection, price: Price) -> None:
    """Raise NotFound unless the price's meter, and its plan or tenant, are there."""
    require_meter(connection, price.meter_id)
    if price.plan_id is not None:
        require_plan(connection, price.plan_id)
    if price.tenant_id is not None:
        require_tenant(connection, price.tenant_id)


def prices(
    connection: Connection, plan_id: str | None = None, tenant_id: str | None = None, meter_id: str | None = None
) -> list[Row]:
    """All versions of prices, narrowed by plan, tenant and meter."""
    return rows(connection, FILE, "prices", plan_id=plan_id, tenant_id=tenant_id, meter_id=meter_id)


def prices_on(connection: Connection, on: date, plan_id: str | None = None, tenant_id: str | None = None) -> list[Row]:
    """The price in force on a day for each meter of a plan or a tenant; a tenant's own wins over its plan's."""
    if tenant_id is not None:
        require_tenant(connection, tenant_id)
        return rows(connection, FILE, "prices_of_tenant_on", on_day=on, tenant_id=tenant_id)
    if plan_id is None:
        raise Refused("name a plan or a tenant")
    require_plan(connection, plan_id)
    return rows(connection, FILE, "prices_of_plan_on", on_day=on, plan_id=plan_id)


def _parameters(price: Price) -> dict[str, object]:
    tiers = [{"up_to": tier.up_to, "unit_amount": format(tier.unit_amount.normalize(), "f")} for tier in price.tiers]
    return {
        "plan_id": price.plan_id,
        "tenant_id": price.tenant_id,
        "meter_id": price.meter_id,
        "valid_from": price.valid_from,
        "model": price.model,
        "unit_amount": price.unit_amount,
        "package_size": price.package_size,
        "tiers": json.dumps(tiers) if tiers else None,
    }


def _concerns(connection: Connection, price: Price, period: guard.ApprovedPeriod) -> bool:
    if price.tenant_id is not None:
        return period.tenant_id == price.tenant_id
    if period.plan_id != price.plan_id:
        return False
    own = first(
        connection,
        FILE,
        "override_on",
        tenant_id=period.tenant_id,
        meter_id=price.meter_id,
        on_day=period.first_billed_day,
    )
    return own is None or own["model"] == Model.PLAN
