"""Every line of a tenant's final invoices against the lines of its statements, to the cent.

A line of Stripe's belongs to the period that its own time begins in: a fee to the period it pays for in advance, usage
to the one it was used in, an item of ours to the statement it is of. What belongs to none is a finding of its own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from orchestration.stripe_billing.api.calls import Body
from orchestration.stripe_billing.api.currency import from_minor, to_minor
from orchestration.stripe_billing.invoices.beside import Beside, of_balance, of_invoice
from orchestration.stripe_billing.invoices.cycles import cycle
from orchestration.stripe_billing.invoices.elsewhere import decides, verdict, where
from orchestration.stripe_billing.invoices.final_books import Billed, Books, day_of, service_day
from orchestration.stripe_billing.invoices.findings import Code, FinalLine, Ours, Row
from warehouse.finding import first_of
from warehouse.stripe.billed_tenants import BilledTenant


@dataclass(slots=True)
class _Line:
    period: date
    start: date
    kind: str
    amount: Decimal = Decimal(0)
    meter: str | None = None
    parts: list[Billed] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)


class Comparison:
    """Of one tenant. meters: our meter by price of Stripe's, null for a fee."""

    def __init__(
        self, tenant: BilledTenant, ours: Ours, books: Books, meters: Mapping[str, str | None], today: date
    ) -> None:
        self._tenant, self._ours, self._books, self._meters, self._today = tenant, ours, books, meters, today
        self._states = {row["period_start"]: bool(row["is_approved"]) for row in ours.lines}
        self._lines: dict[str, _Line] = {}

    def lines(self) -> list[FinalLine]:
        """All of them, equal ones too."""
        self._put_ours()
        others = list(self._put_stripes())
        return [*(self._judged(name, line) for name, line in self._lines.items()), *others, *self._of_invoices()]

    def _put_ours(self) -> None:
        for row in self._ours.lines:
            if row["line_id"]:
                line = self._line(row["line_id"], row["period_start"], row["line_kind"])
                line.amount += row["amount"]
                line.meter = row["meter_id"]
        for item in self._ours.items:
            if item["period_start"] in self._states or item["line_id"] in self._lines:
                line = self._line(item["line_id"], item["period_start"], "item")
                line.items.append(item)
                if self._is_elsewhere(item) and self._verdict(item) == "billed":
                    amount = to_minor(item["amount"], self._tenant.currency)
                    line.parts.append(
                        Billed(
                            item["stripe_id"], amount, item["there"], item["there_invoice"], item["period_start"],
                            item["identifier"],
                        )
                    )  # fmt: skip

    def _put_stripes(self) -> Iterator[FinalLine]:
        """Each amount of Stripe's on its line; yields what is on none."""
        for one in self._books.fees_and_usage():
            meter = self._meters.get(one.price or "")
            start = self._start_of(one.day)
            if start in self._states or one.amount:
                kind = "overage" if meter else "subscription"
                self._line_of(self._period_of(one.day), start, kind, meter).parts.append(one)
        known = {item["identifier"]: item for item in self._ours.items}
        for one in [*self._books.single_items(), *self._books.credit_notes()]:
            item = known.get(one.identifier or "")
            if item is None:
                yield from self._not_ours(one, Code.NOTE_NOT_OURS if one.is_note else Code.NOT_OURS)
            elif item["line_id"] in self._lines:
                self._lines[item["line_id"]].parts.append(one)
        for one in self._books.given_back():
            yield from self._not_ours(one, Code.REFUND)

    def _line(self, name: str, period: date, kind: str) -> _Line:
        return self._lines.setdefault(name, _Line(period, period, kind))

    def _line_of(self, period: date, start: date, kind: str, meter: str | None) -> _Line:
        """A line of time before all statements stands by itself, beside those of the first one."""
        for line in self._lines.values():
            if line.start == start and line.kind == kind and line.meter == meter:
                return line
        made = self._line(f"{self._tenant.tenant_id}/{start}/{kind}" + (f"/{meter}" if meter else ""), period, kind)
        made.kind, made.meter, made.start = kind, meter, start
        return made

    def _start_of(self, day: date) -> date:
        """First day of our period that holds a day; else of Stripe's cycle."""
        begun, _ = cycle(day, self._tenant.anchor_day)
        return min((one for one in self._states if cycle(one, self._tenant.anchor_day)[0] == begun), default=begun)

    def _period_of(self, day: date) -> date:
        """The period under which a day is shown: what is before all of them is shown with the first."""
        return max(self._start_of(day), min(self._states, default=date.min))

    def _judged(self, name: str, line: _Line) -> FinalLine:
        found = {part.identifier for part in line.parts}
        gone = [item for item in line.items if item["state"] == "accepted" and item["identifier"] not in found]
        stripe = self._money(sum(part.amount for part in line.parts if part.stands))
        accepted = self._ours.accepted.get(name, Decimal(0))
        made = FinalLine(
            self._tenant.tenant_id, line.period, name, line.amount, stripe, accepted, self._tenant.currency,
            tuple(sorted({part.invoice for part in line.parts if part.invoice and part.stands})),
        )  # fmt: skip
        if loose := [one for one in line.parts if one.state == "pending" and not self._books.has_subscription]:
            words = f"{_listed(one.stripe_id for one in loose)} wait at Stripe and no subscription invoices them"
            return _found(made, Code.UNCOLLECTED, words, f"minutebook stripe invoice {self._tenant.tenant_id} --apply")
        if made.difference == accepted:
            return replace(made, waits=self._waits_for(line))
        return self._of_another_account(made, line, gone) or self._why(made, line, gone)

    def _of_another_account(self, made: FinalLine, line: _Line, gone: Sequence[Row]) -> FinalLine | None:
        """What the account that was billed in before charged, or holds of our items."""
        moved, turn = self._ours.moved, cycle(line.period, self._tenant.anchor_day)[1]
        if moved and moved.before.is_live and not line.parts:
            is_fee = line.kind == "subscription" and line.start < moved.on
            if is_fee or (line.kind == "overage" and turn <= moved.on):
                return replace(made, waits=f"charged in {moved.before}, which our key does not read")
        items = [item for item in gone if self._is_elsewhere(item)]
        if not items:
            return None
        names, tenant = _listed(where(item) for item in items), self._tenant.tenant_id
        if {self._verdict(item) for item in items} == {"due"}:
            words = f"{names}: not billed there"
            return _found(made, Code.OTHER_ACCOUNT, words, f"minutebook post --tenant {tenant} --resend")
        command = f"minutebook stripe accept {made.line} --reason REASON"
        return _found(made, Code.OTHER_ACCOUNT, f"{names}: {decides(made.line)}", command)

    @staticmethod
    def _is_elsewhere(item: Row) -> bool:
        return bool(item["state"] == "accepted" and item["is_elsewhere"])

    def _verdict(self, item: Row) -> str:
        return verdict(item, self._tenant.anchor_day, self._today)

    def _why(self, made: FinalLine, line: _Line, gone: Sequence[Row]) -> FinalLine:
        """What a line that differs lacks; a draft may still become what it is to be."""
        tenant, name = self._tenant.tenant_id, made.line
        again = f"minutebook stripe settle {name} --apply"
        by = f"{made.stripe} {made.currency} at Stripe, {made.ours} on the statement"
        refused = next((item for item in line.items if item["state"] == "refused"), None)
        if line.period not in self._states:
            if self._tenant.status != "closed" and cycle(line.period, self._tenant.anchor_day)[1] > self._today:
                return replace(made, waits=f"its statement is not built yet: {by}")
            return _found(made, Code.DIFFERS, f"{by}: the tenant has no statement of that time", again)
        is_invoices_own = line.kind in ("overage", "subscription")
        if (is_invoices_own or not self._states[line.period]) and not self._is_final(line.period):
            return replace(made, waits=f"the invoice of its period is not final: {by}")
        if not self._states[line.period]:
            command = f"minutebook approve {line.period:%Y-%m} --tenant {tenant}"
            return _found(
                made, Code.NOT_APPROVED, f"the invoice is final and the statement is not approved: {by}", command
            )
        if gone:
            names = _listed(item["stripe_id"] for item in gone)
            return _found(made, Code.GONE, f"{names} was added and Stripe has it no more: {by}", again)
        if void := [part for part in line.parts if part.state == "void"]:
            names = _listed(part.stripe_id if part.is_note else part.invoice or part.stripe_id for part in void)
            return _found(
                made,
                Code.VOIDED,
                f"{names} was voided after it had charged {self._money(sum(part.amount for part in void))}: {by}",
                again,
            )
        if refused and refused["item_kind"] == "credit_note":
            words = f"Stripe refused a credit note of {-refused['amount']} on {refused['corrects_invoice_id']}"
            return _found(made, Code.NOTE_REFUSED, f"{words} ({refused['cause']}): {by}", again)
        if self._is_owed(line):
            cause = f" ({refused['cause']})" if refused else ""
            return _found(
                made, Code.NOT_POSTED, f"not all of it was posted{cause}: {by}", f"minutebook post --tenant {tenant}"
            )
        return _found(made, Code.DIFFERS, f"{_parts(line.parts)}: {by}", again)

    def _is_owed(self, line: _Line) -> bool:
        """Whether the next posting adds what is missing by itself."""
        if line.kind == "overage":
            owed = self._ours.owed.get((line.period, line.meter or ""))
            return owed is None or owed != 0
        if line.kind == "subscription":
            return any(item["state"] == "pending" for item in line.items)
        sent = sum((item["amount"] for item in line.items if item["state"] == "accepted"), Decimal(0))
        return bool(line.amount - sent)

    def _waits_for(self, line: _Line) -> str | None:
        """Of an equal line: what is not on a final invoice yet."""
        if any(part.state == "draft" for part in line.parts):
            return "a draft"
        if any(part.state == "pending" for part in line.parts):
            return "the next invoice"
        return None

    def _is_final(self, period: date) -> bool:
        """Whether the invoice of its usage is final; without one, whether a draft could not come any more."""
        turn = cycle(period, self._tenant.anchor_day)[1]
        invoice = self._books.usage_invoice(turn)
        if invoice is not None:
            return bool(invoice["status"] != "draft")
        is_over = turn < self._today or self._tenant.status == "closed"
        return is_over and not any(one["status"] == "draft" for one in self._books.invoices)

    def _not_ours(self, one: Billed, code: Code) -> Iterator[FinalLine]:
        """Of what somebody did at Stripe; until its invoice is final it is only named."""
        if not one.stands:
            return
        words = {
            Code.NOT_OURS: "somebody added it at Stripe",
            Code.NOTE_NOT_OURS: "somebody gave it at Stripe",
            Code.REFUND: "somebody gave a payment back at Stripe, without a credit note",
        }[code]
        said = f": {one.words}" if one.words else ""
        made = self._beside(Beside(one.stripe_id, one.amount, one.invoice or "", code, words + said), one.day)
        if one.is_final:
            yield made
        else:
            waits = "a draft" if one.invoice else "the next invoice"
            yield replace(made, waits=f"{waits}: {words}", code=None, what=None, what_to_do=None)

    def _of_invoices(self) -> Iterator[FinalLine]:
        """What Stripe says besides lines."""
        yield from map(self._held, self._books.held())
        for invoice in self._books.invoices:
            day = self._first_day(invoice)
            for one in of_invoice(invoice, self._books.lines.get(invoice["id"], ())):
                yield self._beside(one, day)
        moments = {one["id"]: one["created"] for one in self._books.balance}
        for one in of_balance(self._books.balance):
            yield self._beside(one, day_of(moments[one.name]))

    def _held(self, invoice: Body) -> FinalLine:
        zero, tenant = Decimal(0), self._tenant
        made = FinalLine(
            tenant.tenant_id, self._period_of(self._first_day(invoice)), invoice["id"], zero, zero, zero,
            tenant.currency, (invoice["id"],),
        )  # fmt: skip
        words = (
            f"{invoice['id']} stays a draft, and its {self._money(invoice['total'])} {made.currency} are not asked for"
        )
        cause = "somebody switched its auto_advance off at Stripe, or paused the subscription's collection"
        return _found(made, Code.HELD, f"{words}: {cause}", f"minutebook stripe invoice {tenant.tenant_id} --apply")

    def _first_day(self, invoice: Body) -> date:
        return min((part.day for part in self._days(invoice)), default=service_day(invoice))

    def _days(self, invoice: Row) -> Iterator[Billed]:
        return (part for part in self._books.fees_and_usage() if part.invoice == invoice["id"])

    def _beside(self, one: Beside, day: date) -> FinalLine:
        """What no statement has; no finding where it follows from the rest, or a person accepted just that amount."""
        stripe = self._money(one.amount)
        accepted = self._ours.accepted.get(one.name, Decimal(0)) if one.code else stripe
        made = FinalLine(
            self._tenant.tenant_id, self._period_of(day), one.name, Decimal(0), stripe, accepted,
            self._tenant.currency, (one.invoice,) if one.invoice else (),
        )  # fmt: skip
        if one.code is None or stripe == accepted:
            return made
        place = f" on {one.invoice}" if one.invoice else ""
        words = f"{stripe} {made.currency}{place}: {one.words}"
        return _found(made, one.code, words, f"minutebook stripe accept {one.name} --reason REASON")

    def _money(self, minor: int) -> Decimal:
        return from_minor(minor, self._tenant.currency)


def _found(line: FinalLine, code: Code, what: str, what_to_do: str) -> FinalLine:
    return replace(line, code=code, what=what, what_to_do=what_to_do)


def _parts(parts: Sequence[Billed]) -> str:
    standing = [f"{part.stripe_id} on {part.invoice}" for part in parts if part.stands]
    return f"Stripe charges {_listed(standing)}" if standing else "Stripe charges nothing"


def _listed(names: Iterable[str]) -> str:
    return first_of(list(dict.fromkeys(names)), 3)
