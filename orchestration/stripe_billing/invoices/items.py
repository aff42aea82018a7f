"""What no meter can carry reaches Stripe as invoice items: one per statement line, of either sign.

    owed (line − items so far) → committed as pending → read at Stripe, added if missing → verified → recorded

Besides, of each meter: what the approved statement says and Stripe's own line does not charge (a day restated after 35
days, a value Stripe refused) is owed as its coverage, so that the tenant pays exactly the statement. All of it is
level-triggered: a line that changes after a reopening makes an item of the difference.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import stripe

from orchestration.stripe_billing.api.account import require_account
from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.calls import StripeApi, midnight
from orchestration.stripe_billing.api.currency import to_minor
from orchestration.stripe_billing.api.errors import AmountNotExact, BillingError, KeyRefused
from orchestration.stripe_billing.invoices.charges import Charges, not_known
from orchestration.stripe_billing.invoices.cycles import billed_on, cycle
from orchestration.stripe_billing.invoices.given_back import decides, given_back_by_hand, invoices_of
from orchestration.stripe_billing.invoices.taxes import is_taxed, untaxed
from orchestration.stripe_billing.posting.outcomes import explained, failure_of
from orchestration.stripe_billing.posting.readiness import Readiness
from warehouse.stripe import invoice_items
from warehouse.stripe.acceptances import acceptances
from warehouse.stripe.postings import posting_lock

REMEMBERED = timedelta(days=120)
"""How long after its end, or its approval, an invoice that is not final is still looked for."""

LOOKED_AT_AGAIN = timedelta(hours=6)

KEY, LINE = "minutebook_item", "minutebook_line"
Item = dict[str, Any]


@dataclass(slots=True)
class ItemsReport:
    """What a run did: items added, items found that an earlier run had added, and what was left, with its reason."""

    added: list[Item] = field(default_factory=list)
    found: list[Item] = field(default_factory=list)
    left: list[tuple[Item, str]] = field(default_factory=list)


class Invoicer:
    """One run over one connection, as role billing and in autocommit."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        api: StripeApi,
        cache: StripeCache,
        readiness: Readiness,
        clock: Callable[[], datetime],
        held_back: Mapping[str, str] | None = None,
    ) -> None:
        """held_back: tenants to whom no item is added, each with the reason."""
        self._held_back = held_back or {}
        self._connection = connection
        self._api = api
        self._readiness = readiness
        self._clock = clock
        self._charges = Charges(api, cache, readiness)
        self._is_dry = False

    def run(self, *, tenant_ids: Sequence[str] | None = None, dry_run: bool = False) -> ItemsReport:
        """Add what is owed; with dry_run only say it. Raises PosterBusy while another process posts."""
        report = ItemsReport()
        self._is_dry = dry_run
        if dry_run:
            report.left = [(item, "dry run") for item in self._wanted(tenant_ids, report)]
            return report
        with posting_lock(self._connection):
            require_account(self._connection, self._api, self._clock)
            self._finish(tenant_ids, report)
            for item in self._wanted(tenant_ids, report):
                self.add(item, report)
        return report

    def finish_pending(self, tenant_id: str, report: ItemsReport) -> None:
        """What was committed of a tenant and is not known to have arrived. The caller holds the posting lock."""
        self._finish([tenant_id], report)

    def add(self, item: Item, report: ItemsReport) -> None:
        """Commit an item as pending, then add it. The caller holds the posting lock."""
        if self._is_held_back(item, report):
            return
        try:
            to_minor(item["amount"], item["currency"])
        except AmountNotExact as error:
            report.left.append((item, str(error)))
            return
        self._post({**item, **invoice_items.commit(self._connection, item, self._clock())}, report)

    def _finish(self, tenant_ids: Sequence[str] | None, report: ItemsReport) -> None:
        for item in invoice_items.pending(self._connection, tenant_ids):
            if item["is_elsewhere"]:
                cause = "It was committed for another account, where it may have arrived."
                self._record(item, "refused", cause_code="other_account", cause=cause)
            elif not self._is_held_back(item, report):
                self._post(item, report)

    def _is_held_back(self, item: Item, report: ItemsReport) -> bool:
        why = self._held_back.get(item["tenant_id"])
        if why:
            report.left.append((item, why))
        return why is not None

    def _wanted(self, tenant_ids: Sequence[str] | None, report: ItemsReport) -> list[Item]:
        return [*self._owed(tenant_ids, report), *self._uncovered(tenant_ids, report)]

    def _owed(self, tenant_ids: Sequence[str] | None, report: ItemsReport) -> list[Item]:
        items = []
        for row in invoice_items.owed(self._connection, tenant_ids):
            is_correction, invoice = row["line_kind"] == "adjustment" and row["amount"] < 0, None
            item = item_row(row, "line", row["item_key"], row["amount"], None)
            try:
                if row["gives_credit_notes"] and is_correction:
                    invoice = self._readiness.invoice_of(row["stripe_customer_id"], billed_on(row))
                if invoice is not None and invoice["status"] == "paid" and not is_taxed(invoice):
                    item = item_row(row, "credit_note", row["item_key"], row["amount"], invoice["id"])
                held = self._given_back_by_hand(item, billed_on(row)) if is_correction else None
            except (stripe.StripeError, BillingError) as error:
                held = _reported(error)
            if held:
                report.left.append((item, held))
            else:
                items.append(item)
        return items

    def _given_back_by_hand(self, item: Item, day: date) -> str | None:
        accepted = acceptances(self._connection, [item["tenant_id"]])[item["tenant_id"]].keys()
        ours = {one["stripe_id"] for one in invoice_items.items(self._connection, [item["tenant_id"]])}
        return given_back_by_hand(self._api, invoices_of(self._readiness, item, day), item, accepted | ours, KEY)

    def _uncovered(self, tenant_ids: Sequence[str] | None, report: ItemsReport) -> list[Item]:
        """What the statements say of each meter, less what Stripe's own lines charge."""
        items = []
        for row in invoice_items.metered(self._connection, self._clock().date() - REMEMBERED, tenant_ids):
            if row["is_pending"]:
                continue
            row |= {"service_period_start": row["period_start"], "service_period_end": row["period_end"]}
            key = f"{row['line_id']}/coverage"
            item, why = item_row(row, "coverage", key, row["amount"]), not_known(row)
            try:
                if not why:
                    amount = row["amount"] - self._known_charge(row) - row["covered"]
                    item = item_row(row, "coverage", key, amount)
                    turn = cycle(row["period_start"], row["anchor_day"])[1]
                    why = self._given_back_by_hand(item, turn) if amount < 0 else None
            except (stripe.StripeError, BillingError) as error:
                why = _reported(error)
            if why:
                report.left.append((item, why))
            elif item["amount"]:
                items.append(item)
        return items

    def _known_charge(self, row: Item) -> Decimal:
        """What a final invoice charged is asked for once and kept; a dry run keeps nothing."""
        if row["is_final"]:
            return Decimal(row["charged"])
        charged, is_final = self._charges.of(row)
        if not self._is_dry:
            key = (row["tenant_id"], row["meter_id"], row["period_start"])
            invoice_items.put_charge(self._connection, *key, charged, self._clock(), is_final=is_final)
        return charged

    def _post(self, item: Item, report: ItemsReport) -> None:
        """Read, add what is missing, verify, record; what Stripe does not answer stays pending."""
        customer = item["stripe_customer_id"]
        self._readiness.next_invoices_change([customer])
        try:
            self._settle(item, report)
        finally:
            self._readiness.next_invoices_change([customer])

    def _settle(self, item: Item, report: ItemsReport, *, is_key_new: bool = False) -> None:
        try:
            body = self._at_stripe(item)
            (report.found if body else report.added).append(item)
            body = body or self._added(item)
        except BillingError as error:
            if item in report.added:
                report.added.remove(item)
            report.left.append((item, _reported(error)))
            return
        except stripe.StripeError as error:
            failure = failure_of(error)
            if item in report.added:
                report.added.remove(item)
            if failure.kind == "spent" and not is_key_new:
                # Stripe would say so of this key for a day: it says nothing of the item.
                again = invoice_items.ask_again(self._connection, item["identifier"])
                self._settle({**item, **again}, report, is_key_new=True)
                return
            report.left.append((item, failure.cause + (decides(item) if failure.kind == "refused" else "")))
            if failure.kind == "halt":
                raise explained(error) from None
            if failure.kind not in ("again", "spent"):
                self._record(item, "refused", cause_code=failure.code, cause=failure.cause)
            return
        sign = -1 if item["item_kind"] == "credit_note" else 1
        wanted = to_minor(item["amount"], item["currency"]) * sign
        said = untaxed(body) if item["item_kind"] == "credit_note" else body["amount"]
        if said != wanted or body["currency"] != item["currency"].lower():
            cause = f"Stripe's {body['id']} says {said} {body['currency']}, not {wanted}: correct it there."
            report.left.append((item, cause))
            self._record(item, "refused", cause_code="differs_at_stripe", cause=cause)
            return
        self._record(item, "accepted", stripe_id=body["id"])
        is_note = item["item_kind"] == "credit_note"
        state = "paid" if is_note else "draft" if body.get("invoice") else "pending"
        read = {"identifier": item["identifier"], "tenant_id": item["tenant_id"], "state": state}
        invoice_items.put_item_states(self._connection, [{**read, "invoice": body.get("invoice")}], self._clock())

    def _at_stripe(self, item: Item) -> dict[str, Any] | None:
        if item["item_kind"] == "credit_note":
            rows = self._api.credit_notes(item["corrects_invoice_id"])
        else:
            rows = self._api.invoice_items(item["stripe_customer_id"])
        return next((row for row in rows if (row.get("metadata") or {}).get(KEY) == item["identifier"]), None)

    def _added(self, item: Item) -> dict[str, Any]:
        amount = to_minor(item["amount"], item["currency"])
        metadata = {KEY: item["identifier"], LINE: item["line_id"]}
        key = item["identifier"] if item["attempt"] == 1 else f"{item['identifier']}-{item['attempt']}"
        if item["item_kind"] == "credit_note":
            line = {"type": "custom_line_item", "quantity": 1, "unit_amount": -amount, "description": item["line_id"]}
            params = {
                "invoice": item["corrects_invoice_id"], "lines": [line], "credit_amount": -amount, "metadata": metadata,
            }  # fmt: skip
            return self._api.create_credit_note(params, key)
        params = {
            "customer": item["stripe_customer_id"],
            "amount": amount,
            "currency": item["currency"].lower(),
            "description": item["line_id"],
            "metadata": metadata,
            "period": {
                "start": midnight(item["service_period_start"]),
                "end": midnight(item["service_period_end"]),
            },
        }
        invoice = self._readiness.draft_for(item["stripe_customer_id"], item["period_end"], item["currency"])
        if invoice is not None:
            try:
                return self._api.create_invoice_item({**params, "invoice": invoice["id"]}, key)
            except stripe.InvalidRequestError as error:
                # It became final between our look and the call: the next invoice takes it.
                if error.code != "invoice_not_editable":
                    raise
        return self._api.create_invoice_item(params, f"{key}-next")

    def _record(self, item: Item, state: str, **outcome: str) -> None:
        invoice_items.record(self._connection, item["identifier"], state, self._clock(), **outcome)


def _reported(error: stripe.StripeError | BillingError) -> str:
    """Why it is left for a later run. Raises KeyRefused: then nothing can succeed."""
    if isinstance(error, KeyRefused):
        raise error
    if isinstance(error, stripe.AuthenticationError):
        raise explained(error) from None
    return failure_of(error).cause if isinstance(error, stripe.StripeError) else str(error)


def item_row(row: Item, kind: str, key: str, amount: Decimal, invoice: str | None = None) -> Item:
    """An item that is to be committed: its identifier is of customer, key and version."""
    words = f"{row['stripe_customer_id']}/{key}/{row['version']}"
    return {
        **row,
        "item_kind": kind,
        "item_key": key,
        "amount": amount,
        "corrects_invoice_id": invoice,
        "identifier": f"mbi{hashlib.sha256(words.encode()).hexdigest()[:40]}",
    }
