"""How statements are paid: the invoices that hold their lines, as Stripe was last read and as its events say since.

Owns no table: which invoice holds a line is in `ledger.final_lines`, what is known of an invoice in
`ledger.stripe_invoices`.
"""

from datetime import date

from warehouse.database.queries import Connection, Row, rows
from warehouse.statements.periods import Month

FILE = "statements/payments"


def payments(connection: Connection, month: Month, tenant_id: str | None = None) -> dict[tuple[str, date], list[Row]]:
    """The invoices of the statements whose period starts in a month, by tenant and start; of one tenant, or of all.

    total_minor is in the currency's smallest unit.
    """
    held = rows(connection, FILE, "invoices", tenant_id=tenant_id, month_start=month.start, month_end=month.end)
    found: dict[tuple[str, date], list[Row]] = {}
    if held:
        states = rows(connection, FILE, "states", invoices=sorted({row["invoice_id"] for row in held}))
        of_invoice: dict[tuple[str, str], list[date]] = {}
        for row in held:
            of_invoice.setdefault((row["tenant_id"], row["invoice_id"]), []).append(row["period_start"])
        for state in states:
            for start in of_invoice.get((state["tenant_id"], state["invoice_id"]), ()):
                found.setdefault((state["tenant_id"], start), []).append(state)
    return found
