"""Final invoices against statements, as Stripe was last read: what command, page, mart and check show.

Owns how `ledger.final_lines` is read. Whoever asks Stripe writes it (`orchestration.stripe_billing.invoices.final`).
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from warehouse.database.queries import Connection, Row, execute, first, load, rows
from warehouse.statements.periods import Month

FILE = "statements/invoice_lines"


def final_lines(
    connection: Connection, month: Month | None = None, tenant_ids: Sequence[str] | None = None
) -> list[Row]:
    """The lines of the periods that start in a month, or of all that were looked at, by tenant and period."""
    return rows(
        connection,
        FILE,
        "lines",
        tenant_ids=None if tenant_ids is None else list(tenant_ids),
        month_start=month and month.start,
        month_end=month and month.end,
    )


def our_lines(connection: Connection, today: date, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """Lines of statements whose period has begun: frozen where it is approved, as known now where not."""
    return rows(connection, FILE, "ours", today=today, tenant_ids=None if tenant_ids is None else list(tenant_ids))


def coverage(connection: Connection, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """What is still owed of each meter of approved periods, besides what Stripe's own lines charge."""
    return rows(connection, FILE, "coverage", tenant_ids=None if tenant_ids is None else list(tenant_ids))


def unsettled(connection: Connection, tenant_ids: Sequence[str] | None = None) -> dict[str, date]:
    """By tenant: from which day on its invoices or lines can still change."""
    found = rows(connection, FILE, "unsettled", tenant_ids=None if tenant_ids is None else list(tenant_ids))
    return {row["tenant_id"]: row["first_day"] for row in found}


def replace_lines(
    connection: Connection, tenant_id: str, since: date, lines: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """Keep these as what was read of a tenant's periods that began since a day."""
    with connection.transaction(), connection.cursor() as cursor:
        execute(connection, FILE, "forget_lines", tenant_id=tenant_id, since=since)
        cursor.executemany(load(FILE)["put_line"], [{**line, "now": now} for line in lines])


def tenant_of_line(connection: Connection, line: str) -> str | None:
    """Whose a statement's line is, or an object of Stripe's that was read; None where neither is known."""
    row = first(connection, FILE, "whose", line=line)
    return row["tenant_id"] if row else None


def feed_mart(connection: Connection) -> None:
    """Put the lines as last read into marts.fct_invoice_lines, where it is built. connection: role transformer."""
    with connection.transaction():
        found = first(connection, FILE, "mart_exists")
        if found and found["is_built"]:
            execute(connection, FILE, "empty_mart")
            execute(connection, FILE, "fill_mart")
