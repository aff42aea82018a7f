"""A provider's bill of a month against what was read of it: the difference by day, and what can explain it.

Owns nothing. Amounts are in the currency of the bill, several currencies are never added, and what is unknown is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from warehouse.control.coverage import providers_of_bills
from warehouse.control.errors import NotFound, Refused
from warehouse.costs.bills import FILE
from warehouse.database.queries import Connection, Row, rows
from warehouse.statements.periods import Month
from warehouse.words import counted, day


@dataclass(frozen=True)
class BillDay:
    """A day of a bill in one currency, as it was read last.

    currency: None where no line names one. bill: None where the day was not read. told: what the provider says of the
    day elsewhere, typed in. first_amount: what the first reading said, with what is on other bills. on_other_bills:
    what the provider reports that others bill. unknown_lines: lines without money. pending: charges not rated yet.
    read_on: when it was read last (UTC). is_final: it was read after the days for which its source looks back.
    """

    source: str
    usage_date: date
    currency: str | None
    is_read: bool
    read_on: date | None
    is_final: bool
    bill: Decimal | None
    told: Decimal | None
    first_amount: Decimal | None
    on_other_bills: Decimal
    unknown_lines: int
    pending: int

    @property
    def difference(self) -> Decimal | None:
        """What was typed in, less what was read; None without either."""
        return None if self.told is None or not self.is_read else self.told - (self.bill or Decimal(0))

    @property
    def moved(self) -> Decimal:
        """By how much the day changed since it was first read; 0 where that is not known."""
        if self.first_amount is None or not self.is_read:
            return Decimal(0)
        return (self.bill or Decimal(0)) + self.on_other_bills - self.first_amount

    @property
    def reasons(self) -> tuple[str, ...]:
        """What can explain a difference of the day, in words."""
        if not self.is_read:
            return ("it was not read",)
        found = {
            f"read last on {self.read_on and day(self.read_on)}, before it was final": not self.is_final,
            f"{counted(self.pending, 'charge', 'is', 'are')} not rated yet": self.pending,
            f"{counted(self.unknown_lines, 'line', 'names', 'name')} no money": self.unknown_lines,
            f"it moved by {self.moved:f} since it was first read": self.moved,
            f"{self.on_other_bills:f} is reported here and on another bill": self.on_other_bills,
        }
        return tuple(reason for reason, is_one in found.items() if is_one)


@dataclass(frozen=True)
class Reconciled:
    """A bill of a month in one currency: what was read, and why it may not be what was invoiced.

    currency: None where nothing that was read names one. invoice: the amount typed in, None without one.
    """

    currency: str | None
    invoice: Decimal | None
    days: tuple[BillDay, ...]

    @property
    def read(self) -> Decimal:
        """The sum of the days as they are known now."""
        return sum((day.bill or Decimal(0) for day in self.days), Decimal(0))

    @property
    def rest(self) -> Decimal | None:
        """What of the invoice was read on no day; None without an invoice."""
        return None if self.invoice is None else self.invoice - self.read

    @property
    def missing(self) -> tuple[date, ...]:
        """Days that were not read."""
        return tuple(sorted({day.usage_date for day in self.days if not day.is_read}))

    @property
    def restated(self) -> Decimal:
        """By how much the days moved since they were first read."""
        return sum((day.moved for day in self.days), Decimal(0))

    @property
    def on_other_bills(self) -> Decimal:
        """What the provider reports that others bill."""
        return sum((day.on_other_bills for day in self.days), Decimal(0))

    @property
    def pending(self) -> int:
        """Charges that are not rated yet."""
        return sum(day.pending for day in self.days)

    @property
    def unknown_lines(self) -> int:
        """Lines that name no money."""
        return sum(day.unknown_lines for day in self.days)

    @property
    def explanations(self) -> tuple[str, ...]:
        """What can explain a rest, in words."""
        too_early = sum(day.is_read and not day.is_final for day in self.days)
        found = {
            f"{counted(len(self.missing), 'day', 'was', 'were')} not read": self.missing,
            f"{counted(too_early, 'day', 'was', 'were')} read last before being final": too_early,
            f"{counted(self.pending, 'charge', 'is', 'are')} not rated yet": self.pending,
            f"{counted(self.unknown_lines, 'line', 'names', 'name')} no money": self.unknown_lines,
            f"the days moved by {self.restated:f} since they were first read": self.restated,
            f"{self.on_other_bills:f} is reported here and on another bill": self.on_other_bills,
        }
        return tuple(reason for reason, is_one in found.items() if is_one)


def reconciled(
    connection: Connection,
    provider: str,
    month: Month,
    today: date,
    *,
    account: str = "platform",
    invoice: Decimal | None = None,
    told: Mapping[date, Decimal] | None = None,
    currency: str = "USD",
) -> list[Reconciled]:
    """The bill of an account by currency; empty where no bill of the provider was ever read.

    invoice, told: what the provider says of the month and of single days elsewhere, in `currency`. Raises NotFound for
    a provider that no source of costs is of, and Refused for an account of which no bill was read while there are
    others, or for a day of another month.
    """
    known = providers_of_bills(connection)
    if provider not in known:
        raise NotFound("provider of costs", provider, known)
    told = told or {}
    if others := [day for day in told if not month.start <= day < month.end]:
        raise Refused(f"{day(min(others))} is no day of {month}")
    accounts = [row["account"] for row in rows(connection, FILE, "billed_accounts", provider=provider)]
    if accounts and account not in accounts:
        raise Refused(f"no bill of {provider} was ever read for {account}; it was for {', '.join(accounts[:5])}")
    about = {"provider": provider, "account": account, "month_start": month.start, "month_end": month.end}
    found = rows(connection, FILE, "bill_by_day", today=today, **about)
    typed = {currency} if found and (invoice is not None or told) else set()
    currencies = sorted({row["currency"] for row in found if row["currency"]} | typed)
    only = currencies[0] if len(currencies) == 1 else None
    return [
        Reconciled(
            one,
            invoice if one == currency else None,
            tuple(
                _day(row, one, told if one == currency else {})
                for row in found if row["currency"] == one or (row["currency"] is None and (only or not row["is_read"]))
            ),
        )
        for one in currencies or [None] if found
    ]  # fmt: skip


def _day(row: Row, currency: str | None, told: Mapping[date, Decimal]) -> BillDay:
    return BillDay(**{**row, "currency": currency}, told=told.get(row["usage_date"]))
