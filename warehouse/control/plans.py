"""Meters and plans: what is counted, what a plan includes, and what it costs a period."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from psycopg.types.json import Jsonb

from warehouse.control import guard
from warehouse.control.changes import Action, Change, put
from warehouse.control.errors import NotFound, Refused
from warehouse.database.queries import Connection, Row, execute, first, rows

FILE = "control/plans"
METER = re.compile(r"[a-z0-9_]+")
CURRENCY = re.compile(r"[A-Z]{3}")
FEWEST_EVENTS, MOST_EVENTS = 60, 10_000_000
PLAN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Aggregation(StrEnum):
    """SUM adds quantities, of calls their time in increments; COUNT counts rows, of calls those that connected."""

    SUM = "sum"
    COUNT = "count"


@dataclass(frozen=True)
class Meter:
    """What is counted: calls of a source, or one item of its usage.

    attribute_filter: of usage, attribute to the values that are counted; "" is a row without the attribute.
    increment_seconds, minimum_seconds: of the time of calls.
    """

    meter_id: str
    name: str
    unit: str
    source: str
    increment_seconds: int | None = None
    minimum_seconds: int | None = None
    item: str | None = None
    attribute_filter: Mapping[str, Sequence[str]] = field(default_factory=dict)
    aggregation: Aggregation = Aggregation.SUM
    stripe_event_name: str | None = None

    def __post_init__(self) -> None:
        what = f"meter {self.meter_id}"
        if not METER.fullmatch(self.meter_id):
            raise Refused(f"'{self.meter_id}' is no meter id; use a-z, 0-9 and '_'")
        if (self.increment_seconds is not None and self.increment_seconds < 1) or (self.minimum_seconds or 0) < 0:
            raise Refused(f"{what}: it needs an increment of at least 1 second and a minimum of at least 0")
        if unsaid := [name for name, accepted in self.attribute_filter.items() if not name or not accepted]:
            raise Refused(f"{what}: its filter names no value of '{unsaid[0]}'")


@dataclass(frozen=True)
class Terms:
    """A version of a plan's terms; amounts are per period, in the plan's currency.

    gives_credit_notes: a correction of their period in the tenant's favour is a credit note of its invoice, if paid
        and without tax.
    """

    plan_id: str
    valid_from: date
    subscription_fee: Decimal
    setup_fee: Decimal = Decimal(0)
    minimum_amount: Decimal = Decimal(0)
    prorates_allowance: bool = False
    voice_meter_id: str | None = None
    gives_credit_notes: bool = False


def counts_calls(connection: Connection, source: str) -> bool:
    """Whether a source delivers calls, whose time a meter counts. Raises NotFound for no source that bills."""
    known = {row["source"]: row["contract"] for row in rows(connection, FILE, "sources_that_bill")}
    if source not in known:
        raise NotFound("source", source, sorted(known))
    return bool(known[source] == "calls")


def _require_countable(connection: Connection, meter: Meter) -> None:
    """Raise Refused where the meter counts otherwise than its source delivers."""
    what = f"meter {meter.meter_id}"
    has_increment = meter.increment_seconds is not None or meter.minimum_seconds is not None
    if not counts_calls(connection, meter.source):
        if has_increment:
            raise Refused(f"{what}: only a meter of calls has an increment and a minimum in seconds")
        if not meter.item:
            raise Refused(f"{what}: a meter of usage counts one item of {meter.source}: name it with --item")
    elif meter.item is not None or meter.attribute_filter:
        raise Refused(f"{what}: a meter of calls counts all calls of a tenant; leave out item and filter")
    elif meter.aggregation is Aggregation.COUNT and has_increment:
        raise Refused(f"{what}: calls that are counted have no increment and no minimum in seconds")
    elif meter.aggregation is Aggregation.SUM and (meter.increment_seconds is None or meter.minimum_seconds is None):
        raise Refused(f"{what}: a meter of calls needs an increment and a minimum in seconds")


def with_defaults(connection: Connection, meter: Meter) -> Meter:
    """The meter as it is counted where nothing else is said: of calls, started minutes. Raises NotFound."""
    if not counts_calls(connection, meter.source) or meter.aggregation is Aggregation.COUNT:
        return meter
    increment = 60 if meter.increment_seconds is None else meter.increment_seconds
    return replace(meter, increment_seconds=increment, minimum_seconds=meter.minimum_seconds or 0)


def put_meter(connection: Connection, meter: Meter) -> Change:
    """Create a meter, or change its name and Stripe event.

    Raises Refused when what it counts would change, and when another counts one of its rows: a row has one price.
    """
    accepted = {name: sorted(set(values)) for name, values in sorted(meter.attribute_filter.items())}
    wanted = asdict(meter) | {"attribute_filter": accepted}
    with connection.transaction():
        guard.lock(connection)
        _require_countable(connection, meter)
        known = first(connection, FILE, "meter", meter_id=meter.meter_id)
        if known is not None:
            counted = (
                "source", "unit", "increment_seconds", "minimum_seconds", "item", "attribute_filter", "aggregation"
            )  # fmt: skip
            differing = [name for name in counted if known[name] != wanted[name]]
            if differing:
                names = ", ".join(name.replace("_", " ") for name in differing)
                raise Refused(
                    f"meter {meter.meter_id} exists with another {names}; what it counts is fixed: add another"
                )
        clash = first(
            connection,
            FILE,
            "meter_clash",
            meter_id=meter.meter_id,
            source=meter.source,
            item=meter.item,
            attribute_filter=Jsonb(accepted),
            stripe_event_name=meter.stripe_event_name,
        )
        if clash is not None:
            raise Refused(f"meter {meter.meter_id} would count or post the same as meter {clash['meter_id']}")
        stored = wanted | {"attribute_filter": Jsonb(accepted)}
        action, _ = put(connection, FILE, "put_meter", stored)
    return Change(f"meter {meter.meter_id}", action)


def require_currency(currency: str) -> None:
    """Raise Refused unless `currency` is a three-letter code in capitals."""
    if not CURRENCY.fullmatch(currency):
        raise Refused(f"'{currency}' is no currency; use three capital letters such as USD")


def put_plan(connection: Connection, plan_id: str, name: str, currency: str) -> Change:
    """Create or rename a plan. Raises Refused when its currency would change."""
    if not PLAN.fullmatch(plan_id):
        raise Refused(f"'{plan_id}' is no plan id; use 1 to 63 of a-z, 0-9 and '-', not at either end")
    require_currency(currency)
    with connection.transaction():
        known = first(connection, FILE, "plan", plan_id=plan_id)
        if known is not None and known["currency"] != currency:
            raise Refused(f"plan {plan_id} is in {known['currency']}; add another plan for {currency}")
        action, _ = put(connection, FILE, "put_plan", {"plan_id": plan_id, "name": name, "currency": currency})
    return Change(f"plan {plan_id}", action)


def set_rate(connection: Connection, plan_id: str, events_per_minute: int) -> Change:
    """Set how many events a minute each tenant on a plan may push. Safe to repeat."""
    if not FEWEST_EVENTS <= events_per_minute <= MOST_EVENTS:
        raise Refused(f"plan {plan_id}: {FEWEST_EVENTS:,} to {MOST_EVENTS:,} events a minute can be allowed")
    with connection.transaction():
        require_plan(connection, plan_id)
        asked = {"plan_id": plan_id, "events_per_minute": events_per_minute}
        changed = execute(connection, FILE, "set_rate", **asked)
    return Change(f"rate of plan {plan_id}", Action.CHANGED if changed else Action.UNCHANGED)


def put_terms(connection: Connection, terms: Terms) -> Change:
    """Write a version of a plan's terms. Raises PeriodApproved when an approved period would be billed by it."""
    what = f"terms of plan {terms.plan_id} from {terms.valid_from}"
    if min(terms.subscription_fee, terms.setup_fee, terms.minimum_amount) < 0:
        raise Refused(f"{what}: fees and minimum are 0 or more")
    with connection.transaction():
        guard.lock(connection)
        require_plan(connection, terms.plan_id)
        voice = terms.voice_meter_id
        if voice is not None and require_meter(connection, voice)["item"] is not None:
            raise Refused(f"{what}: meter {voice} counts no calls; name a meter of a source of calls")
        action, next_from = put(connection, FILE, "put_terms", asdict(terms))
        guard.refuse_version(
            connection, what, action, terms.valid_from, next_from, lambda p: p.plan_id == terms.plan_id
        )
    return Change(what, action)


