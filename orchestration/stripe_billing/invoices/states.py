"""The state and payments of invoices, settled by reading Stripe: a webhook that was lost changes nothing for good."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import psycopg

from orchestration.stripe_billing.api.calls import Body, StripeApi
from orchestration.stripe_billing.each import ask_each
from orchestration.stripe_billing.posting.readiness import Finding
from warehouse.stripe import events
from warehouse.stripe.billed_tenants import BilledTenant, billed_tenants
from warehouse.words import counted


def read_states(
    connection: psycopg.Connection[Any],
    api: StripeApi,
    clock: Callable[[], datetime],
    tenant_ids: Sequence[str] | None = None,
) -> list[Finding]:
    """Read every invoice of the tenants that are billed; returns whom Stripe did not show.

    connection: role billing, autocommit. Raises KeyRefused, StripeUnavailable.
    """
    chosen = None if tenant_ids is None else list(tenant_ids)
    billed = billed_tenants(connection, clock().date(), chosen)
    tenants = [one for one in billed if one.stripe_customer_id]
    now = clock()
    answers = ask_each(tenants, lambda one: api.invoices(one.stripe_customer_id or ""), lambda one: one.tenant_id)
    for tenant, invoices in answers:
        if not isinstance(invoices, Finding):
            keep_states(connection, tenant, invoices, now)
    return [answer for _, answer in answers if isinstance(answer, Finding)]


def keep_states(
    connection: psycopg.Connection[Any], tenant: BilledTenant, invoices: Sequence[Body], now: datetime
) -> None:
    """What Stripe showed of a tenant's invoices."""
    rows = [
        {
            **{name: invoice[name] for name in ("id", "period_start", "period_end", "currency", "status", "total")},
            **{name: (invoice["status_transitions"] or {}).get(name) for name in ("finalized_at", "paid_at")},
            # A draft has neither.
            "number": invoice.get("number"), "hosted_url": invoice.get("hosted_invoice_url"),
            "tenant_id": tenant.tenant_id, "customer": tenant.stripe_customer_id, "now": now,
        }
        for invoice in invoices
    ]  # fmt: skip
    events.put_invoice_states(connection, rows)


def waiting_events(connection: psycopg.Connection[Any]) -> str | None:
    """How many webhooks were kept and are not processed, in words; they make what is shown here sooner."""
    count = events.count_waiting(connection)
    if not count:
        return None
    waiting = counted(count, "webhook of Stripe's", "waits", "wait")
    return f"{waiting} to be processed; `minutebook up` does so, or: minutebook stripe events"
