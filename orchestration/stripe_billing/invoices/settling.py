"""What a person decides about a line that Stripe's invoices and our statement do not agree on.

settle   what is gone at Stripe counts no more, and the difference is added, exactly once
accept   it stays as it is: no finding, and nothing is owed for it, for as long as it differs by that amount
invoice  items that no subscription invoices go on an invoice of their own, and drafts that somebody holds go on
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import psycopg

from orchestration.stripe_billing.api.calls import Body, StripeApi
from orchestration.stripe_billing.api.currency import from_minor
from orchestration.stripe_billing.api.errors import NotFoundInLedger
from orchestration.stripe_billing.invoices.cycles import cycle
from orchestration.stripe_billing.invoices.final import FinalInvoices
from orchestration.stripe_billing.invoices.final_books import Billed, Books
from orchestration.stripe_billing.invoices.findings import Code, FinalLine, Ours
from orchestration.stripe_billing.invoices.items import Invoicer, Item, ItemsReport, item_row
from warehouse.statements.invoice_lines import tenant_of_line
from warehouse.stripe import invoice_items
from warehouse.stripe.acceptances import accept
from warehouse.stripe.billed_tenants import BilledTenant, billed_tenants
from warehouse.stripe.postings import posting_lock

SETTLED = (Code.GONE, Code.VOIDED, Code.DIFFERS, Code.NOTE_REFUSED, Code.OTHER_ACCOUNT)
WITH_COVERAGE = ("overage", "subscription")
EVER = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is done, or would be: amount is added to the line; lost are items that Stripe has no more."""

    line: str
    amount: Decimal
    currency: str
    lost: tuple[str, ...]
    result: Literal["nothing", "planned", "added", "left"]
    message: str = ""


@dataclass(frozen=True, slots=True)
class Uninvoiced:
    """waiting: items that no subscription will invoice. held: drafts that Stripe does not finalise by itself."""

    waiting: Sequence[Billed]
    held: Sequence[Body]


