"""Quotas: 50, 80 and 100 % of an allowance or of a spend limit, once per crossing, with recovery.

Owns `control.spend_limits` and `ledger.quota_alerts`. Usage above a quota is never cut off: it is overage. Only tenants
whose feature flag `quota_alerts` is true have alerts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from warehouse.control.changes import Change, put
from warehouse.control.errors import Refused
from warehouse.control.tenants import require_tenant
from warehouse.database.queries import Connection, Row, execute, first, rows
from warehouse.statements.forecast import forecast

FILE = "statements/quotas"


def put_spend_limit(connection: Connection, tenant_id: str, valid_from: date, amount: Decimal | None) -> Change:
    """The spend a tenant is warned of from a day on, per period and in its currency; None ends it. Raises Refused for
    one that is not above 0."""
    if amount is not None and amount <= 0:
        raise Refused("a spend limit is above 0")
    require_tenant(connection, tenant_id)
    parameters = {"tenant_id": tenant_id, "valid_from": valid_from, "amount": amount}
    action, next_from = put(connection, FILE, "put_limit", parameters)
    detail = f"until {next_from}, when another version starts" if next_from else ""
    return Change(f"spend limit of {tenant_id} from {valid_from}", action, detail)


def spend_limits(connection: Connection, on: date, tenant_id: str | None = None) -> list[Row]:
    """The limits that hold on a day, in each tenant's currency; one row per tenant that has one."""
    return rows(connection, FILE, "spend_limits", on=on, tenant_id=tenant_id)


def record(connection: Connection, today: date) -> int:
    """Compare what is used with what was recorded, and write down every crossing and recovery since; how many."""
    with connection.transaction():
        first(connection, FILE, "lock")
        return execute(connection, FILE, "record", today=today)


@dataclass(frozen=True)
class Expected:
    """A quota that a running period will pass, if its days to come are like the last ones. on: the day, where it is of
    an allowance."""

    tenant_id: str
    period_start: date
    quota: str
    used: Decimal
    expected: Decimal
    allowed: Decimal
    unit: str
    on: date | None


def expected(connection: Connection, today: date) -> Iterator[Expected]:
    """Quotas that are not reached yet and will be, by the forecast of each running period."""
    asking = {row["tenant_id"]: row["spend_limit"] for row in rows(connection, FILE, "asking", today=today)}
    for one in forecast(connection, today, list(asking)) if asking else ():
        for meter in one.meters:
            if 0 < meter["allowance"] < meter["quantity"] and meter["quantity_so_far"] < meter["allowance"]:
                yield Expected(
                    one.tenant_id, one.period_start, meter["meter_id"], meter["quantity_so_far"], meter["quantity"],
                    meter["allowance"], meter["unit"], one.used_up(meter["meter_id"]),
                )  # fmt: skip
        limit = asking[one.tenant_id]
        if limit is not None and one.total is not None and one.total_so_far < limit <= one.total:
            yield Expected(
                one.tenant_id, one.period_start, "spend", one.total_so_far, one.total, limit, one.currency, None
            )


def crossed(connection: Connection, today: date) -> list[Row]:
    """What was recorded as reached in the running periods: each quota with its highest share."""
    return rows(connection, FILE, "crossed", today=today)
