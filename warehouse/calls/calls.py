"""Calls as people read them: a tenant's list of them in pages by key, and one call with what it was billed and cost.

Read from the marts under the role of whoever looks. What a call cost is read apart, by a role that may see it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed

from warehouse.calls.call_filters import NO_AGENT, Filters, Key, Place
from warehouse.database.queries import Connection, Row, first, load, rows

FILE = "calls/calls"


class Call(Struct, frozen=True):
    """A call: seconds connected at full precision, units by meter id, and all times in UTC."""

    call_id: str
    source: str
    usage_date: date
    agent_id: str | None
    outcome: str
    direction: str | None
    ended_reason: str | None
    end_group: str | None
    campaign_id: str | None
    evaluation_state: str | None
    rating: Decimal | None
    sentiment: str | None
    connected_seconds: Decimal | None
    units: dict[str, Decimal]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None = None
    status: str | None = None
    campaign: str | None = None
    scopes: dict[str, str] = {}

    @property
    def key(self) -> Key:
        """What tells it from a tenant's other calls."""
        return self.usage_date, self.source, self.call_id

    @property
    def place(self) -> Place:
        """Where it stands in a list."""
        return Place(self.usage_date, self.created_at, self.source, self.call_id)


class Counted(Struct, frozen=True):
    """A day of an overage line that holds a call: its units, those over the allowance, its unrounded amount."""

    usage_date: date
    source: str
    agent_id: str | None
    meter_id: str
    line_id: str
    period_start: date
    quantity: Decimal
    overage_quantity: Decimal
    amount: Decimal
    unit: str


class Component(Struct, frozen=True):
    """What a component of a call cost, in currency at full precision; None, and why, where nobody knows."""

    usage_date: date
    source: str
    call_id: str
    component: str
    basis: str
    unknown_reason: str | None
    currency: str | None
    cost: Decimal | None


