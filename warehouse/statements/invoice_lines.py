"""Final invoices against statements, as Stripe was last read: what command, page, mart and check show.

Owns how `ledger.final_lines` is read. Whoever asks Stripe writes it (`orchestration.stripe_billing.invoices.final`).
"""

from collections.abc import Sequence

from warehouse.database.queries import Connection, Row, load, rows
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


def feed_mart(connection: Connection) -> None:
    """Put the lines as last read into marts.fct_invoice_lines, where it is built. connection: role transformer."""
    sql = load(FILE)
    with connection.transaction():
        found = connection.execute(sql["mart_exists"]).fetchone()
        if found and found[0]:
            connection.execute(sql["empty_mart"])
            connection.execute(sql["fill_mart"])
