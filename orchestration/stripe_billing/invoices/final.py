"""Final invoices against statements: Stripe is read and compared, and what was found is kept.

One tenant that cannot be read is a finding of that tenant; Stripe that does not answer at all is an error.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

import psycopg
import stripe

from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.calls import Body, StripeApi
from orchestration.stripe_billing.api.errors import StripeRefused, StripeUnavailable
from orchestration.stripe_billing.each import ask_each
from orchestration.stripe_billing.invoices.cycles import cycle
from orchestration.stripe_billing.invoices.final_books import REACH, Books, read_books
from orchestration.stripe_billing.invoices.final_lines import Comparison
from orchestration.stripe_billing.invoices.findings import Code, FinalLine, Ours, Row
from orchestration.stripe_billing.invoices.states import keep_states
from orchestration.stripe_billing.posting.outcomes import failure_of
from orchestration.stripe_billing.posting.readiness import Finding, Readiness
from sources.http.budget import Turns
from warehouse.statements import invoice_lines
from warehouse.stripe import invoice_items, setup
from warehouse.stripe.acceptances import acceptances
from warehouse.stripe.accounts import moved
from warehouse.stripe.billed_tenants import BilledTenant, billed_tenants

CALLS_PER_TENANT = 9


class FinalInvoices:
    """Reads and compares over one connection, as role billing and in autocommit."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        api: StripeApi,
        cache: StripeCache,
        readiness: Readiness,
        clock: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._api = api
        self._cache = cache
        self._readiness = readiness
        self._clock = clock

    def read(
        self,
        since: date,
        tenant_ids: Sequence[str] | None = None,
        *,
        workers: int = 8,
        per_second: float = 80.0,
        until_settled: bool = False,
    ) -> list[FinalLine]:
        """Compare the periods that began since a day, and keep what was found in ledger.final_lines.

        until_settled: of a tenant whose invoices or lines before that can still change, from the first of these on.
        Raises StripeUnavailable where Stripe does not answer, StripeRefused where it does not accept our key.
        """
        now = self._clock()
        chosen = None if tenant_ids is None else list(tenant_ids)
        billed = billed_tenants(self._connection, now.date(), chosen)
        tenants = [one for one in billed if one.may_be_posted and one.stripe_customer_id]
        ours = self._ours(chosen)
        earlier = invoice_lines.unsettled(self._connection, chosen) if until_settled else {}
        starts = {one.tenant_id: min(since, earlier.get(one.tenant_id, since)) for one in tenants}
        first = min(starts.values(), default=since) - REACH
        refunds = self._asked(lambda: self._api.refunds(first)) if tenants else []
        turns = Turns(per_second / CALLS_PER_TENANT)

        def compare(tenant: BilledTenant) -> list[FinalLine]:
            turns.wait()
            start = starts[tenant.tenant_id]
            books = self.books(tenant, start, ours[tenant.tenant_id], refunds)
            keep_states(self._connection, tenant, books.invoices, now)
            self._keep_items(tenant, ours[tenant.tenant_id], books, now)
            lines = self.compared(tenant, ours[tenant.tenant_id], books)
            return [line for line in lines if line.period_start >= start]

        answers = ask_each(tenants, compare, lambda tenant: tenant.tenant_id, workers=workers)
        found = [
            (tenant, [_unreadable(tenant, starts[tenant.tenant_id], answer)] if isinstance(answer, Finding) else answer)
            for tenant, answer in answers
        ]
        for tenant, lines in found:
            self._keep(tenant.tenant_id, starts[tenant.tenant_id], lines, now)
        return [line for _, lines in found for line in lines]

    def books(self, tenant: BilledTenant, since: date, ours: Ours, refunds: Sequence[Body] | None = None) -> Books:
        """What Stripe holds of the tenant since a day, asked now. Raises `stripe.StripeError`, StripeUnavailable."""
        customer = tenant.stripe_customer_id or ""
        refunds = self._api.refunds(since - REACH) if refunds is None else refunds
        has_subscription = self._readiness.subscription(customer) is not None
        names = {item["stripe_id"]: item["identifier"] for item in ours.items if item["stripe_id"]}
        return read_books(self._api, customer, since, refunds, has_subscription=has_subscription, names=names)

    def compared(self, tenant: BilledTenant, ours: Ours, books: Books) -> list[FinalLine]:
        """All lines of a tenant, of whatever period."""
        prices = {one.price for one in books.fees_and_usage() if one.price}
        meters = {price: self._meter_of(price) for price in sorted(prices)}
        return Comparison(tenant, ours, books, meters, self._clock().date()).lines()

    def ours_of(self, tenant_id: str) -> Ours:
        """What we hold of one tenant."""
        return self._ours([tenant_id])[tenant_id]

    def _ours(self, tenant_ids: list[str] | None) -> dict[str, Ours]:
        lines = _by_tenant(invoice_lines.our_lines(self._connection, self._clock().date(), tenant_ids))
        items = _by_tenant(invoice_items.items(self._connection, tenant_ids))
        coverage = _by_tenant(invoice_lines.coverage(self._connection, tenant_ids))
        accepted, since = acceptances(self._connection, tenant_ids), moved(self._connection)

        def of(tenant_id: str) -> Ours:
            owed = {(row["period_start"], row["meter_id"]): row["owed"] for row in coverage[tenant_id]}
            return Ours(lines[tenant_id], items[tenant_id], owed, accepted[tenant_id], since)

        return _Made(of)

    def _meter_of(self, price: str) -> str | None:
        """Our meter that a price of Stripe's counts, by Stripe's name where we have none; none for a fee."""
        meter = (self._cache.price(price).get("recurring") or {}).get("meter")
        if not meter:
            return None
        name = next((one["event_name"] for one in self._readiness.meters() if one["id"] == meter), meter)
        return self._names.get(name, str(name))

    @cached_property
    def _names(self) -> dict[str, str]:
        return setup.meters_of_events(self._connection)

    def _keep(self, tenant_id: str, since: date, lines: Sequence[FinalLine], now: datetime) -> None:
        kept = [{**asdict(line), "invoices": list(line.invoices)} for line in lines]
        invoice_lines.replace_lines(self._connection, tenant_id, since, kept, now)

    def _keep_items(self, tenant: BilledTenant, ours: Ours, books: Books, now: datetime) -> None:
        """What became of our items: once another account is billed in, this one shows it no more."""
        known = {item["identifier"] for item in ours.items}
        states = [
            {
                "identifier": one.identifier, "tenant_id": tenant.tenant_id, "state": one.state, "invoice": one.invoice,
            }
            for one in [*books.single_items(), *books.credit_notes()]
            if one.identifier in known
        ]  # fmt: skip
        invoice_items.put_item_states(self._connection, states, now)

    @staticmethod
    def _asked(call: Callable[[], list[Body]]) -> list[Body]:
        try:
            return call()
        except stripe.StripeError as error:
            failure = failure_of(error)
            if failure.kind in ("again", "spent"):
                raise StripeUnavailable(f"Stripe does not answer ({failure.cause}): nothing was compared.") from None
            raise StripeRefused(f"Stripe refuses to list refunds: {failure.cause}.") from None


class _Made(dict[str, Ours]):
    """What we hold by tenant, made when it is asked for."""

    def __init__(self, make: Callable[[str], Ours]) -> None:
        self._make = make

    def __missing__(self, tenant_id: str) -> Ours:
        return self._make(tenant_id)


def _by_tenant(rows: Sequence[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["tenant_id"]].append(row)
    return grouped


def _unreadable(tenant: BilledTenant, since: date, why: Finding) -> FinalLine:
    """Its last known lines would be taken for today's: they give way to this one."""
    zero, (begun, following) = Decimal(0), cycle(since, tenant.anchor_day)
    start = begun if begun >= since else following
    return FinalLine(
        tenant.tenant_id, start, "invoices", zero, zero, zero, tenant.currency, code=Code.UNREADABLE,
        what=f"the invoices of {tenant.stripe_customer_id} were not shown: {why.message}",
        what_to_do=f"minutebook stripe check --tenant {tenant.tenant_id}",
    )  # fmt: skip
