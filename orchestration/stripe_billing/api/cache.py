"""What Stripe said, kept for a while: in memory, then in Postgres, then asked again.

Stripe stays the source of truth. A webhook invalidates what it changes, and so does whoever of us changes something
there. Memory looks at Postgres again after a few seconds, so an invalidation reaches every process; what we change
ourselves it looks up each time, so that no process takes for fresh what was said before a post. When Stripe is down,
what it last said is served, with a warning; never to one who demands to be told again.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
import stripe
import structlog

from orchestration.stripe_billing.api.account import require_account
from orchestration.stripe_billing.api.calls import Body, StripeApi
from orchestration.stripe_billing.api.errors import StripeRefused
from orchestration.stripe_billing.posting.outcomes import explained, failure_of
from warehouse.stripe import cache
from warehouse.stripe.accounts import Account

_LOG = structlog.get_logger(__name__)

TTL = {
    "meters": timedelta(hours=1),
    "products": timedelta(hours=1),
    "prices": timedelta(hours=1),
    "price": timedelta(hours=1),
    "customer": timedelta(minutes=5),
    "subscriptions": timedelta(minutes=1),
    "invoices": timedelta(minutes=1),
    "upcoming": timedelta(minutes=1),
}
MEMORY = timedelta(seconds=10)
CHANGED_BY_US = frozenset(["upcoming"])
OTHER_MODE = frozenset(["of_live_mode", "of_test_mode"])
ABSENT = OTHER_MODE | {"not_found"}
EVERY = "all"
"""The key of what is one list for the whole account."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What Stripe said, and when; is_stale: it may say something else by now, but does not answer."""

    body: Any
    read_at: datetime
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class _Kept:
    reading: Reading
    looked_at: datetime


