"""What Stripe holds of one customer: invoices of every state with their lines, items, notes, refunds, balance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from orchestration.stripe_billing.api.calls import Body, StripeApi, midnight
from orchestration.stripe_billing.invoices.cycles import price_of
from orchestration.stripe_billing.invoices.items import KEY
from orchestration.stripe_billing.invoices.taxes import untaxed
from orchestration.stripe_billing.posting.readiness import is_held

REACH = timedelta(days=70)
"""The fee of a period stands on an invoice made before it: in advance, or for a subscription made early."""


@dataclass(frozen=True, slots=True)
class Billed:
    """An amount of Stripe's, in minor units, and where it stands. state: the invoice's, or pending without one."""

    stripe_id: str
    amount: int
    state: str
    invoice: str | None
    day: date
    identifier: str | None = None
    price: str | None = None
    words: str = ""

    @property
    def stands(self) -> bool:
        """Whether the tenant owes it, or will once its invoice is final."""
        return self.state != "void"

    @property
    def is_note(self) -> bool:
        return self.stripe_id.startswith("cn_")

    @property
    def is_final(self) -> bool:
        return self.state in ("open", "paid", "uncollectible")


@dataclass(frozen=True, slots=True)
class Books:
    """All of a customer's; lines are by invoice. refunds: those that no credit note gave. balance: what changed it.

    names: our identifier of an item or a note by Stripe's own, whatever somebody made of its metadata there.
    """

    invoices: Sequence[Body]
    lines: Mapping[str, Sequence[Body]]
    items: Sequence[Body]
    notes: Sequence[Body]
    refunds: Sequence[Body]
    balance: Sequence[Body]
    has_subscription: bool
    names: Mapping[str, str]

    def invoice(self, name: str) -> Body | None:
        return next((one for one in self.invoices if one["id"] == name), None)

    def usage_invoice(self, turn: date) -> Body | None:
        """The invoice that bills the usage of the period that turns then; one that is not void first."""
        found = [
            one
            for one in self.invoices
            if one["period_end"] == midnight(turn) and one["billing_reason"] == "subscription_cycle"
        ]
        return next((one for one in found if one["status"] != "void"), found[0] if found else None)

    def held(self) -> list[Body]:
        """Drafts with a charge of ours, or that follows our prices, which Stripe does not finalise by itself."""
        return [
            invoice
            for invoice in self.invoices
            if is_held(invoice)
            and any(
                _price(line) or self._named(_line(invoice, line, None)).identifier for line in self.lines[invoice["id"]]
            )
        ]

    def fees_and_usage(self) -> Iterator[Billed]:
        """Lines that have a price, prorations among them."""
        for invoice in self.invoices:
            for line in self.lines.get(invoice["id"], ()):
                if price := _price(line):
                    yield _line(invoice, line, price)

    def single_items(self) -> Iterator[Billed]:
        """Lines and waiting items that have none: ours by their metadata, and what others added."""
        for invoice in self.invoices:
            for line in self.lines.get(invoice["id"], ()):
                if not _price(line):
                    yield self._named(_line(invoice, line, None))
        for item in self.items:
            if not item.get("invoice") and not item.get("proration"):
                yield self._named(
                    Billed(
                        item["id"], item["amount"], "pending", None, day_of(item["period"]["start"]),
                        (item.get("metadata") or {}).get(KEY), None, item.get("description") or "",
                    )
                )  # fmt: skip

    def credit_notes(self) -> Iterator[Billed]:
        for note in self.notes:
            invoice = self.invoice(note["invoice"])
            state = "void" if note["status"] == "void" else (invoice or {}).get("status", "paid")
            day = service_day(invoice) if invoice else day_of(note["created"])
            yield self._named(
                Billed(
                    note["id"], -untaxed(note), state, note["invoice"], day, (note.get("metadata") or {}).get(KEY),
                    None, note.get("memo") or "",
                )
            )  # fmt: skip

    def _named(self, one: Billed) -> Billed:
        return replace(one, identifier=self.names.get(one.stripe_id, one.identifier))

    def given_back(self) -> Iterator[Billed]:
        """Refunds without a credit note, each with the invoice whose payment it gives back."""
        paid = payments(self.invoices)
        for refund in self.refunds:
            invoice = paid.get(refund.get("payment_intent") or "") or paid.get(refund.get("charge") or "")
            if invoice and refund["status"] not in ("failed", "canceled"):
                day, amount = service_day(invoice), -refund["amount"]
                yield Billed(refund["id"], amount, "paid", invoice["id"], day, None, None, refund.get("reason") or "")


def read_books(
    api: StripeApi,
    customer: str,
    since: date,
    refunds: Sequence[Body],
    *,
    has_subscription: bool,
    names: Mapping[str, str],
) -> Books:
    """Ask Stripe, whatever the cache holds. refunds: of the account. Raises `stripe.StripeError`."""
    first = midnight(since - REACH)
    invoices = [one for one in api.invoices(customer) if one["created"] >= first]
    notes = list(api.credit_notes_of(customer))
    noted = {one["refund"] for note in notes for one in note.get("refunds") or ()}
    ours = payments(invoices).keys()
    return Books(
        invoices,
        {one["id"]: api.invoice_lines(one["id"]) for one in invoices},
        api.invoice_items(customer),
        notes,
        [
            one
            for one in refunds
            if one["id"] not in noted and (one.get("payment_intent") in ours or one.get("charge") in ours)
        ],
        [one for one in api.balance_transactions(customer) if one["created"] >= first],
        has_subscription,
        names,
    )


def payments(invoices: Sequence[Body]) -> dict[str, Body]:
    """Invoices by what paid them: payment intents and charges."""
    return {
        name: invoice
        for invoice in invoices
        for one in (invoice.get("payments") or {}).get("data", ())
        if (name := one["payment"].get("payment_intent") or one["payment"].get("charge"))
    }


def _line(invoice: Body, line: Body, price: str | None) -> Billed:
    parent = line.get("parent") or {}
    item = (parent.get("invoice_item_details") or {}).get("invoice_item")
    return Billed(
        item or line["id"], line["amount"], invoice["status"], invoice["id"], day_of(line["period"]["start"]),
        (line.get("metadata") or {}).get(KEY), price, line.get("description") or "",
    )  # fmt: skip


def service_day(invoice: Body) -> date:
    """A day of the period whose usage an invoice bills; a one-off invoice is of the day it was made."""
    is_cycle = invoice["billing_reason"] == "subscription_cycle"
    return day_of(invoice["period_start"] if is_cycle else invoice["created"])


def _price(line: Body) -> str | None:
    is_item = (line.get("parent") or {}).get("type") == "invoice_item_details" and not _is_part(line)
    return None if is_item else price_of(line)


def _is_part(line: Body) -> bool:
    """Whether an item is a proration: part of a fee, made by Stripe."""
    return bool(((line.get("parent") or {}).get("invoice_item_details") or {}).get("proration"))


def day_of(second: int) -> date:
    return datetime.fromtimestamp(second, UTC).date()
