"""Stripe's set-up as code: what our meters, plans and prices need there, made where it is missing, never edited.

What we make carries `metadata.minutebook`, by which it is found again. What differs is drift and is only told: a person
may have meant it, and Stripe lets nobody change a price or a meter's rules anyway.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import psycopg
import stripe

from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.calls import StripeApi
from orchestration.stripe_billing.changes import Change, Changes
from orchestration.stripe_billing.each import ask_each
from orchestration.stripe_billing.posting.outcomes import explained, failure_of
from orchestration.stripe_billing.posting.readiness import Finding, Readiness
from warehouse.stripe import setup
from warehouse.stripe.billed_tenants import BilledTenant, billed_tenants, priced_meters
from warehouse.stripe.prices import as_stripe, charges_alike

MARK = "minutebook"
MOST_ATTEMPTS = 50
"""Stripe replays the errors of a day: as many runs of a day may have failed."""
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One object at Stripe: there as it should be, to be created, created now, different from ours, or not created."""

    kind: Literal["meter", "product", "price"]
    name: str
    result: Literal["ok", "create", "created", "drift", "failed"]
    message: str = ""


class Setup:
    """Compares, and with apply creates. connection: role billing, autocommit."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        api: StripeApi,
        cache: StripeCache,
        clock: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._api = api
        self._cache = cache
        self._clock = clock
        self._steps: list[Step] = []
        self._apply = False
        self._gone: dict[str, set[str]] = {}

    def sync(self, *, apply: bool) -> list[Step]:
        """Every object our control data asks for, in the order in which they are made.

        What is there is read through the cache, for apply again: what somebody made meanwhile must not be made twice.
        Raises `stripe.StripeError`, StripeUnavailable, StripeRefused.
        """
        self._steps, self._apply, self._gone = [], apply, {}
        if apply:
            self._cache.demand_fresh()
        today = self._clock().date()
        # An archived meter may have the event name of an active one, which is the one that counts.
        known = sorted(self._cache.meters(), key=lambda meter: meter["status"] == "active")
        meters: dict[str, Body | None] = {meter["event_name"]: meter for meter in known}
        products = _marked(self._cache.products())
        prices = _marked(self._cache.prices())
        for row in setup.meters(self._connection):
            meters[row["stripe_event_name"]] = self._meter(row, meters.get(row["stripe_event_name"]))
            self._product(products, f"meter:{row['meter_id']}", row["name"])
        for row in setup.fees(self._connection, today):
            product = self._product(products, f"plan:{row['plan_id']}", row["name"])
            fee = {"model": "per_unit", "unit_amount": row["subscription_fee"]}
            recurring = {"interval": "month", "usage_type": "licensed"}
            self._price(prices, f"fee:{row['plan_id']}@{row['valid_from']}", product, row["currency"], fee, recurring)
        for row in setup.prices(self._connection, today):
            product = products.get(f"meter:{row['meter_id']}")
            meter = meters[row["stripe_event_name"]]
            recurring = {"interval": "month", "usage_type": "metered", "meter": (meter or {}).get("id", "")}
            self._price(prices, f"price:{row['price_id']}", product, row["currency"], row, recurring)
        return self._steps

    def _meter(self, row: Body, found: Body | None) -> Body | None:
        name = row["stripe_event_name"]
        if found is None:
            params = {
                "display_name": f"{row['name']} ({row['unit']})"[:250],
                "event_name": name,
                "default_aggregation": {"formula": "sum"},
                "event_time_window": "day",
                "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
                "value_settings": {"event_payload_key": "value"},
            }
            return self._made("meter", name, params, self._api.create_meter)
        wrong = [
            said
            for is_wrong, said in (
                (found["default_aggregation"]["formula"] != "sum", "does not sum"),
                (found.get("event_time_window") != "day", "is not pre-aggregated by day"),
                (found["status"] != "active", "is archived"),
                (found["customer_mapping"]["event_payload_key"] != "stripe_customer_id", "maps another customer key"),
                (found["value_settings"]["event_payload_key"] != "value", "reads another value key"),
            )
            if is_wrong
        ]
        self._reported("meter", name, f"{found['id']} {' and '.join(wrong)}" if wrong else "")
        return found

    def _product(self, products: dict[str, Body], mark: str, name: str) -> Body | None:
        found = products.get(mark)
        if found is None:
            made = self._made("product", mark, {"name": name, "metadata": {MARK: mark}}, self._api.create_product)
            if made:
                products[mark] = made
            return made
        self._reported("product", mark, "")
        return found

    def _price(
        self, prices: dict[str, Body], mark: str, product: Body | None, currency: str, price: Body, recurring: Body
    ) -> None:
        found = prices.get(mark)
        if found is None:
            is_metered = recurring["usage_type"] == "metered"
            if self._apply and (product is None or (is_metered and not recurring["meter"])):
                self._steps.append(Step("price", mark, "failed", "what it is a price of was not created"))
                return
            params = {
                **as_stripe(price, currency),
                "product": (product or {}).get("id", ""),
                "currency": currency.lower(),
                "nickname": mark,
                "recurring": recurring,
                "metadata": {MARK: mark},
            }
            self._made("price", mark, params, self._api.create_price)
            return
        is_alike = charges_alike(price, currency, found)
        is_alike = is_alike and (found["recurring"].get("meter") or None) == (recurring.get("meter") or None)
        self._reported("price", mark, "" if is_alike else f"{found['id']} charges otherwise than our price")

    def _made(self, kind: Any, name: str, params: Body, create: Callable[[Body, str], Body]) -> Body | None:
        if not self._apply:
            self._steps.append(Step(kind, name, "create"))
            return None
        try:
            made = _created(params, create, self._archived(kind))
        except stripe.StripeError as error:
            if isinstance(error, stripe.AuthenticationError):
                raise explained(error) from None
            self._steps.append(Step(kind, name, "failed", str(explained(error))))
            return None
        finally:
            self._cache.forget(f"{kind}s")
        self._steps.append(Step(kind, name, "created", str(made["id"])))
        return made

    def _archived(self, kind: str) -> set[str]:
        """Ids of what people have archived, asked for once; an archived meter is found, and told."""
        lists = {"product": self._api.products, "price": self._api.prices}
        if kind in lists and kind not in self._gone:
            self._gone[kind] = {str(one["id"]) for one in lists[kind](active=False)}
        return self._gone.get(kind, set())

    def _reported(self, kind: Any, name: str, drift: str) -> None:
        self._steps.append(Step(kind, name, "drift" if drift else "ok", drift))


def _created(params: Body, create: Callable[[Body, str], Body], archived: Set[str]) -> Body:
    """Ask for it under a key of its own words, so that two runs at once make one; under the next where Stripe replays
    an earlier run: its error, or what it made and somebody has archived since. That run's effect is known: what is
    there was read before anything is asked for.
    """
    words = json.dumps(params, sort_keys=True, default=str)
    key = f"{MARK}-{hashlib.sha256(words.encode()).hexdigest()[:32]}"
    for attempt in range(1, MOST_ATTEMPTS):
        try:
            made = create(params, key if attempt == 1 else f"{key}-{attempt}")
            if made["id"] not in archived:
                return made
        except stripe.StripeError as error:
            if failure_of(error).kind != "spent":
                raise
    return create(params, f"{key}-{MOST_ATTEMPTS}")


def check(
    connection: psycopg.Connection[Any],
    api: StripeApi,
    cache: StripeCache,
    readiness: Readiness,
    clock: Callable[[], datetime],
    tenant_ids: Sequence[str] | None = None,
) -> list[Finding]:
    """What each tenant that may be billed lacks at Stripe; of those long closed only what is asked for by name.

    Raises:
        StripeUnavailable, StripeRefused: nothing can be said.
    """
    today = clock().date()
    chosen = None if tenant_ids is None else list(tenant_ids)
    billed = billed_tenants(connection, today, chosen)
    tenants = [one for one in billed if chosen or (one.may_be_posted and not one.is_over(today))]
    days = {tenant.tenant_id: _period_start(today, tenant.anchor_day) for tenant in tenants}
    meters = priced_meters(connection, days)

    def of(tenant: BilledTenant) -> list[Finding]:
        found = readiness.of_tenant(tenant)
        if not any(one.blocks for one in found):
            found += [one for row in meters[tenant.tenant_id] for one in _of_meter(readiness, tenant, row)]
            lacking = {one.meter_id for one in found if one.meter_id}
            steps, unknown = changes.plan([tenant.tenant_id])
            found += unknown
            found += [one for step in steps for one in _of_change(step) if one.meter_id not in lacking]
        return found

    changes = Changes(connection, api, cache, readiness, clock)
    answers = ask_each(tenants, of, lambda tenant: tenant.tenant_id, workers=1)
    return [one for _, found in answers for one in ([found] if isinstance(found, Finding) else found)]


def _of_meter(readiness: Readiness, tenant: BilledTenant, row: Body) -> list[Finding]:
    meter_id, event_name = row["meter_id"], row["stripe_event_name"] or ""
    found = readiness.of_meter(tenant.tenant_id, meter_id, event_name) or readiness.of_item(
        tenant, meter_id, event_name
    )
    return [found] if found else []


def _of_change(change: Change) -> Iterator[Finding]:
    """What will be charged otherwise from the next turn on. Quantities are right, so posting goes on."""
    command = f"minutebook stripe changes --tenant {change.tenant_id} --apply"
    advice = f"{change.what}: `{command}`" if change.result == "due" else change.what

    def finding(meter_id: str | None, code: str) -> Finding:
        return Finding(change.tenant_id, meter_id, code, advice, blocks=False)

    if change.kind == "prices":
        yield from (finding(meter_id, "price_differs") for meter_id in change.meters)
        if change.is_fee:
            yield finding(None, "fee_differs")
    elif change.kind == "end":
        yield finding(None, "end_differs")
    elif change.kind == "keep":
        yield finding(None, "will_end")


def _marked(bodies: list[Body]) -> dict[str, Body]:
    return {body["metadata"][MARK]: body for body in bodies if MARK in (body.get("metadata") or {})}


def _period_start(today: date, anchor_day: int) -> date:
    shifted = today - timedelta(days=anchor_day - 1)
    return shifted.replace(day=anchor_day)
