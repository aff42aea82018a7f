"""Our statement of the running period against Stripe's upcoming invoice, line by line and to the cent.

Lines are compared, not totals: Stripe charges the fee in advance and usage in arrears, on one invoice, and with
them the items of statements approved meanwhile: setup, minimum, credits, adjustments, what day values did not cover.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from orchestration.billing.currency import from_minor
from orchestration.billing.invoice_items import KEY, LINE
from orchestration.billing.readiness import BilledTenant, Readiness
from orchestration.billing.stripe_api import Body, StripeApi
from warehouse import queries

_SQL = queries.load("upcoming")
_ITEMS = queries.load("invoice_items")


@dataclass(frozen=True, slots=True)
class LineComparison:
    """One line of both; service_period_start is the period it is about. amounts in the tenant's currency."""

    tenant_id: str
    line: str
    service_period_start: date
    ours: Decimal
    stripe: Decimal

    @property
    def difference(self) -> Decimal:
        return self.stripe - self.ours


def compare_upcoming(
    connection: psycopg.Connection[Any], api: StripeApi, readiness: Readiness, tenants: Sequence[BilledTenant]
) -> list[LineComparison]:
    """Overage per meter of the running period, the fee of the next, and items. Raises `stripe.StripeError`."""
    found = []
    for tenant in tenants:
        subscription = tenant.stripe_customer_id and readiness.subscription(tenant.stripe_customer_id)
        if not subscription:
            continue
        invoice = api.upcoming_invoice(subscription["id"])
        lines = invoice["lines"]["data"]
        if invoice["lines"]["has_more"]:
            lines = api.invoice_lines(invoice["id"])
        meters = {meter["id"]: meter["event_name"] for meter in readiness.meters()}
        items = {item["price"]["id"]: item["price"] for item in subscription["items"]["data"]}
        found += _compared(connection, tenant, invoice, lines, items, meters)
        found += _items(connection, tenant, lines, api.invoice_items(tenant.stripe_customer_id or ""))
    return found


def _compared(
    connection: psycopg.Connection[Any],
    tenant: BilledTenant,
    invoice: Body,
    lines: Sequence[Body],
    prices: dict[str, Body],
    meters: dict[str, str],
) -> list[LineComparison]:
    start, end = _day(invoice["period_start"]), _day(invoice["period_end"])
    parameters = {"tenant_id": tenant.tenant_id, "period_start": start, "day": end}
    ours = {row[0]: row[1] for row in connection.execute(_SQL["overage_lines"], parameters).fetchall()}
    theirs: dict[str, Decimal] = {}
    fee = Decimal(0)
    for line in lines:
        price = prices.get(((line.get("pricing") or {}).get("price_details") or {}).get("price", ""))
        if price is None:
            continue
        amount = from_minor(line["amount"], tenant.currency)
        meter = (price.get("recurring") or {}).get("meter")
        if meter:
            row = connection.execute(_SQL["meter_of_event"], {"event_name": meters.get(meter, "")}).fetchone()
            name = row[0] if row else meters.get(meter, meter)
            theirs[name] = theirs.get(name, Decimal(0)) + amount
        elif _day(line["period"]["start"]) == end:
            fee += amount
    found = [
        LineComparison(
            tenant.tenant_id, f"overage/{name}", start, ours.get(name, Decimal(0)), theirs.get(name, Decimal(0))
        )
        for name in sorted(ours.keys() | theirs.keys())
    ]
    row = connection.execute(_SQL["fee"], parameters).fetchone()
    return [*found, LineComparison(tenant.tenant_id, "subscription", end, row[0] if row else Decimal(0), fee)]


def _items(
    connection: psycopg.Connection[Any], tenant: BilledTenant, lines: Sequence[Body], at_stripe: Sequence[Body]
) -> list[LineComparison]:
    """What we added and Stripe has not invoiced yet, and what is owed, against the items that the invoice shows."""
    invoiced = {(one.get("metadata") or {}).get(KEY) for one in at_stripe if one.get("invoice")}
    ours: dict[str, Decimal] = {}
    periods: dict[str, date] = {}
    for query, parameters in (
        (_SQL["items"], {"tenant_id": tenant.tenant_id}),
        (_ITEMS["owed"], {"tenant_ids": [tenant.tenant_id]}),
    ):
        with connection.cursor(row_factory=dict_row) as cursor:
            for row in cursor.execute(query, parameters).fetchall():
                if row.get("identifier") not in invoiced:
                    ours[row["line_id"]] = ours.get(row["line_id"], Decimal(0)) + row["amount"]
                    periods[row["line_id"]] = row["service_period_start"]
    theirs: dict[str, Decimal] = {}
    for line in lines:
        if (line.get("parent") or {}).get("type") != "invoice_item_details":
            continue
        name = (line.get("metadata") or {}).get(LINE) or f"not ours: {line.get('description') or line['id']}"
        theirs[name] = theirs.get(name, Decimal(0)) + from_minor(line["amount"], tenant.currency)
        periods.setdefault(name, _day(line["period"]["start"]))
    return [
        LineComparison(
            tenant.tenant_id, f"item/{name}", periods[name], ours.get(name, Decimal(0)), theirs.get(name, Decimal(0))
        )
        for name in sorted(ours.keys() | theirs.keys())
    ]


def _day(second: int) -> date:
    return datetime.fromtimestamp(second, UTC).date()
