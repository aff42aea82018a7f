"""What Stripe said last, by kind and key, and whether somebody has changed it there since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from warehouse.database.queries import Connection, execute, first, first_typed
from warehouse.stripe.accounts import Account

FILE = "stripe/cache"


@dataclass(frozen=True, slots=True)
class Answer:
    """body: as Stripe gave it; is_invalid: it was changed since."""

    body: Any
    read_at: datetime
    is_invalid: bool


def get(connection: Connection, kind: str, key: str, account: Account) -> Answer | None:
    """What this account said last, if it was asked before."""
    return first_typed(connection, Answer, FILE, "get", kind=kind, cache_key=key, **_of(account))


def put(connection: Connection, kind: str, key: str, account: Account, body: Any, now: datetime) -> bool:
    """Keep an answer; False where somebody changed it while Stripe was asked, so that it must be read again."""
    kept = first(connection, FILE, "put", kind=kind, cache_key=key, body=Jsonb(body), now=now, **_of(account))
    return kept is None or not kept["is_invalid"]


def stands(connection: Connection, kind: str, key: str, read_at: datetime) -> bool:
    """Whether the answer of that moment is still the last one, and nobody has changed it."""
    return first(connection, FILE, "stands", kind=kind, cache_key=key, read_at=read_at) is not None


def invalidate(connection: Connection, kind: str, key: str | None, now: datetime) -> None:
    """Forget what Stripe said of this, or of the whole kind."""
    execute(connection, FILE, "invalidate", kind=kind, cache_key=key, now=now)


def invalidate_upcoming(connection: Connection, customers: Sequence[str], now: datetime) -> None:
    """Forget these customers' next invoices, also where one is being asked for the first time just now."""
    execute(connection, FILE, "invalidate_upcoming", customers=list(customers), now=now)


def _of(account: Account) -> dict[str, str | bool]:
    return {"stripe_account": account.account_id, "is_live": account.is_live}
