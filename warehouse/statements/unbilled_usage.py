"""Usage that is not billed and blocks an approval: which it is, and what has to be known to bill it. Owns no table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from warehouse.blocker import Blocker, blocks
from warehouse.database.queries import Connection, Row, first, rows
from warehouse.finding import Finding
from warehouse.ingestion import unattributed

FILE = "statements/unbilled_usage"
CALLED = "connected second"  # the unit of calls that no meter counts yet
CODES = {"unpriced": Blocker.UNPRICED, "no meter": Blocker.NO_METER, "unknown type": Blocker.UNKNOWN_TYPE}


@dataclass(frozen=True)
class Unattached:
    """A usage agent that no tenant has: since which day, and how much it used."""

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


def counting_of_calls(connection: Connection, tenant_id: str, day: date) -> dict[str, object]:
    """What a plan that names no meter for its calls lacks: meter_id, of the meter that is there, and the terms in force
    that would name it; None where there is none.
    """
    meter = first(connection, FILE, "voice_meter")
    terms = first(connection, FILE, "terms_in_force", tenant_id=tenant_id, day=day)
    return {"meter_id": meter and meter["meter_id"], "terms": terms}


def _blocker(connection: Connection, usage: Row) -> Finding:
    match usage["reason"]:
        case "unattributed" if usage["awaited_tenant_id"]:
            return blocks(Blocker.USAGE_MOVED, usage)
        case "unattributed" if usage["source"] == "usage_metrics":
            known = rows(connection, "statements/periods", "first_agents", tenant_ids=[usage["tenant_id"]])
            agent_id = known[0]["agent_id"] if known else None
            return blocks(
                Blocker.AGENTS_OF_NOBODY, usage, agent_id=agent_id, agents=_agents_of_nobody(connection, usage)
            )
        case "no meter" if usage["unit"] == CALLED:
            voice = counting_of_calls(connection, usage["tenant_id"], usage["service_start"])
            return blocks(Blocker.NO_METER, usage, voice=voice)
    return blocks(CODES.get(usage["reason"], Blocker.USAGE_UNREAD), usage, voice=None)


def _agents_of_nobody(connection: Connection, usage: Row) -> list[Unattached]:
    asked = {"first_date": usage["first_date"], "last_date": usage["last_date"], "item": usage["item"]}
    found: dict[str, Unattached] = {}
    for row in rows(connection, FILE, "agents_of_nobody", **asked):
        known = found.get(row["scope"])
        since, before = (known.since, known.quantity) if known else (row["usage_date"], Decimal(0))
        found[row["scope"]] = Unattached(row["scope"], since, before + row["quantity"])
    return list(found.values())