class StripeCache:
    """Reads of Stripe by kind and key. Thread-safe; its connection is its own and in autocommit.

    Reading raises StripeUnavailable where Stripe does not answer and has said nothing yet, StripeRefused where it
    refuses.
    """

    def __init__(self, connection: psycopg.Connection[Any], api: StripeApi, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._api = api
        self._clock = clock
        self._account: Account | None = None
        self._memory: dict[tuple[str, str], _Kept] = {}
        self._told_anew: set[tuple[str, str]] | None = None
        self._oldest: datetime | None = None
        self._is_down = False
        self._lock = threading.Lock()

    def demand_fresh(self) -> None:
        """From here on all is asked of Stripe once more, and kept; what it does not answer is not served at all."""
        with self._lock:
            self._told_anew = set()

    @property
    def oldest_reading(self) -> datetime | None:
        """When the oldest answer was read that this cache has served."""
        return self._oldest

    def meters(self) -> list[Body]:
        """Every billing meter of the account."""
        return self._body("meters", EVERY, self._api.meters)  # type: ignore[no-any-return]

    def products(self) -> list[Body]:
        """Every active product."""
        return self._body("products", EVERY, self._api.products)  # type: ignore[no-any-return]

    def prices(self) -> list[Body]:
        """Every active price with its tiers."""
        return self._body("prices", EVERY, self._api.prices)  # type: ignore[no-any-return]

    def price(self, price: str) -> Body:
        """A price with its tiers."""
        return self._body("price", price, lambda: self._api.price(price))  # type: ignore[no-any-return]

    def customer(self, customer: str) -> Body:
        return self._body("customer", customer, lambda: self._api.customer(customer))  # type: ignore[no-any-return]

    def subscriptions(self, customer: str) -> list[Body]:
        """The customer's subscriptions that have not ended."""
        return self._body(  # type: ignore[no-any-return]
            "subscriptions", customer, lambda: self._api.subscriptions(customer)
        )

    def invoices(self, customer: str) -> list[Body]:
        """The customer's invoices, newest first."""
        return self._body("invoices", customer, lambda: self._api.invoices(customer))  # type: ignore[no-any-return]

    def upcoming(self, customer: str, subscription: str) -> Reading:
        """What the subscription's next invoice would be: period_start, period_end, lines; and the customer's items.

        Where there will be none, there are no lines and the period is null.
        """
        return self._get("upcoming", customer, lambda: self._next_invoice(customer, subscription))

    def forget(self, *kinds: str) -> None:
        """What Stripe listed of these kinds: called by who made some of it."""
        for kind in kinds:
            cache.invalidate(self._connection, kind, EVERY, self._clock())
        self._drop((kind, EVERY) for kind in kinds)

    def forget_upcoming(self, customers: Iterable[str]) -> None:
        """The next invoices of these: called by who posts, before and after."""
        chosen = sorted(set(customers))
        if not chosen:
            return
        cache.invalidate_upcoming(self._connection, chosen, self._clock())
        self._drop(("upcoming", customer) for customer in chosen)

    def forget_subscriptions(self, customers: Iterable[str]) -> None:
        """What Stripe said of these customers' subscriptions and next invoices: called by who changed one."""
        chosen = sorted(set(customers))
        for customer in chosen:
            cache.invalidate(self._connection, "subscriptions", customer, self._clock())
        self._drop(("subscriptions", customer) for customer in chosen)
        self.forget_upcoming(chosen)

    def _next_invoice(self, customer: str, subscription: str) -> Body:
        invoice: Body = {"period_start": None, "period_end": None}
        lines: list[Body] = []
        try:
            invoice = self._api.upcoming_invoice(subscription)
        except stripe.InvalidRequestError as error:
            if error.code != "invoice_upcoming_none":
                raise
        else:
            is_short = invoice["lines"]["has_more"]
            lines = self._api.invoice_lines(invoice["id"]) if is_short else invoice["lines"]["data"]
        items = [
            {"id": item["id"], "invoice": item.get("invoice"), "metadata": item.get("metadata")}
            for item in self._api.invoice_items(customer)
        ]
        return {
            "period_start": invoice["period_start"], "period_end": invoice["period_end"], "lines": lines,
            "items": items,
        }  # fmt: skip

    def _body(self, kind: str, key: str, ask: Callable[[], Any]) -> Any:
        return self._get(kind, key, ask).body

    def _get(self, kind: str, key: str, ask: Callable[[], Any]) -> Reading:
        reading = self._reading(kind, key, ask)
        with self._lock:
            self._oldest = min(self._oldest or reading.read_at, reading.read_at)
        return reading

    def _reading(self, kind: str, key: str, ask: Callable[[], Any]) -> Reading:
        now, ttl = self._clock(), TTL[kind]
        is_demanded = self._told_anew is not None and (kind, key) not in self._told_anew
        last: Reading | None = None
        if not is_demanded:
            kept = self._memory.get((kind, key))
            if kept and abs(now - kept.reading.read_at) < ttl and self._stands(kind, key, kept, now):
                return kept.reading
            answer = cache.get(self._connection, kind, key, self._whose())
            last = Reading(answer.body, answer.read_at, is_stale=True) if answer else None
            if answer and not answer.is_invalid and abs(now - answer.read_at) < ttl:
                return self._remember(kind, key, Reading(answer.body, answer.read_at), now)
        try:
            body = ask()
        except stripe.StripeError as error:
            failure = failure_of(error)
            if failure.kind in ("again", "spent") and last:
                self._say_down(kind, last, now)
                return last
            if failure.kind in ("again", "spent", "halt"):
                raise explained(error) from None
            if kind == "customer" and failure.code in ABSENT:
                other = failure.code.removeprefix("of_").removesuffix("_mode") if failure.code in OTHER_MODE else None
                body = {"id": key, "unknown": True, "of_other_mode": other}
            elif kind in ("subscriptions", "invoices") and failure.code in ABSENT:
                body = []
            else:
                raise StripeRefused(f"Stripe refuses to show {kind} {key}: {failure.cause}.", failure.code) from None
        is_fresh = cache.put(self._connection, kind, key, self._whose(), body, now)
        reading = Reading(body, now)
        # Who changed it while Stripe was asked may have been too late for this answer: it is given, and not kept.
        return self._remember(kind, key, reading, now) if is_fresh else reading

    def _say_down(self, kind: str, last: Reading, now: datetime) -> None:
        """Once: whoever shows what is served says how old it is, beside each line."""
        with self._lock:
            if self._is_down:
                return
            self._is_down = True
        age = str(timedelta(seconds=round((now - last.read_at).total_seconds())))
        _LOG.info("stripe does not answer: what it last said is served", kind=kind, age=age)

    def _whose(self) -> Account:
        """The account whose word is served and kept: that of our key, which must be the adopted one."""
        if self._account is None:
            self._account = require_account(self._connection, self._api, self._clock)
        return self._account

    def _stands(self, kind: str, key: str, kept: _Kept, now: datetime) -> bool:
        if kind not in CHANGED_BY_US:
            return abs(now - kept.looked_at) < min(MEMORY, TTL[kind])
        return cache.stands(self._connection, kind, key, kept.reading.read_at)

    def _remember(self, kind: str, key: str, reading: Reading, now: datetime) -> Reading:
        with self._lock:
            if self._told_anew is not None:
                self._told_anew.add((kind, key))
            if len(self._memory) > 10_000:
                self._memory.clear()
            self._memory[kind, key] = _Kept(reading, now)
        return reading

    def _drop(self, places: Iterable[tuple[str, str]]) -> None:
        with self._lock:
            for place in places:
                self._memory.pop(place, None)
