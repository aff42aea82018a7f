"""Invoice items and credit notes: what is owed by them, what was committed to be sent, and what became of each.

As postings, a row is committed before its call and carries its own identifier.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from warehouse.database.queries import Connection, Row, execute, first, load, rows

FILE = "stripe/invoice_items"


def owed(connection: Connection, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """Lines of approved statements that no meter carries and whose items do not add up to them."""
    return rows(connection, FILE, "owed", tenant_ids=_listed(tenant_ids))


def metered(connection: Connection, since: date, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """Overage of approved statements that is not known to be billed by a final invoice, of periods since a day."""
    return rows(connection, FILE, "metered", since=since, tenant_ids=_listed(tenant_ids))


def one_waiting(connection: Connection, since: date, stale: datetime) -> str | None:
    """A line that is owed, in flight, or was last compared with Stripe before a moment; None if there is none."""
    for name in ("owed", "waiting"):
        if row := first(connection, FILE, name, since=since, stale=stale, tenant_ids=None):
            return str(row["line_id"])
    return None


def pending(connection: Connection, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """What was committed and is not known to have arrived."""
    return rows(connection, FILE, "pending", tenant_ids=_listed(tenant_ids))


def commit(connection: Connection, item: Mapping[str, Any], now: datetime) -> Row:
    """Commit an item as pending. Returns the columns that may be of an earlier version, which is sent again."""
    (committed,) = rows(connection, FILE, "commit", **{**item, "now": now})
    return committed


def ask_again(connection: Connection, identifier: str) -> Row:
    """A pending item is asked for under another key: the number of its attempt."""
    (attempt,) = rows(connection, FILE, "ask_again", identifier=identifier)
    return attempt


def record(
    connection: Connection,
    identifier: str,
    state: str,
    now: datetime,
    *,
    stripe_id: str | None = None,
    cause_code: str | None = None,
    cause: str | None = None,
) -> None:
    """What became of a pending item."""
    outcome = {"state": state, "stripe_id": stripe_id, "cause_code": cause_code, "cause": cause}
    execute(connection, FILE, "record", identifier=identifier, now=now, **outcome)


def put_charge(
    connection: Connection,
    tenant_id: str,
    meter_id: str,
    period_start: date,
    charged: Decimal,
    now: datetime,
    *,
    is_final: bool,
) -> None:
    """What Stripe's own lines charge of a meter; is_final: its invoice cannot change any more."""
    key = {"tenant_id": tenant_id, "meter_id": meter_id, "period_start": period_start}
    execute(connection, FILE, "put_charge", **key, charged=charged, is_final=is_final, now=now)


def items(connection: Connection, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """Every item and note, with what became of it in the account that holds it, as last read."""
    return rows(connection, FILE, "items", tenant_ids=_listed(tenant_ids))


def items_elsewhere(connection: Connection, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """Items of tenants that are billed which another account or mode accepted."""
    return rows(connection, FILE, "items_elsewhere", tenant_ids=_listed(tenant_ids))


def put_item_states(connection: Connection, read: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Keep what became of items at Stripe: identifier, tenant_id, state and invoice of each."""
    with connection.cursor() as cursor:
        cursor.executemany(load(FILE)["put_item_state"], [{**one, "now": now} for one in read])


def lose(connection: Connection, identifiers: Sequence[str], code: str, cause: str) -> None:
    """Accepted items count no more: they are not at Stripe, or are to be sent again."""
    execute(connection, FILE, "lose_items", identifiers=list(identifiers), code=code, cause=cause)


def next_version(connection: Connection, item_key: str) -> int:
    """The version of an item that is made now, from 1 on."""
    row = first(connection, FILE, "next_version", item_key=item_key)
    return row["version"] if row else 1


def _listed(tenant_ids: Sequence[str] | None) -> list[str] | None:
    return None if tenant_ids is None else list(tenant_ids)
