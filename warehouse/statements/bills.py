"""What providers behind the calls charged: by component and month, what nobody has, and a bill against what was read.

Owns nothing. It blocks no approval, since no statement depends on a cost. Amounts are in the currency they were spent
in, several currencies are never added, and what is unknown is None.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from warehouse.control.errors import NotFound
from warehouse.database.queries import Connection, Row, rows
from warehouse.finding import Finding, Subject
from warehouse.statements.periods import Month

FILE = "statements/bills"


class BillFinding(StrEnum):
    """What a person should know of bills.

    CHARGED_TWICE: provider, voice_source, call_id, component, voice_cost. UNKNOWN_CALLS: provider, calls, cost,
    currency, example. PENDING_PRICE: provider, charges, quantity_unit, example. UNATTACHED_SCOPE: provider, scope_kind,
    scope_ref, cost, currency.
    """

    CHARGED_TWICE = "charged_twice"
    UNKNOWN_CALLS = "unknown_calls"
    PENDING_PRICE = "pending_price"
    UNATTACHED_SCOPE = "unattached_scope"


@dataclass(frozen=True)
class Reconciled:
    """A provider's bill of a month in one currency: what was read by day, and why it may not be what was invoiced.

    invoice: the amount typed in, None without one. read: the sum of the days as they are known now. missing: days that
    were not read. pending: details not rated yet. restated: how much the days moved since they were first read.
    on_other_bills: what the provider reports that others bill. unknown_lines: lines without money. rest: invoice less
    read, which nothing here explains when it is not 0; None without an invoice.
    """

    currency: str | None
    invoice: Decimal | None
    read: Decimal
    missing: tuple[tuple[str, date], ...]
    pending: int
    restated: Decimal
    on_other_bills: Decimal
    unknown_lines: int

    @property
    def rest(self) -> Decimal | None:
        """What of the invoice was read on no day."""
        return None if self.invoice is None else self.invoice - self.read

    @property
    def explanations(self) -> tuple[str, ...]:
        """What can explain a rest, in words."""
        found = []
        if self.missing:
            found.append(f"{len(self.missing)} day(s) were not read")
        if self.pending:
            found.append(f"{self.pending} charge(s) are not rated yet")
        if self.restated:
            found.append(f"the days moved by {self.restated:f} since they were first read")
        if self.on_other_bills:
            found.append(f"{self.on_other_bills:f} is reported here and on another bill")
        if self.unknown_lines:
            found.append(f"{self.unknown_lines} line(s) name no money")
        return tuple(found)


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
        BillFinding.PENDING_PRICE: rows(connection, FILE, "pending", today=today, **about),
        BillFinding.CHARGED_TWICE: rows(connection, FILE, "charged_twice", **about),
        BillFinding.UNKNOWN_CALLS: rows(connection, FILE, "unknown_calls", **about),
    }
    return [Finding(code, _subject(row), row) for code, found in named.items() for row in found]


def reconciled(
    connection: Connection,
    provider: str,
    month: Month,
    today: date,
    invoice: tuple[Decimal, str] | None = None,
) -> tuple[list[Row], list[Reconciled]]:
    """The days of a provider's bill, and each currency's sums; `invoice` is an amount and its currency.

    Raises NotFound for a provider that no source of costs is of.
    """
    known = {row["provider"] for row in rows(connection, "control/coverage", "sources") if row["contract"] == "costs"}
    if provider not in known:
        raise NotFound("provider of costs", provider, known)
    days = rows(
        connection, FILE, "bill_by_day", provider=provider, month_start=month.start, month_end=month.end, today=today
    )
    missing = tuple((row["account"], row["usage_date"]) for row in days if not row["is_read"])
    currencies = sorted({row["currency"] for row in days if row["currency"]} | ({invoice[1]} if invoice else set()))
    return days, [
        _reconciled(currency, [row for row in days if row["currency"] == currency], missing, invoice)
        for currency in currencies or [None]
    ]


def _reconciled(
    currency: str | None,
    days: list[Row],
    missing: tuple[tuple[str, date], ...],
    invoice: tuple[Decimal, str] | None,
) -> Reconciled:
    def total(name: str) -> Decimal:
        return sum((row[name] or Decimal(0) for row in days), Decimal(0))

    moved = [
        row["bill"] + row["on_other_bills"] - row["first_amount"]
        for row in days
        if None not in (row["bill"], row["first_amount"])
    ]
    return Reconciled(
        currency=currency,
        invoice=invoice[0] if invoice and invoice[1] == currency else None,
        read=total("bill"),
        missing=missing,
        pending=sum(row["pending"] for row in days),
        restated=sum(moved, Decimal(0)),
        on_other_bills=total("on_other_bills"),
        unknown_lines=sum(row["unknown_lines"] for row in days),
    )


def _per_minute(amount: Decimal | None, connected: Decimal | None) -> Decimal | None:
    return None if amount is None or not connected else amount / connected


def _subject(row: Row) -> Subject:
    first = row.get("first_date") or row.get("usage_date") or row["call_date"]
    last = row.get("last_date") or first
    account = row.get("account", "platform")
    tenant = None if account == "platform" else account
    name = row.get("scope_ref") or row.get("call_id") or row.get("example")
    return Subject(tenant, None, row["source"], first, last, (name,) if name else ())
