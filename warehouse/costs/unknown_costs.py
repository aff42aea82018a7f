"""Why a margin is not known: each cost of a period that has no amount.

Owns nothing. It blocks no approval, since no statement depends on a cost.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from warehouse.control.changes import Action, Change
from warehouse.control.errors import Refused
from warehouse.database.queries import Connection, Row, execute, rows
from warehouse.finding import Finding, Subject
from warehouse.statements.unbilled_usage import counting_of
from warehouse.words import counted

FILE = "costs/unknown_costs"


class UnknownCost(StrEnum):
    """What is missing; `marts.fct_costs_daily.unknown_reason`.

    Facts of all: source, component, meter_id, currency, provider_currency, first_date, last_date; of NO_NUMBER,
    NOT_ON_BILL and PENDING also asked, the sources that may have it, and is_settled: they were read when they were
    final, and did not have it.
    """

    NO_RATE = "no_rate"
    NO_UNIT_COST = "no_unit_cost"
    NO_METER = "no_meter"  # and voice or unmetered, as of `unbilled_usage.counting_of`
    NO_NUMBER = "no_number"
    BILLED_AS_0 = "billed_as_0"
    TOTALS_DIFFER = "totals_differ"
    NOT_ON_BILL = "not_on_bill"
    PENDING = "pending"  # and where it is settled provider and units, those that are not rated
    NO_MONEY = "no_money"  # and provider and units, those that its bill counts without naming money
    NO_QUANTITY = "no_quantity"  # and covered: what is declared, where no call has a quantity


def unknown_costs(connection: Connection, statements: Sequence[Row]) -> list[Finding]:
    """Of these statements; empty where every cost is known. A missing rate is named once."""
    found = rows(
        connection,
        FILE,
        "unknown_costs",
        tenant_ids=[row["tenant_id"] for row in statements],
        starts=[row["period_start"] for row in statements],
        ends=[row["period_end"] for row in statements],
    )
    missing: dict[tuple[object, ...], Row] = {}
    for row in found:
        code = UnknownCost(row["reason"])
        key = (row["tenant_id"], row["period_start"], code, _needed(row, code))
        known = missing.get(key, row)
        last = max(row["last_date"], known["last_date"])
        missing[key] = {**known, "first_date": min(row["first_date"], known["first_date"]), "last_date": last}
    return [_finding(connection, row) for row in missing.values()]


def _finding(connection: Connection, row: Row) -> Finding:
    code = UnknownCost(row["reason"])
    tenant_id, start = row["tenant_id"], row["period_start"]
    missing = counting_of(connection, row, row["component"], start) if code is UnknownCost.NO_METER else {}
    subject = Subject(tenant_id, start, row["source"], row["first_date"], row["last_date"])
    return Finding(code, subject, {**row, **missing, **_of_bills(connection, row, code)})


def _of_bills(connection: Connection, row: Row, code: UnknownCost) -> Row:
    """What a wording needs to know of the bills behind the calls."""
    about = {name: row[name] for name in ("source", "component", "tenant_id", "first_date", "last_date")}
    if code is UnknownCost.NO_MONEY or (code is UnknownCost.PENDING and row["is_settled"]):
        query = "units_without_money" if code is UnknownCost.NO_MONEY else "units_not_rated"
        units = rows(connection, FILE, query, **about)
        return {"units": [one["quantity_unit"] for one in units], "provider": units[0]["provider"] if units else ""}
    if code is UnknownCost.NO_QUANTITY:
        return {"covered": rows(connection, FILE, "declared", **about)}
    return {}


def billed_elsewhere(
    connection: Connection, tenant_id: str, component: str, first_day: date, last_day: date, reason: str
) -> Change:
    """Settle that a component that has no amount on these days, both included, was billed to the tenant's own account:
    it is shown as billed elsewhere, and in no margin. Raises Refused without a reason.
    """
    if not reason.strip():
        raise Refused("say how it is known: --reason")
    asked = {"tenant_id": tenant_id, "component": component, "first_day": first_day, "last_day": last_day}
    with connection.transaction():
        days = execute(connection, FILE, "billed_elsewhere", reason=reason.strip(), **asked)
    what = f"{component} of {tenant_id} was billed elsewhere on {counted(days, 'day')}"
    return Change(what, Action.CREATED if days else Action.UNCHANGED)


def _needed(row: Row, code: UnknownCost) -> tuple[str, ...]:
    if code is UnknownCost.NO_RATE:
        return (row["provider_currency"], row["currency"])
    return (row["source"], row["component"], row["meter_id"] or "", row["is_settled"])
