"""Whether a tenant's overage may be posted: what Stripe must have set up before a unit of it can be billed rightly."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from orchestration.stripe_billing.api.cache import Reading, StripeCache
from orchestration.stripe_billing.api.calls import midnight
from orchestration.stripe_billing.posting.subscriptions import collection_paused, may_begin
from warehouse.stripe.billed_tenants import BilledTenant

SHORTEST_GRACE = timedelta(hours=24)
"""A period ends at midnight and the night begins at 03:00; Stripe's own default of one hour loses the last day."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be. With blocks, nothing of it is posted until it is."""

    tenant_id: str
    meter_id: str | None
    code: str
    message: str
    blocks: bool = True


class Readiness:
    """Asks Stripe, through the cache, whether a tenant and meter are set up. Thread-safe."""

    def __init__(self, cache: StripeCache, clock: Callable[[], datetime], stated_grace: timedelta | None) -> None:
        """stated_grace: what a person says of Stripe's invoice settings; an invoice of the customer's overrules it."""
        self._cache = cache
        self._clock = clock
        self._stated_grace = stated_grace

    def meters(self) -> Sequence[Mapping[str, Any]]:
        """Every billing meter of the account."""
        return self._cache.meters()

    def meter(self, event_name: str) -> Mapping[str, Any] | None:
        """Stripe's active meter of this event name."""
        found = [meter for meter in self._cache.meters() if meter["event_name"] == event_name]
        return next((meter for meter in found if meter["status"] == "active"), found[0] if found else None)

    def of_meter(self, tenant_id: str, meter_id: str, event_name: str) -> Finding | None:
        """The first thing wrong with a meter as such."""
        if not event_name:
            return Finding(
                tenant_id, meter_id, "no_event_name",
                f"Meter {meter_id} has no Stripe event name: give it one, then run `minutebook stripe sync --apply`.",
            )  # fmt: skip
        meter = self.meter(event_name)
        if meter is None:
            return Finding(
                tenant_id, meter_id, "meter_missing",
                f"Stripe has no meter for {event_name}: run `minutebook stripe sync --apply`.",
            )  # fmt: skip
        if meter["status"] != "active":
            return Finding(
                tenant_id, meter_id, "meter_archived", f"Stripe's meter {meter['id']} is archived: reactivate it there."
            )
        formula, window = meter["default_aggregation"]["formula"], meter.get("event_time_window")
        if formula != "sum" or window != "day":
            return Finding(
                tenant_id, meter_id, "meter_wrong",
                f"Stripe's meter {meter['id']} is {formula} per {window or 'event'}, not sum per day: restating a day"
                " would count it twice. Give our meter another event name and run `minutebook stripe sync --apply`.",
            )  # fmt: skip
        return None

    def of_tenant(self, tenant: BilledTenant) -> list[Finding]:
        """What is wrong with a tenant's customer, subscription, anchor or grace."""

        def finding(code: str, message: str, blocks: bool = True) -> Finding:
            return Finding(tenant.tenant_id, None, code, message, blocks)

        customer = tenant.stripe_customer_id
        if not customer:
            return [
                finding(
                    "no_customer", f"Tenant {tenant.tenant_id} has no Stripe customer: {_another(tenant.tenant_id)}"
                )
            ]
        subscription = self.subscription(customer)
        if subscription is None:
            if absent := self.absence(tenant.tenant_id, customer):
                return [absent]
            if tenant.status == "closed":
                return []  # What is still used is billed at approval, by items.
            if waiting := self.unfinished(tenant):
                return [waiting]
            advice = f"`minutebook stripe changes --tenant {tenant.tenant_id} --apply` makes one"
            words = f"Stripe's customer {customer} has no active subscription: {advice}."
            return [finding("no_subscription", words)]
        findings = []
        anchor = datetime.fromtimestamp(subscription["billing_cycle_anchor"], UTC)
        if anchor.day != tenant.anchor_day or (anchor.hour, anchor.minute, anchor.second) != (0, 0, 0):
            findings.append(
                finding(
                    "anchor_wrong",
                    f"Subscription {subscription['id']} turns on day {anchor.day} at {anchor:%H:%M:%S} UTC, not on day"
                    f" {tenant.anchor_day} at 00:00:00: create it with billing_cycle_anchor_config"
                    f" day_of_month={tenant.anchor_day}, hour=0, minute=0, second=0.",
                )
            )
        if subscription["currency"].upper() != tenant.currency:
            findings.append(
                finding(
                    "currency_wrong",
                    f"Subscription {subscription['id']} is not in {tenant.currency}: create one that is.",
                )
            )
        if paused := collection_paused(subscription):
            findings.append(
                finding(
                    "collection_paused",
                    f"{paused}, so that nothing of it is paid: resume its collection at Stripe.",
                    blocks=False,
                )
            )
        grace = self._grace(customer)
        if grace is None:
            findings.append(
                finding(
                    "grace_unknown",
                    f"No invoice of {customer} shows yet when Stripe finalises: set a grace period of 24 to 72 hours in"
                    " Stripe's invoice settings, then say so by MINUTEBOOK_STRIPE_GRACE_HOURS=72.",
                )
            )
        elif grace < SHORTEST_GRACE:
            findings.append(
                finding(
                    "grace_too_short",
                    f"Stripe finalises invoices {grace} after the period's end; the night needs {SHORTEST_GRACE}:"
                    " set the grace period in Stripe's invoice settings to 24 to 72 hours.",
                )
            )
        return findings

    def unfinished(self, tenant: BilledTenant) -> Finding | None:
        """The customer's subscription that does not bill and may begin to, where none bills."""
        found = may_begin(self._cache.subscriptions(tenant.stripe_customer_id or ""))
        return Finding(tenant.tenant_id, None, *found) if found else None

    def absence(self, tenant_id: str, customer: str) -> Finding | None:
        """Why a customer cannot be billed: it is deleted, or the account and mode of our key have no such customer."""
        body = self._cache.customer(customer)
        if body.get("deleted"):
            message = f"Stripe's customer {customer} is deleted: {_another(tenant_id)}"
            return Finding(tenant_id, None, "customer_deleted", message)
        if other := body.get("of_other_mode"):
            message = (
                f"{customer} is a customer of {other} mode, and our key is not: set a key of {other} mode as"
                f" MINUTEBOOK_STRIPE_API_KEY, or name its customer of this mode: {_another(tenant_id)}"
            )
            return Finding(tenant_id, None, "customer_of_other_mode", message)
        if body.get("unknown"):
            message = f"The account of our key has no customer {customer}: {_another(tenant_id)}"
            return Finding(tenant_id, None, "customer_unknown", message)
        return None

    def of_item(self, tenant: BilledTenant, meter_id: str, event_name: str) -> Finding | None:
        """Whether one item of the customer's subscriptions bills this meter, and only one."""
        customer = tenant.stripe_customer_id or ""
        items = self._items(customer, event_name) if customer else []
        if len(items) == 1 or (customer and not items and self.has_ended(tenant)):
            return None
        if items:
            names = " and ".join(f"{item['id']} of {subscription['id']}" for subscription, item in items)
            return Finding(
                tenant.tenant_id, meter_id, "billed_twice",
                f"{names} of {customer} each bill {event_name}, so that usage is charged more than once: remove all"
                " but one at Stripe (without clearing usage), then"
                f" `minutebook stripe check --tenant {tenant.tenant_id}`.",
            )  # fmt: skip
        subscription = self.subscription(customer) if customer else None
        return Finding(
            tenant.tenant_id, meter_id, "no_item",
            f"No subscription of {customer} has an item for {event_name}: add the price of `minutebook stripe sync` to"
            f" {subscription['id'] if subscription else 'it'} alone, or what is posted is never billed; then"
            f" `minutebook stripe check --tenant {tenant.tenant_id}`.",
        )  # fmt: skip

    def has_ended(self, tenant: BilledTenant) -> bool:
        """Whether a closed tenant's subscription is gone: no meter is invoiced any more."""
        return tenant.status == "closed" and self.subscription(tenant.stripe_customer_id or "") is None

    def subscription(self, customer: str) -> Mapping[str, Any] | None:
        """The customer's subscription that bills: of several that whose item counts a meter, the newest of those."""
        alive = self._alive(customer)
        return next((body for body in alive if any(map(_meter_of, body["items"]["data"]))), alive[0] if alive else None)

    def _alive(self, customer: str) -> list[Mapping[str, Any]]:
        alive = ("active", "past_due", "trialing", "unpaid")
        return [body for body in self._cache.subscriptions(customer) if body["status"] in alive]

    def _items(self, customer: str, event_name: str) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """Each subscription and item of it whose price counts this meter."""
        meter = self.meter(event_name)
        return [
            (body, item)
            for body in self._alive(customer)
            for item in body["items"]["data"]
            if meter is not None and _meter_of(item) == meter["id"]
        ]

    def upcoming(self, customer: str) -> Reading | None:
        """What Stripe would invoice the customer at the end of the running period, as of when it was read."""
        subscription = self.subscription(customer)
        return self._cache.upcoming(customer, subscription["id"]) if subscription else None

    def next_invoices_change(self, customers: Iterable[str]) -> None:
        """What Stripe would invoice these is about to be other than it said, by what we post, or is other now."""
        self._cache.forget_upcoming(customers)

    def item(self, customer: str, event_name: str) -> Mapping[str, Any] | None:
        """The subscriptions' item whose price counts this meter."""
        return next((item for _, item in self._items(customer, event_name)), None)

    def invoices(self, customer: str) -> Sequence[Mapping[str, Any]]:
        """Every invoice of the customer's, newest first."""
        return self._cache.invoices(customer)

    def invoice_of(self, customer: str, period_end: date) -> Mapping[str, Any] | None:
        """The invoice that bills the usage of the period that ends then, if Stripe has made it."""
        return next(
            (
                invoice
                for invoice in self._cache.invoices(customer)
                if invoice["period_end"] == midnight(period_end) and invoice["billing_reason"] == "subscription_cycle"
            ),
            None,
        )

    def draft_for(self, customer: str, period_end: date, currency: str) -> Mapping[str, Any] | None:
        """A draft that takes an item now: the period's own, else any other of the customer's.

        None that a person holds: it may never become final, and an item that waits goes on the next invoice.
        """
        drafts: list[Mapping[str, Any]] = [
            one
            for one in self._cache.invoices(customer)
            if one["status"] == "draft" and not is_held(one) and one["currency"] == currency.lower()
        ]
        own = self.invoice_of(customer, period_end)
        return own if own is not None and own in drafts else (drafts[0] if drafts else None)

    def invoices_within(self, customer: str, start: date, end: date) -> list[Mapping[str, Any]]:
        """The invoices whose usage is of this time: one at its end, or one more where the subscription ended before."""
        first, last = midnight(start), midnight(end)
        return [
            invoice
            for invoice in self._cache.invoices(customer)
            if invoice["period_start"] < last and invoice["period_end"] > first
        ]

    def is_final(self, customer: str, period_end: date) -> bool:
        """Whether the period's invoice takes no usage any more."""
        if period_end > self._clock().date():
            return False
        invoice = self.invoice_of(customer, period_end)
        return invoice is not None and invoice["status"] != "draft"

    def _grace(self, customer: str) -> timedelta | None:
        """As a draft says, or the longer of two invoices: a person may have hurried one. Else as a person says."""
        shown: list[timedelta] = []
        for invoice in self._cache.invoices(customer):
            if invoice["billing_reason"] != "subscription_cycle":
                continue
            if ends := invoice.get("automatically_finalizes_at"):
                return timedelta(seconds=ends - invoice["created"])
            if ends := (invoice["status_transitions"] or {}).get("finalized_at"):
                shown.append(timedelta(seconds=ends - invoice["created"]))
        return max(shown[:2], default=self._stated_grace)


def is_held(invoice: Mapping[str, Any]) -> bool:
    """Whether it is a draft that Stripe does not finalise by itself."""
    return invoice["status"] == "draft" and invoice.get("auto_advance") is False


def _meter_of(item: Mapping[str, Any]) -> str | None:
    """The meter that an item of a subscription counts."""
    meter: str | None = (item["price"].get("recurring") or {}).get("meter")
    return meter


def _another(tenant_id: str) -> str:
    return f"`minutebook stripe customer {tenant_id} cus_…`, then `minutebook post --tenant {tenant_id} --resend`."
