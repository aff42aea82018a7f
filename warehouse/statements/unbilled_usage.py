"""Usage that is not billed and blocks an approval: which it is, and what has to be known to bill it. Owns no table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from warehouse.blocker import Blocker, blocks
from warehouse.control.plans import counts_calls
from warehouse.database.queries import Connection, Row, first, rows
from warehouse.finding import Finding
from warehouse.ingestion import unattributed

FILE = "statements/unbilled_usage"
CALLED = "connected second"  # the unit of calls that no meter counts yet
CODES = {"unpriced": Blocker.UNPRICED, "no meter": Blocker.NO_METER, "unknown type": Blocker.UNKNOWN_TYPE}


@dataclass(frozen=True)
class Unattached:
    """A scope of usage that no tenant has: since which day, and how much it used."""

    kind: str
    scope: str
    since: date
    quantity: Decimal


def blockers(connection: Connection, found: Sequence[Row]) -> list[Finding]:
    """One for each row of usage that blocks; calls that route to nobody are named one by one."""
    calls = [row for row in found if row["reason"] == "unattributed" and row["unit"] == CALLED]
    return [
        *unattributed.blockers(connection, calls),
        *(_blocker(connection, row) for row in found if row not in calls),
    ]


@dataclass(frozen=True)
class Unmetered:
    """Usage that no meter counts. filters: attribute to value, by which its rows are apart from what meters of the same
    item count; empty where there is none.
    """

    item: str
    unit: str
    filters: Mapping[str, str]


def counting_of(connection: Connection, row: Row, item: str, day: date) -> dict[str, object]:
    """What of a tenant's usage has to be counted (row: tenant_id, source): voice, as of `counting_of_calls`, for calls;
    else unmetered.
    """
    asked = {"tenant_id": row["tenant_id"], "source": row["source"]}
    if counts_calls(connection, row["source"]):
        return {"voice": counting_of_calls(connection, **asked, day=day), "unmetered": []}
    found = rows(connection, FILE, "unmetered", item=item, **asked)
    unmetered = [_unmetered(connection, {**one, "source": row["source"], "item": item}) for one in found]
    return {"voice": None, "unmetered": unmetered}


def _unmetered(connection: Connection, usage: Row) -> Unmetered:
    others = first(connection, FILE, "filtered_attributes", source=usage["source"], item=usage["item"])
    attributes = usage["attributes"] or {}
    filters = {name: str(attributes.get(name, "")) for name in (others["names"] if others else ())}
    return Unmetered(usage["item"], usage["unit"], filters)


def counting_of_calls(connection: Connection, tenant_id: str, source: str, day: date) -> dict[str, object]:
    """What a plan that names no meter for its calls lacks: meter_id, of the meter that is there, and the terms in force
    that would name it; None where there is none.
    """
    meter = first(connection, FILE, "voice_meter", source=source)
    terms = first(connection, FILE, "terms_in_force", tenant_id=tenant_id, day=day)
    return {"meter_id": meter and meter["meter_id"], "terms": terms}


def _blocker(connection: Connection, usage: Row) -> Finding:
    match usage["reason"]:
        case "unattributed" if usage["awaited_tenant_id"]:
            return blocks(Blocker.USAGE_MOVED, usage)
        case "unattributed" if scopes := _scopes_of_nobody(connection, usage):
            agents = unattributed.first_agents(connection, [usage["tenant_id"]])
            return blocks(Blocker.SCOPES_OF_NOBODY, usage, agent_id=agents.get(usage["tenant_id"]), scopes=scopes)
        case "no meter" if usage["unit"] == CALLED:
            voice = counting_of_calls(connection, usage["tenant_id"], usage["source"], usage["service_start"])
            return blocks(Blocker.NO_METER, usage, voice=voice, unmetered=[])
        case "no meter":
            return blocks(Blocker.NO_METER, usage, voice=None, unmetered=[_unmetered(connection, usage)])
    return blocks(CODES.get(usage["reason"], Blocker.USAGE_UNREAD), usage)


def _scopes_of_nobody(connection: Connection, usage: Row) -> list[Unattached]:
    asked = {name: usage[name] for name in ("source", "item", "first_date", "last_date")}
    found: dict[tuple[str, str], Unattached] = {}
    for row in rows(connection, FILE, "scopes_of_nobody", **asked):
        scope = (row["scope_kind"], row["scope"])
        known = found.get(scope)
        since, before = (known.since, known.quantity) if known else (row["usage_date"], Decimal(0))
        found[scope] = Unattached(*scope, since, before + row["quantity"])
    return list(found.values())
