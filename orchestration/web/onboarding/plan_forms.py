"""What a form says of a plan: its fee, what it counts, how much of it is included, and the price of one beyond."""

from datetime import date
from decimal import Decimal

from orchestration.web.forms import Form, whole_number
from sources.text import as_id
from warehouse.control import plans, prices, tenants
from warehouse.control.plans import Meter, Terms
from warehouse.control.prices import Model, Price
from warehouse.currency import typed_amount
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection, Row
from warehouse.words import day

MINUTES = "minutes of "
_TERMS = ("subscription_fee", "setup_fee", "minimum_amount", "prorates_allowance", "gives_credit_notes")


def new_plan(connection: Connection, form: Form, currency: str, since: date) -> str:
    """A plan with a fee, an allowance and a price of one meter, which is made where its source has none."""
    name = form.get("name", "").strip()
    plan = as_id(name)[:63].strip("-")
    fee = _amount(form, "fee")
    if plan in {row["plan_id"] for row in plans.plans_on(connection, date.max)}:
        raise WarehouseError(f"There is a plan {plan} already: choose it, or another name.")
    meter = _meter(connection, form.get("meter", ""))
    plans.put_plan(connection, plan, name, currency)
    voice = meter if plans.require_meter(connection, meter)["item"] is None else None
    plans.put_terms(connection, Terms(plan, since, fee, voice_meter_id=voice))
    _count(connection, plan, meter, form, since)
    return plan


def count_also(connection: Connection, tenant: str, form: Form, since: date) -> None:
    """Have the tenant's plan count another meter; of calls it counts one."""
    plan = form.get("also", "")
    if plan not in {row["plan_id"] for row in tenants.history(connection, tenant)[1]}:
        raise WarehouseError(f"{tenant} is not on a plan {plan}.")
    meter = _meter(connection, form.get("meter", ""))
    if any(row["meter_id"] == meter for row in plans.plan_history(connection, plan)[1]):
        raise WarehouseError(
            f"Plan {plan} counts {meter} already. A version of its price is set on the page of prices."
        )
    (terms,) = (row for row in plans.plans_on(connection, since) if row["plan_id"] == plan)
    if plans.require_meter(connection, meter)["item"] is None:
        if terms["voice_meter_id"]:
            raise WarehouseError(
                f"Plan {plan} counts calls by {terms['voice_meter_id']}, and no call is counted twice."
            )
        if terms["subscription_fee"] is None:
            raise WarehouseError(f"Plan {plan} has no terms yet on {day(since)}: choose a later day.")
        fees = {name: terms[name] for name in _TERMS}
        plans.put_terms(connection, Terms(plan, since, voice_meter_id=meter, **fees))
    _count(connection, plan, meter, form, since)


def _count(connection: Connection, plan: str, meter: str, form: Form, since: date) -> None:
    included = whole_number(form, "included")
    plans.put_allowance(connection, plan, meter, since, included)
    price = Price(meter, since, Model.PER_UNIT, plan_id=plan, unit_amount=_amount(form, "price"))
    prices.put_price(connection, price)


def _amount(form: Form, name: str) -> Decimal:
    return typed_amount(form.get(name, "").strip() or "0")


def counted_by(connection: Connection, plan: str, today: date) -> list[Row]:
    """What a plan counts: each meter's name, what is included of it, and the price of one beyond."""
    names = {row["meter_id"]: row["name"] for row in plans.meters(connection)}
    included = {row["meter_id"]: row["quantity"] for row in plans.plan_history(connection, plan)[1]}
    priced = {row["meter_id"]: row for row in prices.prices_on(connection, today, plan_id=plan)}
    return [
        {"meter_id": meter, "name": names[meter], "included": included.get(meter), "price": priced.get(meter)}
        for meter in sorted(included.keys() | priced)
    ]


def _meter(connection: Connection, chosen: str) -> str:
    """The meter that was chosen: one that there is, or started minutes of a source of calls."""
    if not chosen.startswith(MINUTES):
        return str(plans.require_meter(connection, chosen)["meter_id"])
    source = chosen.removeprefix(MINUTES)
    meter = Meter(f"{source}_minutes", "Call minutes", "started minute", source)
    plans.put_meter(connection, plans.with_defaults(connection, meter))
    return meter.meter_id