class Settling:
    """Over one connection, as role billing and in autocommit."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        api: StripeApi,
        finals: FinalInvoices,
        invoicer: Invoicer,
        clock: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._api = api
        self._finals = finals
        self._invoicer = invoicer
        self._clock = clock

    def settle(self, line_id: str, *, apply: bool) -> Settlement:
        """Add what Stripe's invoices lack of a line, or give back what they have too much, as an invoice item.

        Stripe is read again before anything is added, and what was committed before is finished first: to run it twice
        adds nothing. Raises NotFoundInLedger, PosterBusy, `stripe.StripeError`.
        """
        tenant = self._tenant_of(line_id)
        if not apply:
            found, parts, ours = self._looked(tenant, line_id)
            return self._planned(found, self._lost(parts, ours, line_id))
        with posting_lock(self._connection):
            report = ItemsReport()
            self._invoicer.finish_pending(tenant.tenant_id, report)
            found, parts, ours = self._looked(tenant, line_id)
            planned = self._planned(found, self._lost(parts, ours, line_id))
            if planned.result == "nothing":
                return planned
            self._lose(planned.lost, "Its invoice was voided or it was deleted at Stripe; a person had it added again.")
            self._charge(tenant, found, parts, ours)
            item = self._item(tenant, found, planned.amount)
            self._invoicer.add(item, report)
        left = next((why for one, why in report.left if one["identifier"] == item["identifier"]), "")
        return Settlement(line_id, planned.amount, tenant.currency, planned.lost, "left" if left else "added", left)

    def accept(self, subject: str, reason: str, actor: str) -> FinalLine:
        """Leave a line or an object of Stripe's as it is, by as much as it differs now. Raises NotFoundInLedger."""
        tenant = self._tenant_of(subject)
        ours = self._finals.ours_of(tenant.tenant_id)
        books = self._finals.books(tenant, EVER, ours)
        lines = self._finals.compared(tenant, ours, books)
        found = next((line for line in lines if line.line == subject), None)
        if found is None:
            raise NotFoundInLedger(
                f"Stripe shows no {subject} of {tenant.tenant_id}: see `minutebook reconcile --final`."
            )
        lost = self._lost(list(_all(books)), ours, subject)
        covers = {item["identifier"] for item in ours.items if item["item_kind"] == "coverage"}
        with self._connection.transaction():
            # What is gone and what is accepted would each count as missing, and be taken off twice.
            self._lose(tuple(one for one in lost if one not in covers), "A person accepted that Stripe has it no more.")
            accept(self._connection, tenant.tenant_id, subject, found.difference, reason, actor, self._clock())
        return found

    def uninvoiced(self, tenant_id: str) -> Uninvoiced:
        """What only a person brings onto a final invoice. Raises NotFoundInLedger."""
        tenant = self._tenant(tenant_id)
        books = self._finals.books(tenant, EVER, self._finals.ours_of(tenant_id))
        waiting = [] if books.has_subscription else [one for one in books.single_items() if one.state == "pending"]
        return Uninvoiced(waiting, books.held())

    def invoice(self, tenant_id: str) -> str | None:
        """Put what waits on an invoice of its own, which Stripe finalises within the hour; returns its id. Drafts that
        somebody holds are final within the hour too.

        Its key is of what waits: an answer that was lost is given again, and what is on it waits no more.
        """
        with posting_lock(self._connection):
            found = self.uninvoiced(tenant_id)
            for draft in found.held:
                self._api.advance_invoice(draft["id"])
            if not found.waiting:
                return None
            customer = self._tenant(tenant_id).stripe_customer_id
            words = "/".join(sorted(one.stripe_id for one in found.waiting))
            params = {
                "customer": customer, "pending_invoice_items_behavior": "include", "auto_advance": True,
                "metadata": {"minutebook_tenant": tenant_id},
            }  # fmt: skip
            return str(self._api.create_invoice(params, f"mbo{hashlib.sha256(words.encode()).hexdigest()[:40]}")["id"])

    def _looked(self, tenant: BilledTenant, line_id: str) -> tuple[FinalLine, list[Billed], Ours]:
        ours = self._finals.ours_of(tenant.tenant_id)
        books = self._finals.books(tenant, _period_in(line_id), ours)
        lines = self._finals.compared(tenant, ours, books)
        found = next((line for line in lines if line.line == line_id), None)
        if found is None:
            raise NotFoundInLedger(f"There is no line {line_id}: see `minutebook reconcile --final`.")
        return found, list(_all(books)), ours

    @staticmethod
    def _lost(parts: list[Billed], ours: Ours, line_id: str) -> tuple[str, ...]:
        """Identifiers of accepted items of the line that Stripe does not charge any more."""
        standing = {part.identifier for part in parts if part.stands}
        return tuple(
            item["identifier"]
            for item in ours.items
            if item["line_id"] == line_id and item["state"] == "accepted" and item["identifier"] not in standing
        )

    @staticmethod
    def _planned(found: FinalLine, lost: tuple[str, ...]) -> Settlement:
        if found.code not in SETTLED:
            why = found.waits or (found.what and f"{found.what}: {found.what_to_do}") or "it agrees"
            return Settlement(found.line, Decimal(0), found.currency, (), "nothing", why)
        return Settlement(found.line, found.accepted - found.difference, found.currency, lost, "planned")

    def _lose(self, lost: tuple[str, ...], cause: str) -> None:
        invoice_items.lose(self._connection, lost, "gone_at_stripe", cause)

    def _charge(self, tenant: BilledTenant, found: FinalLine, parts: list[Billed], ours: Ours) -> None:
        """What Stripe's lines charge of a meter by now, or the next posting would take the item for too much."""
        meter = next((row["meter_id"] for row in ours.lines if row["line_id"] == found.line and row["meter_id"]), None)
        if meter is None or _kind(found.line) != "overage":
            return
        known = {item["identifier"]: item for item in ours.items if item["line_id"] == found.line}
        standing = sum((part.amount for part in parts if part.stands and part.identifier in known), 0)
        charged = found.stripe - from_minor(standing, tenant.currency)
        key = (tenant.tenant_id, meter, found.period_start)
        invoice_items.put_charge(self._connection, *key, charged, self._clock(), is_final=True)

    def _item(self, tenant: BilledTenant, found: FinalLine, amount: Decimal) -> Item:
        kind = _kind(found.line)
        is_covered = kind in WITH_COVERAGE
        key = f"{found.line}/coverage" if is_covered else found.line
        version = invoice_items.next_version(self._connection, key)
        begun, turn = cycle(found.period_start, tenant.anchor_day)
        return item_row(
            {
                "tenant_id": tenant.tenant_id, "stripe_customer_id": tenant.stripe_customer_id,
                "anchor_day": tenant.anchor_day, "currency": tenant.currency, "line_id": found.line,
                "period_start": found.period_start, "period_end": turn, "service_period_start": begun,
                "service_period_end": turn, "version": version,
            },
            "coverage" if is_covered else "line", key, amount,
        )  # fmt: skip

    def _tenant_of(self, subject: str) -> BilledTenant:
        """Whose a line is, its id says; whose an object of Stripe's is, the lines that were read last."""
        tenant_id = tenant_of_line(self._connection, subject)
        if tenant_id is None:
            raise NotFoundInLedger(f"{subject} is not known: run `minutebook reconcile --final` of its month first.")
        return self._tenant(tenant_id)

    def _tenant(self, tenant_id: str) -> BilledTenant:
        found = billed_tenants(self._connection, self._clock().date(), [tenant_id])
        if not found or not found[0].stripe_customer_id:
            raise NotFoundInLedger(f"{tenant_id} is no tenant that is billed through Stripe.")
        return found[0]


def _all(books: Books) -> list[Billed]:
    return [*books.fees_and_usage(), *books.single_items(), *books.credit_notes()]


def _period_in(line_id: str) -> date:
    return date.fromisoformat(line_id.split("/")[1])


def _kind(line_id: str) -> str:
    return line_id.split("/")[2]