def put_allowance(connection: Connection, plan_id: str, meter_id: str, valid_from: date, quantity: int) -> Change:
    """Write a version of the quantity a plan includes per period. Raises PeriodApproved as `put_terms` does."""
    what = f"allowance of {meter_id} in plan {plan_id} from {valid_from}"
    if quantity < 0:
        raise Refused(f"{what}: the quantity is 0 or more")
    with connection.transaction():
        guard.lock(connection)
        require_plan(connection, plan_id)
        require_meter(connection, meter_id)
        version = {"plan_id": plan_id, "meter_id": meter_id, "valid_from": valid_from, "quantity": quantity}
        action, next_from = put(connection, FILE, "put_allowance", version)
        guard.refuse_version(connection, what, action, valid_from, next_from, lambda p: p.plan_id == plan_id)
    return Change(what, action, "none included" if quantity == 0 and action is Action.CREATED else "")


def require_meter(connection: Connection, meter_id: str) -> Row:
    """The meter, or NotFound with a list of those that exist."""
    row = first(connection, FILE, "meter", meter_id=meter_id)
    if row is None:
        raise NotFound("meter", meter_id, [m["meter_id"] for m in meters(connection)])
    return row


def require_plan(connection: Connection, plan_id: str) -> Row:
    """The plan, or NotFound with a list of those that exist."""
    row = first(connection, FILE, "plan", plan_id=plan_id)
    if row is None:
        known = [p["plan_id"] for p in plans_on(connection, date.max)]
        raise NotFound("plan", plan_id, known)
    return row


def meters(connection: Connection, meter_id: str | None = None) -> list[Row]:
    """All meters, or one."""
    return rows(connection, FILE, "meters", meter_id=meter_id)


def on_offer(connection: Connection, on: date) -> tuple[list[Row], list[Row]]:
    """Plans and meters that a tenant may be given: all but those of the known-answer tenant."""
    canary = rows(connection, FILE, "of_the_canary")[0]
    return (
        [row for row in plans_on(connection, on) if row["plan_id"] not in canary["plans"]],
        [row for row in meters(connection) if row["meter_id"] not in canary["meters"]],
    )


def plans_on(connection: Connection, on: date) -> list[Row]:
    """One row per plan with its terms in force on a day and the number of tenants on it."""
    return rows(connection, FILE, "plans", on_day=on)


def plan_history(connection: Connection, plan_id: str) -> tuple[list[Row], list[Row]]:
    """The timelines of a plan's terms and allowances."""
    require_plan(connection, plan_id)
    return rows(connection, FILE, "terms", plan_id=plan_id), rows(connection, FILE, "allowances", plan_id=plan_id)
