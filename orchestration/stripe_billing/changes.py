"""What a change of ours needs at Stripe, before the turn from which it holds: planned, then applied.

    plan or price   the subscription's next phase gets the prices that are in force when it begins
    closing         the subscription ends on the closing date, and gives back the fee beyond it
    reopening       an end that was set is taken back, or a subscription begins again
    new tenant      a subscription begins on its first active day
    pause           nothing: the fee runs on

All of it is level-triggered: what Stripe will do at the next turn is compared with what our control data says of that
day. A step says what is to be: to take it twice does no harm, and none has a key under which an error would stay.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

import psycopg

from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.calls import Body, StripeApi, midnight
from orchestration.stripe_billing.each import ask_each
from orchestration.stripe_billing.invoices.cycles import cycle
from orchestration.stripe_billing.posting.readiness import Finding, Readiness
from warehouse.stripe.billed_tenants import BilledTenant, billed_tenants, fees, priced_meters, statuses
from warehouse.stripe.prices import charges_alike
from warehouse.words import day

Kind = Literal["subscribe", "prices", "end", "keep"]
MARK = "minutebook"


@dataclass(frozen=True, slots=True)
class Change:
    """One step at Stripe. on: the day from which it holds. what: in words, with ids.

    later: it can be done from that day on only. lacking: something else must be made first, as `what` says.
    """

    tenant_id: str
    kind: Kind
    on: date
    what: str
    result: Literal["due", "done", "later", "lacking"]
    subscription: str | None = None
    params: Mapping[str, Any] | None = None
    meters: tuple[str, ...] = ()
    is_fee: bool = False


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be charged from a day on. prices: ours with Stripe's own, which may be missing there."""

    fee: Mapping[str, Any] | None
    meters: Sequence[Mapping[str, Any]]


