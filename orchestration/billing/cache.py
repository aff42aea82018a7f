"""What Stripe said, kept for a while: in memory, then in Postgres, then asked again.

Stripe stays the source of truth. A webhook invalidates what it changes; memory looks at Postgres again after a few
seconds, so an invalidation reaches every process. When Stripe is down, what it last said is served, with a warning.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
import stripe
import structlog
from psycopg.types.json import Jsonb

from orchestration.billing.errors import StripeRefused, StripeUnavailable
from orchestration.billing.outcomes import failure_of
from orchestration.billing.stripe_api import StripeApi
from warehouse import queries

_SQL = queries.load("stripe_cache")
_LOG = structlog.get_logger(__name__)

TTL = {
    "meters": timedelta(hours=1),
    "price": timedelta(hours=1),
    "customer": timedelta(minutes=5),
    "subscriptions": timedelta(minutes=1),
    "invoices": timedelta(minutes=1),
}
MEMORY = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class _Kept:
    body: Any
    read_at: datetime
    looked_at: datetime


class StripeCache:
    """Reads of Stripe by kind and key. Thread-safe; its connection is its own and in autocommit."""

    def __init__(self, connection: psycopg.Connection[Any], api: StripeApi, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._clock = clock
        self._memory: dict[tuple[str, str], _Kept] = {}
        self._lock = threading.Lock()
        self._ask: dict[str, Callable[[str], Any]] = {
            "meters": lambda _: api.meters(),
            "price": api.price,
            "customer": api.customer,
            "subscriptions": api.subscriptions,
            "invoices": api.invoices,
        }

    def meters(self) -> list[dict[str, Any]]:
        """Every billing meter of the account."""
        return self._get("meters", "all")  # type: ignore[no-any-return]

    def price(self, price: str) -> dict[str, Any]:
        """A price with its tiers."""
        return self._get("price", price)  # type: ignore[no-any-return]

    def customer(self, customer: str) -> dict[str, Any]:
        return self._get("customer", customer)  # type: ignore[no-any-return]

    def subscriptions(self, customer: str) -> list[dict[str, Any]]:
        """The customer's subscriptions that have not ended."""
        return self._get("subscriptions", customer)  # type: ignore[no-any-return]

    def invoices(self, customer: str) -> list[dict[str, Any]]:
        """The customer's invoices, newest first."""
        return self._get("invoices", customer)  # type: ignore[no-any-return]

    def _get(self, kind: str, key: str) -> Any:
        now = self._clock()
        ttl = TTL[kind]
        kept = self._memory.get((kind, key))
        if kept and abs(now - kept.looked_at) < min(MEMORY, ttl) and abs(now - kept.read_at) < ttl:
            return kept.body
        row = self._connection.execute(_SQL["get"], {"kind": kind, "cache_key": key}).fetchone()
        if row and not row[2] and abs(now - row[1]) < ttl:
            return self._remember(kind, key, row[0], row[1], now)
        try:
            body = self._ask[kind](key)
        except stripe.StripeError as error:
            failure = failure_of(error)
            if failure.kind in ("again", "spent") and row:
                _LOG.warning("stripe is down: serving what it last said", kind=kind, read_at=row[1].isoformat())
                return row[0]
            if failure.kind in ("again", "spent"):
                raise StripeUnavailable(f"Stripe does not answer ({failure.cause}). Try again later.") from None
            if kind == "customer" and failure.code == "customer_deleted":
                body = {"id": key, "deleted": True}
            elif kind in ("subscriptions", "invoices") and failure.code == "customer_deleted":
                body = []
            else:
                raise StripeRefused(f"Stripe refuses to show {kind} {key}: {failure.cause}.") from None
        self._connection.execute(_SQL["put"], {"kind": kind, "cache_key": key, "body": Jsonb(body), "now": now})
        return self._remember(kind, key, body, now, now)

    def _remember(self, kind: str, key: str, body: Any, read_at: datetime, now: datetime) -> Any:
        with self._lock:
            if len(self._memory) > 10_000:
                self._memory.clear()
            self._memory[kind, key] = _Kept(body, read_at, now)
        return body


def invalidate(connection: psycopg.Connection[Any], kind: str, key: str | None, now: datetime) -> None:
    """Forget what Stripe said of this, or of the whole kind: called for webhooks."""
    connection.execute(_SQL["invalidate"], {"kind": kind, "cache_key": key, "now": now})