@dataclass(frozen=True)
class Listed:
    """A call with its billed units and the line days that hold them; components where the reader may see costs."""

    call: Call
    billed: Mapping[str, Decimal]
    counted: Sequence[Counted]
    components: Sequence[Component] = ()

    @property
    def cost(self) -> Decimal | None:
        """What all components cost; None where one is unknown, they differ in currency, or there are none."""
        if not self.components or len({one.currency for one in self.components}) > 1:
            return None
        known = [one.cost for one in self.components if one.cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(self.components) else None

    @property
    def cost_currency(self) -> str:
        """The currency of the cost."""
        return next((one.currency for one in self.components if one.currency), "")

    @property
    def share(self) -> Decimal | None:
        """Its part of what its day adds to overage lines, by its units, unrounded; None where it is in no line."""
        parts = [day.amount * self.billed[day.meter_id] / day.quantity for day in self.counted if day.quantity]
        return sum(parts, Decimal(0)) if parts else None

    def margin(self, currency: str) -> Decimal | None:
        """Its share of overage, in the tenant's currency, less its cost; None while either is not known in it."""
        if self.share is None or self.cost is None or self.cost_currency != currency:
            return None
        return self.share - self.cost


def page(
    connection: Connection,
    tenant_id: str,
    filters: Filters,
    after: Place | None,
    limit: int,
    *,
    meters: Iterable[str],
    with_costs: bool,
) -> list[Listed]:
    """A tenant's next calls after a place in the list, at most limit. meters: those that bill it. with_costs needs a
    role that may see them.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(listed(filters), listing(tenant_id, filters, after, limit)).fetchall()
    return _with_lines(connection, tenant_id, [_call(row) for row in found], meters, with_costs)


def of_keys(
    connection: Connection, tenant_id: str, keys: Sequence[Key], *, meters: Iterable[str], with_costs: bool
) -> list[Listed]:
    """These calls of a tenant, those this role may see, newest first."""
    asked = {name: [key[part] for key in keys] for part, name in enumerate(("days", "sources", "call_ids"))}
    found = rows(connection, FILE, "of_keys", tenant_id=tenant_id, **asked)
    return _with_lines(connection, tenant_id, [_call(row) for row in found], meters, with_costs)


def listed(filters: Filters) -> Composed:
    """The statement of the list. What calls cost is in it only where it is asked for: a tenant may not read it."""
    bounds = [SQL("c.cost >= %(cost_from)s")] if filters.cost_from is not None else []
    bounds += [SQL("c.cost <= %(cost_to)s")] if filters.cost_to is not None else []
    return load(FILE)["listed"].format(of_cost=SQL(" and ").join(bounds or [SQL("true")]))


def listing(tenant_id: str, filters: Filters, after: Place | None, limit: int) -> dict[str, object]:
    """What the list is asked for: the parameters of its statement."""
    return {
        "tenant_id": tenant_id,
        "first_day": filters.first_day,
        # The place's own day bounds what is read, so that no page reads again what the pages before it did.
        "last_day": min(filters.last_day, after.usage_date) if after else filters.last_day,
        "agent_id": filters.agent_id,
        "no_agent": NO_AGENT,
        "number": filters.number,
        "meter_id": filters.meter_id,
        "outcome": filters.outcome,
        "campaign_id": filters.campaign_id,
        "end_group": filters.end_group,
        "at_least": filters.at_least,
        "at_most": filters.at_most,
        "customer": filters.customer,
        "cost_from": filters.cost_from,
        "cost_to": filters.cost_to,
        "after_day": after.usage_date if after else None,
        "after_created": after.created_at if after else None,
        "after_id": after.call_id if after else None,
        "after_source": after.source if after else None,
        "limit": limit,
    }


def find(connection: Connection, tenant_id: str, key: Key, *, with_costs: bool) -> Listed | None:
    """One call of a tenant; None where there is none this role may see."""
    day, source, call_id = key
    row = first(connection, FILE, "call", tenant_id=tenant_id, usage_date=day, source=source, call_id=call_id)
    if row is None:
        return None
    meters = billed_meters(connection, tenant_id)
    return _with_lines(connection, tenant_id, [_call(row)], meters, with_costs)[0]


def billed_meters(connection: Connection, tenant_id: str) -> list[str]:
    """The ids of the meters that a tenant has billed usage of."""
    return [row["meter_id"] for row in rows(connection, FILE, "billed_meters", tenant_id=tenant_id)]


def agents(connection: Connection, tenant_id: str) -> dict[str, str]:
    """What a tenant's agents are called, by id."""
    found = rows(connection, FILE, "agents", tenant_id=tenant_id)
    return {row["agent_id"]: row["name"] or row["agent_id"] for row in found}


def tenants_named(connection: Connection, words: str, limit: int) -> list[Row]:
    """Tenants (tenant_id, name) whose name or id has these words, the first limit of them by name."""
    return rows(connection, FILE, "tenants_named", words=words, limit=limit)


def route(connection: Connection, tenant_id: str, call: Call) -> Row | None:
    """By which of its ids a call found its tenant: kind, value, agent_id, and valid_from, the first day of that."""
    return first(
        connection,
        FILE,
        "route",
        tenant_id=tenant_id,
        usage_date=call.usage_date,
        of_values=list(call.scopes.values()),
        scopes=msgspec.json.encode(call.scopes).decode(),
    )


def _with_lines(
    connection: Connection, tenant_id: str, found: Sequence[Call], meters: Iterable[str], with_costs: bool
) -> list[Listed]:
    if not found:
        return []
    days = [call.usage_date for call in found]
    about: dict[str, Any] = {"tenant_id": tenant_id, "first_day": min(days), "last_day": max(days)}
    counted: dict[tuple[date, str, str | None], list[Counted]] = {}
    for line in msgspec.convert(rows(connection, FILE, "counted", **about), list[Counted]):
        counted.setdefault((line.usage_date, line.source, line.agent_id), []).append(line)
    costs: dict[Key, list[Component]] = {}
    if with_costs:
        own = [call.call_id for call in found]
        for one in msgspec.convert(rows(connection, FILE, "costs", **about, call_ids=own), list[Component]):
            costs.setdefault((one.usage_date, one.source, one.call_id), []).append(one)
    return [
        Listed(
            call,
            billed := _billed(call, meters),
            [
                line
                for line in counted.get((call.usage_date, call.source, call.agent_id), [])
                if line.meter_id in billed
            ],
            costs.get(call.key, ()),
        )
        for call in found
    ]


def _billed(call: Call, meters: Iterable[str]) -> dict[str, Decimal]:
    """The units that are billed: those of connected calls, of the tenant's own meters."""
    if call.outcome != "connected":
        return {}
    return {meter: call.units[meter] for meter in sorted(meters) if call.units.get(meter)}


def _call(row: Mapping[str, Any]) -> Call:
    texts = {"units": msgspec.json.decode(row["units"] or "{}", type=dict[str, Decimal])}
    if row.get("scopes"):
        texts["scopes"] = msgspec.json.decode(row["scopes"])
    return msgspec.convert({**row, **texts}, Call)
