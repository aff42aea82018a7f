"""Our statement of the running period against Stripe's upcoming invoice, line by line and to the cent.

Lines are compared, not totals: Stripe charges the fee in advance and usage in arrears, on one invoice, and with
them the items of statements approved meanwhile: setup, minimum, credits, adjustments, what day values did not cover.
Stripe is read through the cache: each line says when, and whether Stripe did not answer since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from orchestration.stripe_billing.api.cache import Reading
from orchestration.stripe_billing.api.currency import from_minor
from orchestration.stripe_billing.api.errors import BillingError
from orchestration.stripe_billing.each import ask_each, finding_of
from orchestration.stripe_billing.invoices.cycles import cycle
from orchestration.stripe_billing.invoices.items import KEY, LINE
from orchestration.stripe_billing.posting.readiness import Finding, Readiness
from sources.http.budget import Turns
from warehouse.stripe import invoice_items, upcoming
from warehouse.stripe.billed_tenants import BilledTenant
from warehouse.stripe.setup import meters_of_events


@dataclass(frozen=True, slots=True)
class LineComparison:
    """One line of both; service_period_start is the period it is about. amounts in the tenant's currency.

    read_at: when Stripe said it; is_stale: it does not answer, and may say something else by now.
    """

    tenant_id: str
    line: str
    service_period_start: date
    ours: Decimal
    stripe: Decimal
    read_at: datetime
    is_stale: bool

    @property
    def difference(self) -> Decimal:
        return self.stripe - self.ours

    @property
    def what_to_do(self) -> str | None:
        """What resolves a difference; none where there is none."""
        kind, _, name = self.line.partition("/")
        if not self.difference:
            return None
        if kind == "subscription":
            return f"minutebook stripe changes --tenant {self.tenant_id} --apply"
        if kind == "item" and name.startswith("not ours"):
            return "it was added at Stripe: delete it there, or accept it once reconcile --final names it"
        if kind == "item" and self.stripe:
            return "once its invoice is final: minutebook reconcile --final of its month"
        return f"minutebook post --tenant {self.tenant_id}, and look again an hour later"

    def age(self, now: datetime) -> timedelta:
        """How long ago Stripe said it, in whole seconds."""
        return timedelta(seconds=round((now - self.read_at).total_seconds()))


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The lines of all tenants, and those of whom Stripe told nothing, with the reason."""

    lines: list[LineComparison]
    failed: list[Finding]


def compare_upcoming(
    connection: psycopg.Connection[Any],
    readiness: Readiness,
    tenants: Sequence[BilledTenant],
    *,
    workers: int = 8,
    per_second: float = 80.0,
) -> Upcoming:
    """Overage per meter of the running period, the fee of the next, and items.

    Of a tenant Stripe is asked three things at most: subscription, next invoice, items. What fails of one is named,
    and the others are compared. Raises StripeUnavailable, StripeRefused where it is of all.
    """
    turns = Turns(per_second / 3)

    def read(tenant: BilledTenant) -> Reading | None:
        turns.wait()
        return readiness.upcoming(tenant.stripe_customer_id) if tenant.stripe_customer_id else None

    lines: list[LineComparison] = []
    failed = []
    for tenant, reading in ask_each(tenants, read, lambda tenant: tenant.tenant_id, workers=workers):
        try:
            if isinstance(reading, Finding):
                failed.append(reading)
                continue
            subscription = readiness.subscription(tenant.stripe_customer_id or "") if reading else None
            if reading and subscription:
                lines += _compared(connection, tenant, reading, subscription, readiness)
                lines += _items(connection, tenant, reading)
        except BillingError as error:
            failed.append(finding_of(tenant.tenant_id, None, error))
    return Upcoming(lines, failed)


def _compared(
    connection: psycopg.Connection[Any],
    tenant: BilledTenant,
    reading: Reading,
    subscription: Mapping[str, Any],
    readiness: Readiness,
) -> list[LineComparison]:
    meters = {meter["id"]: meter["event_name"] for meter in readiness.meters()}
    prices = {item["price"]["id"]: item["price"] for item in subscription["items"]["data"]}
    running = subscription["items"]["data"][0]  # where nothing will be invoiced, the preview has no period
    start = _day(reading.body["period_start"] or running["current_period_start"])
    end = _day(reading.body["period_end"] or running["current_period_end"])
    begun, _ = cycle(start, tenant.anchor_day)
    ours = upcoming.overages(connection, tenant.tenant_id, begun, end)
    known = meters_of_events(connection)
    theirs: dict[str, Decimal] = {}
    fee = Decimal(0)
    for line in reading.body["lines"]:
        price = prices.get(((line.get("pricing") or {}).get("price_details") or {}).get("price", ""))
        if price is None:
            continue
        amount = from_minor(line["amount"], tenant.currency)
        meter = (price.get("recurring") or {}).get("meter")
        if meter:
            event = meters.get(meter, meter)
            name = known.get(event, event)
            theirs[name] = theirs.get(name, Decimal(0)) + amount
        elif _day(line["period"]["start"]) == end:
            fee += amount
    found = [
        _line(tenant, f"overage/{name}", start, ours.get(name), theirs.get(name), reading)
        for name in sorted(ours.keys() | theirs.keys())
    ]
    our_fee = upcoming.fee(connection, tenant.tenant_id, end)
    return [*found, _line(tenant, "subscription", end, our_fee, fee, reading)]


def _items(connection: psycopg.Connection[Any], tenant: BilledTenant, reading: Reading) -> list[LineComparison]:
    """What we added and Stripe has not invoiced yet, and what is owed, against the items that the invoice shows."""
    known = {one["stripe_id"]: one for one in invoice_items.items(connection, [tenant.tenant_id]) if one["stripe_id"]}
    invoiced = {
        known[one["id"]]["identifier"] if one.get("id") in known else (one.get("metadata") or {}).get(KEY)
        for one in reading.body["items"]
        if one.get("invoice")
    }
    ours: dict[str, Decimal] = {}
    periods: dict[str, date] = {}
    added, owed = upcoming.items(connection, tenant.tenant_id), invoice_items.owed(connection, [tenant.tenant_id])
    for row in [*added, *owed]:
        if row.get("identifier") not in invoiced:
            ours[row["line_id"]] = ours.get(row["line_id"], Decimal(0)) + row["amount"]
            periods[row["line_id"]] = row["service_period_start"]
    theirs: dict[str, Decimal] = {}
    for line in reading.body["lines"]:
        parent = line.get("parent") or {}
        if parent.get("type") != "invoice_item_details":
            continue
        ours_there = known.get((parent.get("invoice_item_details") or {}).get("invoice_item"), {})
        name = ours_there.get("line_id") or (line.get("metadata") or {}).get(LINE)
        name = name or f"not ours: {line.get('description') or line['id']}"
        theirs[name] = theirs.get(name, Decimal(0)) + from_minor(line["amount"], tenant.currency)
        periods.setdefault(name, _day(line["period"]["start"]))
    return [
        _line(tenant, f"item/{name}", periods[name], ours.get(name), theirs.get(name), reading)
        for name in sorted(ours.keys() | theirs.keys())
    ]


def _line(
    tenant: BilledTenant, name: str, start: date, ours: Decimal | None, theirs: Decimal | None, reading: Reading
) -> LineComparison:
    """Nothing on a side is an amount of 0."""
    zero = Decimal(0)
    return LineComparison(
        tenant.tenant_id, name, start, ours or zero, theirs or zero, reading.read_at, reading.is_stale
    )


def _day(second: int) -> date:
    return datetime.fromtimestamp(second, UTC).date()
