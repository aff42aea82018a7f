"""Work through the webhooks that were kept. No event's effect depends on another: order and repetition do not matter.
Those of another account or mode than is billed in are left alone.

| event | effect |
|---|---|
| invoice.*, invoiceitem.*, customer.*, price.*, product.*, billing.meter.* | what the cache holds of it is not fresh |
| invoice.* | the view ledger.stripe_invoices tells state and payments from the set of events |
| invoice.created | its tenant is told: the period is over, and its draft takes the last usage now |
| v1.billing.meter.error_report_triggered, no_meter_found | fetched whole; the postings it names count as refused |
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
import stripe

from orchestration.stripe_billing.api.calls import StripeApi
from orchestration.stripe_billing.posting.outcomes import async_code
from sources.text import clean
from warehouse.stripe import events
from warehouse.stripe.cache import invalidate
from warehouse.stripe.postings import withdraw

BATCH = 500
METER_ERRORS = ("v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found")


@dataclass(slots=True)
class EventsReport:
    """processed and failed are counts of events; withdrawn of postings that Stripe had dropped.

    apart: events of another account or mode than is billed in, which change nothing while that is so.
    closing: tenants whose period has turned at Stripe, to be posted before the draft becomes final.
    """

    processed: int = 0
    failed: int = 0
    withdrawn: int = 0
    apart: int = 0
    closing: list[str] = field(default_factory=list)


def process_events(connection: psycopg.Connection[Any], api: StripeApi, clock: Callable[[], datetime]) -> EventsReport:
    """Process what waits, failed ones again too; an event fails alone. connection: role billing, autocommit."""
    report = EventsReport()
    for event in events.waiting(connection, BATCH):
        is_about_meters = event.is_thin and event.event_type in METER_ERRORS
        try:
            facts = _errors(api.fetch_event(event.event_id)) if is_about_meters else {}
        except (stripe.StripeError, AttributeError, LookupError, TypeError) as error:
            report.failed += 1
            said = error.user_message if isinstance(error, stripe.StripeError) else "it is not as documented"
            events.failed(connection, event.event_id, f"not fetched: {said or type(error).__name__}"[:300])
            continue
        with connection.transaction():
            now = clock()
            for code, message, identifiers in facts.get("errors", ()):
                report.withdrawn += len(withdraw(connection, identifiers, "refused", code, message, now))
            _forget(connection, event.event_type, event.object_id, event.stripe_customer_id, now)
            tenant_id = events.done(connection, event.event_id, facts, now)
        if event.event_type == "invoice.created" and tenant_id and tenant_id not in report.closing:
            report.closing.append(tenant_id)
        report.processed += 1
    report.apart = events.count_apart(connection)
    return report


def _errors(whole: dict[str, Any]) -> dict[str, Any]:
    """Codes with their counts, and the identifiers of the samples: there may be more errors than samples.

    A sample names the Idempotency-Key of its request, our identifier; reconciliation finds what no sample names.
    """
    reason = (whole.get("data") or {}).get("reason") or {}
    errors = []
    for kind in reason.get("error_types") or ():
        samples = kind.get("sample_errors") or ()
        named = [(one.get("request") or {}).get("identifier") for one in samples]
        identifiers = [name for name in named if isinstance(name, str)]
        message = next((one["error_message"] for one in samples if one.get("error_message")), kind["code"])
        errors.append((async_code(kind["code"]), clean(f"Stripe dropped it: {message}")[:300], identifiers))
    return {"error_count": reason.get("error_count", 0), "errors": errors}


def _forget(
    connection: psycopg.Connection[Any], event_type: str, object_id: str | None, customer: str | None, now: datetime
) -> None:
    family = event_type.removeprefix("v1.")
    if family.startswith(("invoice.", "invoiceitem.")) and customer:
        for kind in ("invoices", "subscriptions", "upcoming"):
            invalidate(connection, kind, customer, now)
    elif family.startswith("customer.") and customer:
        for kind in ("customer", "subscriptions", "upcoming"):
            invalidate(connection, kind, customer, now)
    elif family.startswith(("price.", "product.")):
        invalidate(connection, "price", object_id if family.startswith("price.") else None, now)
        for kind in ("prices", "products"):
            invalidate(connection, kind, None, now)
    elif family.startswith("billing.meter."):
        invalidate(connection, "meters", None, now)