class Changes:
    """Compares, and with apply changes. connection: role billing, autocommit."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        api: StripeApi,
        cache: StripeCache,
        readiness: Readiness,
        clock: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._api = api
        self._cache = cache
        self._readiness = readiness
        self._clock = clock

    def plan(self, tenant_ids: Sequence[str] | None = None) -> tuple[list[Change], list[Finding]]:
        """Every step that is due, or will be; and whose are unknown, and why. Raises KeyRefused, StripeUnavailable."""
        today = self._clock().date()
        chosen = None if tenant_ids is None else list(tenant_ids)
        billed = billed_tenants(self._connection, today, chosen)
        tenants = [one for one in billed if one.stripe_customer_id and (chosen or one.may_be_posted)]
        known = statuses(self._connection, [one.tenant_id for one in tenants])

        def steps(one: BilledTenant) -> list[Change]:
            turn = self._turn(one, known[one.tenant_id], today)
            return list(self._of(one, known[one.tenant_id], turn, self._wanted(one.tenant_id, turn), today))

        found = [answer for _, answer in ask_each(tenants, steps, lambda one: one.tenant_id, workers=1)]
        planned = [change for answer in found if not isinstance(answer, Finding) for change in answer]
        return planned, [answer for answer in found if isinstance(answer, Finding)]

    def apply(self, change: Change) -> Change:
        """Do one step that is due. Raises `stripe.StripeError`."""
        if change.result != "due" or change.params is None:
            return change
        customer = str(change.params["customer"])
        params = {name: value for name, value in change.params.items() if name != "customer"}
        if change.kind == "subscribe":
            self._api.create_subscription({**params, "customer": customer})
        elif change.kind == "prices":
            self._set_phases(customer, params)
        else:
            self._release(customer)
            if params.pop("at_once", False):
                self._api.cancel_subscription(str(change.subscription), params)
            else:
                self._api.update_subscription(str(change.subscription), params)
        self._cache.forget_subscriptions([customer])
        return replace(change, result="done")

    def _of(
        self, tenant: BilledTenant, statuses: Sequence[tuple[str, date]], turn: date, wanted: _Wanted, today: date
    ) -> Iterator[Change]:
        subscription = self._readiness.subscription(tenant.stripe_customer_id or "")
        closes_on = statuses[-1][1] if statuses and statuses[-1][0] == "closed" else None
        if closes_on:
            if subscription:
                yield from self._ending(tenant, subscription, closes_on, today)
            return
        if subscription is None:
            if waiting := self._readiness.unfinished(tenant):
                yield Change(tenant.tenant_id, "subscribe", turn, waiting.message, "lacking")
            elif statuses and statuses[-1][0] == "active":
                yield self._beginning(tenant, statuses[-1][1], wanted, today)
            return
        if ends := subscription.get("cancel_at") or (subscription["cancel_at_period_end"] and midnight(turn)):
            yield Change(
                tenant.tenant_id, "keep", _day(ends),
                f"{subscription['id']} ends on {day(_day(ends))} while the tenant goes on: take its end back", "due",
                subscription["id"],
                {"customer": tenant.stripe_customer_id, "cancel_at": "", "proration_behavior": "none"}
                if subscription.get("cancel_at")
                else {"customer": tenant.stripe_customer_id, "cancel_at_period_end": False},
            )  # fmt: skip
            return
        yield from self._repriced(tenant, subscription, turn, wanted)

    def _ending(
        self, tenant: BilledTenant, subscription: Mapping[str, Any], closes_on: date, today: date
    ) -> Iterator[Change]:
        turn = _day(subscription["items"]["data"][0]["current_period_end"])
        ends = subscription.get("cancel_at") or (subscription["cancel_at_period_end"] and midnight(turn)) or None
        if ends == midnight(closes_on):
            return
        name = subscription["id"]
        params: dict[str, Any] = {"customer": tenant.stripe_customer_id}
        if closes_on > today:
            params |= {"cancel_at": midnight(closes_on), "proration_behavior": "create_prorations"}
            what = f"{name} ends on {day(closes_on)} (cancel_at, with proration), which gives back the fee beyond it"
        else:
            params |= {"at_once": True, "prorate": True, "invoice_now": True}
            what = f"{name} ends now, with proration and its last invoice: the tenant closed on {day(closes_on)}"
        yield Change(tenant.tenant_id, "end", closes_on, what, "due", name, params)

    def _beginning(self, tenant: BilledTenant, start: date, wanted: _Wanted, today: date) -> Change:
        begun, turn = cycle(today, tenant.anchor_day)
        start = max(start, begun)
        items, lacking = self._items(tenant, wanted)
        if lacking:
            return Change(tenant.tenant_id, "subscribe", start, lacking, "lacking")
        anchor = {"day_of_month": tenant.anchor_day, "hour": 0, "minute": 0, "second": 0}
        params: dict[str, Any] = {
            "customer": tenant.stripe_customer_id, "items": items, "billing_cycle_anchor_config": anchor,
        }  # fmt: skip
        prices = ", ".join(item["price"] for item in items)
        what = f"a subscription of {tenant.stripe_customer_id} to {prices}, turning on day {tenant.anchor_day}"
        if start > today and start != turn:
            return Change(tenant.tenant_id, "subscribe", start, f"{what}: it can begin on {day(start)}", "later")
        if start > today:
            params["proration_behavior"] = "none"
            what += ", charging nothing before that"
        else:
            params |= {"backdate_start_date": midnight(start), "proration_behavior": "create_prorations"}
            what += f", backdated to {day(start)}"
        return Change(tenant.tenant_id, "subscribe", start, what, "due", None, params)

    def _repriced(
        self, tenant: BilledTenant, subscription: Mapping[str, Any], turn: date, wanted: _Wanted
    ) -> Iterator[Change]:
        """The prices that the subscription will have at its turn, against those that are in force then."""
        counts = self._coming(subscription, turn)
        coming = [self._cache.price(name) for name, _ in counts]
        fees = [
            price
            for price, (_, count) in zip(coming, counts, strict=True)
            for _ in range(count)
            if not (price.get("recurring") or {}).get("meter")
        ]
        is_fee = not _is_fee(fees, wanted.fee, tenant.currency)
        meters = tuple(row["meter_id"] for row in wanted.meters if self._differs(tenant, row, coming))
        if not is_fee and not meters:
            return
        items, lacking = self._items(tenant, wanted)
        name = subscription["id"]
        if lacking:
            yield Change(tenant.tenant_id, "prices", turn, lacking, "lacking", name, None, meters, is_fee)
            return
        old = ", ".join(f"{count} × {price}" if count != 1 else price for price, count in counts)
        new = ", ".join(item["price"] for item in items)
        what = f"{name} has {old} from {turn} on, and {new} is in force then"
        params = {"customer": tenant.stripe_customer_id, "items": items}
        yield Change(tenant.tenant_id, "prices", turn, what, "due", name, params, meters, is_fee)

    def _differs(self, tenant: BilledTenant, row: Mapping[str, Any], coming: Sequence[Body]) -> bool:
        meter = self._readiness.meter(row["stripe_event_name"] or "")
        if meter is None:
            return False  # What a meter lacks as such is told of it.
        found = [price for price in coming if (price.get("recurring") or {}).get("meter") == meter["id"]]
        return len(found) != 1 or not charges_alike(row, tenant.currency, found[0])

    def _items(self, tenant: BilledTenant, wanted: _Wanted) -> tuple[list[dict[str, Any]], str]:
        """Items of Stripe's own prices, as `stripe sync` made them; else what must be made first."""
        marked = {
            price["metadata"][MARK]: price["id"]
            for price in self._cache.prices()
            if MARK in (price.get("metadata") or {})
        }
        items: list[dict[str, Any]] = []
        names = [f"price:{row['price_id']}" for row in wanted.meters if row["stripe_event_name"]]
        if wanted.fee and wanted.fee["subscription_fee"]:
            fee = f"fee:{wanted.fee['plan_id']}@{wanted.fee['valid_from']}"
            names.insert(0, fee)
        for name in names:
            if name not in marked:
                return [], f"Stripe has no {name} yet: minutebook stripe sync --apply"
            is_fee = name.startswith("fee:")
            items.append({"price": marked[name], **({"quantity": 1} if is_fee else {})})
        return items, "" if items else f"{tenant.tenant_id} has no plan with a price in force then"

    def _coming(self, subscription: Mapping[str, Any], turn: date) -> list[tuple[str, int]]:
        """The prices that Stripe charges from a turn on, each with how many of it; a metered one is counted by use."""
        items = subscription["items"]["data"]
        if subscription.get("schedule"):
            items = _phase_at(self._api.schedule(subscription["schedule"]), midnight(turn))["items"]
        return [(_id(item["price"]), 1 if item.get("quantity") is None else int(item["quantity"])) for item in items]

    def _set_phases(self, customer: str, params: dict[str, Any]) -> None:
        """The running phase as it is until the turn, then one of the new prices; after that the subscription is its own
        again. A schedule that goes on has phases that are over, which Stripe keeps by itself.
        """
        subscription = self._readiness.subscription(customer) or {}
        known = subscription.get("schedule")
        schedule = self._api.schedule(known) if known else self._api.create_schedule(subscription["id"])
        now = _phase_at(schedule, schedule["current_phase"]["start_date"])
        running = {
            "items": [
                {name: value for name, value in item.items() if name == "quantity" and value is not None}
                | {"price": _id(item["price"])}
                for item in now["items"]
            ],
            "start_date": now["start_date"], "end_date": subscription["items"]["data"][0]["current_period_end"],
        }  # fmt: skip
        phases = [running, {"items": params["items"], "proration_behavior": "none"}]
        self._api.update_schedule(schedule["id"], {"end_behavior": "release", "phases": phases})

    def _release(self, customer: str) -> None:
        subscription = self._readiness.subscription(customer)
        if subscription and subscription.get("schedule"):
            self._api.release_schedule(subscription["schedule"])

    def _turn(self, tenant: BilledTenant, statuses: Sequence[tuple[str, date]], today: date) -> date:
        """From when the prices are looked at: the turn to come; of one that is to begin its first day."""
        subscription = self._readiness.subscription(tenant.stripe_customer_id or "")
        if subscription:
            return _day(subscription["items"]["data"][0]["current_period_end"])
        begun = statuses[-1][1] if statuses else today
        return max(begun, cycle(today, tenant.anchor_day)[0])

    def _wanted(self, tenant_id: str, on: date) -> _Wanted:
        meters = priced_meters(self._connection, {tenant_id: on})[tenant_id]
        fee = fees(self._connection, {tenant_id: on}).get(tenant_id)
        return _Wanted(fee, [row for row in meters if row["stripe_event_name"]])


def _is_fee(prices: Sequence[Body], fee: Mapping[str, Any] | None, currency: str) -> bool:
    """Whether these charge the fee, alone; without a plan nothing is known of it."""
    if fee is None:
        return True
    wanted = {"model": "per_unit", "unit_amount": fee["subscription_fee"]}
    if not prices:
        return not fee["subscription_fee"]
    return len(prices) == 1 and charges_alike(wanted, currency, prices[0])


def _phase_at(schedule: Body, second: int) -> Body:
    """The phase of a schedule in which a moment is, or the last one before it."""
    phase: Body = max(
        (one for one in schedule["phases"] if one["start_date"] <= second), key=lambda one: int(one["start_date"])
    )
    return phase


def _id(price: Any) -> str:
    return str(price["id"] if isinstance(price, Mapping) else price)


def _day(second: int) -> date:
    return datetime.fromtimestamp(second, UTC).date()
