"""Why a margin is not known: each cost of a period that has no amount, and the command that gives it one.

Owns nothing. It blocks no approval, since no statement depends on a cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from shlex import join

from warehouse.control.changes import Action, Change
from warehouse.control.errors import Refused
from warehouse.database.queries import Connection, Row, execute, rows
from warehouse.statements.usage_remedies import count_voice

FILE = "statements/unknown_costs"


class Reason(StrEnum):
    """What is missing; `marts.fct_costs_daily.unknown_reason`."""

    NO_RATE = "no_rate"
    NO_UNIT_COST = "no_unit_cost"
    NO_METER = "no_meter"
    NO_NUMBER = "no_number"
    BILLED_AS_0 = "billed_as_0"
    TOTALS_DIFFER = "totals_differ"


@dataclass(frozen=True)
class UnknownCost:
    """A cost without an amount. fix: a command; RATE or AMOUNT in it is a number that only a person knows."""

    tenant_id: str
    period_start: date
    reason: Reason
    what: str
    fix: str


def unknown_costs(connection: Connection, statements: Sequence[Row]) -> list[UnknownCost]:
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
        reason = Reason(row["reason"])
        key = (row["tenant_id"], row["period_start"], reason, _needed(row, reason))
        known = missing.get(key, row)
        last = max(row["last_date"], known["last_date"])
        missing[key] = {**known, "first_date": min(row["first_date"], known["first_date"]), "last_date": last}
    return [
        UnknownCost(row["tenant_id"], row["period_start"], Reason(row["reason"]), _what(row), _mend(connection, row))
        for row in missing.values()
    ]


def billed_elsewhere(
    connection: Connection, tenant_id: str, component: str, first_day: date, last_day: date, reason: str
) -> Change:
    """Settle that a component that is reported as 0 on these days, both included, was billed to the tenant's own key:
    it is shown as billed elsewhere, and in no margin. Raises Refused without a reason.
    """
    if not reason.strip():
        raise Refused("say how it is known: --reason")
    asked = {"tenant_id": tenant_id, "component": component, "first_day": first_day, "last_day": last_day}
    with connection.transaction():
        days = execute(connection, FILE, "billed_elsewhere", reason=reason.strip(), **asked)
    what = f"{component} of {tenant_id} was billed elsewhere on {days} day(s)"
    return Change(what, Action.CREATED if days else Action.UNCHANGED)


def _needed(row: Row, reason: Reason) -> tuple[str, ...]:
    if reason is Reason.NO_RATE:
        return (row["provider_currency"], row["currency"])
    return (row["source"], row["component"], row["meter_id"] or "")


def _what(row: Row) -> str:
    start, end = row["first_date"], row["last_date"]
    dates = f"on {start}" if start == end else f"from {start} to {end}"
    component = f"{row['component']} of {row['source']} {dates}"
    return {
        Reason.NO_RATE: f"no exchange rate {row['provider_currency']} to {row['currency']} {dates}",
        Reason.NO_UNIT_COST: f"no unit cost of {row['meter_id']}, and the provider reports none: {component}",
        Reason.NO_METER: f"no meter counts it, and the provider reports no cost: {component}",
        Reason.NO_NUMBER: f"the provider names no number: {component}",
        Reason.BILLED_AS_0: f"reported as 0 though it was used, so billed to another account: {component}",
        Reason.TOTALS_DIFFER: f"the costs of a call do not sum to its cost: {row['source']} {dates}",
    }[Reason(row["reason"])]


def _mend(connection: Connection, row: Row) -> str:
    start = str(row["first_date"])
    pull = ["minutebook", "pull", "--tenant", row["tenant_id"], "--source", row["source"], "--from", start]
    end = str(row["last_date"])
    again = join([*pull, "--to", end])
    elsewhere = ["minutebook", "cost", "elsewhere", row["tenant_id"], row["component"], "--from", start, "--to", end]
    return {
        Reason.NO_RATE: f"minutebook rate set {row['provider_currency']} {row['currency']} RATE --from {start}",
        Reason.NO_UNIT_COST: f"minutebook cost unit {row['meter_id']} AMOUNT --from {start}",
        Reason.NO_METER: count_voice(connection, row["tenant_id"], row["period_start"]),
        Reason.NO_NUMBER: again,
        Reason.BILLED_AS_0: join([*elsewhere, "--reason", "paid by a key of the tenant's own"]),
        Reason.TOTALS_DIFFER: again,
    }[Reason(row["reason"])]
