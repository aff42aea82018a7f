"""What providers behind the calls charged: by component and month, what nobody has, and what a person should know.

Owns nothing. It blocks no approval, since no statement depends on a cost. Amounts are in the currency they were spent
in, several currencies are never added, and what is unknown is None.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from warehouse.database.queries import Connection, Row, rows
from warehouse.finding import Finding, Subject
from warehouse.statements.periods import Month

FILE = "costs/bills"


class BillFinding(StrEnum):
    """What a person should know of bills.

    CHARGED_TWICE: provider, voice_source, call_id, component, voice_cost. UNKNOWN_CALLS: provider, calls, cost,
    currency, example. PENDING_PRICE: provider, charges, quantity_unit, example. UNATTACHED_SCOPE: provider, scope_kind,
    scope_ref, cost, currency. READ_TWICE: the same, and account and other_account.
    """

    CHARGED_TWICE = "charged_twice"
    UNKNOWN_CALLS = "unknown_calls"
    PENDING_PRICE = "pending_price"
    UNATTACHED_SCOPE = "unattached_scope"
    READ_TWICE = "read_twice"


def costs_by_component(connection: Connection, start: date, end: date, tenant_id: str | None = None) -> list[Row]:
    """By month, provider, component, basis and currency over [start, end): amount, known_amount, unknown_costs, and
    per_minute of the month's connected minutes, None where there are none or the amount is not known.
    """
    about = {"month_start": start, "month_end": end, "tenant_id": tenant_id}
    minutes = {row["month"]: row["minutes"] for row in rows(connection, FILE, "minutes", **about)}
    found = rows(connection, FILE, "costs_by_component", **about)
    return [{**row, "per_minute": _per_minute(row["amount"], minutes.get(row["month"]))} for row in found]


def minutes(connection: Connection, start: date, end: date, tenant_id: str | None = None) -> dict[date, Decimal]:
    """Connected minutes by month over [start, end), of a tenant or of all calls."""
    found = rows(connection, FILE, "minutes", month_start=start, month_end=end, tenant_id=tenant_id)
    return {row["month"]: row["minutes"] for row in found}


def unattributed(connection: Connection, month: Month) -> list[Row]:
    """By provider, service and currency: the bill, what was joined and shared, and what nobody has."""
    return rows(connection, FILE, "unattributed", month_start=month.start, month_end=month.end)


def findings(connection: Connection, month: Month, today: date) -> list[Finding]:
    """What a person should know of a month's bills; empty where all is as it should be."""
    about = {"month_start": month.start, "month_end": month.end}
    named = {
        BillFinding.UNATTACHED_SCOPE: rows(connection, FILE, "unattached_scopes", **about),
        BillFinding.READ_TWICE: rows(connection, FILE, "read_twice", **about),
        BillFinding.PENDING_PRICE: rows(connection, FILE, "pending", today=today, **about),
        BillFinding.CHARGED_TWICE: rows(connection, FILE, "charged_twice", **about),
        BillFinding.UNKNOWN_CALLS: rows(connection, FILE, "unknown_calls", **about),
    }
    return [Finding(code, _subject(row), row) for code, found in named.items() for row in found]


def _per_minute(amount: Decimal | None, connected: Decimal | None) -> Decimal | None:
    return None if amount is None or not connected else amount / connected


def _subject(row: Row) -> Subject:
    first = row.get("first_date") or row.get("usage_date") or row["call_date"]
    last = row.get("last_date") or first
    account = row.get("account", "platform")
    tenant = None if account == "platform" else account
    name = row.get("scope_ref") or row.get("call_id") or row.get("example")
    return Subject(tenant, None, row["source"], first, last, (name,) if name else ())
