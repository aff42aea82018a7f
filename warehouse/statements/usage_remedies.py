"""Usage that is not billed and blocks an approval: what it is, and the commands that bill it.

Owns no table. Only an amount, and whether usage of a kind nobody knows is to be billed, are left to a person.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from shlex import join

from warehouse.blocker import Blocker, Kind, of_which_period
from warehouse.database.queries import Connection, Row, first, rows
from warehouse.ingestion import unattributed

FILE = "statements/usage_remedies"
SHOWN = 3


def blockers(connection: Connection, found: Sequence[Row]) -> list[Blocker]:
    """A blocker for each row of usage that blocks; calls that route to nobody are named one by one."""
    calls = [row for row in found if row["reason"] == "unattributed" and row["unit"] == "connected second"]
    return [
        *unattributed.blockers(connection, calls),
        *(_blocker(connection, row) for row in found if row not in calls),
    ]


def count_voice(connection: Connection, tenant_id: str, day: date) -> str:
    """The commands by which a plan that names no meter for its calls gets one, from that day on."""
    meter = first(connection, FILE, "voice_meter")
    terms = first(connection, FILE, "terms_in_force", tenant_id=tenant_id, day=day)
    adding = ["meter", "create", "voice_minutes", "--name", "Call minutes", "--unit", "minute", "--source", "vapi"]
    added = [] if meter else [adding]
    if terms is None:
        return _commands([*added, ["tenant", "plan", tenant_id, "PLAN", "--from", str(day)]])
    setting = ["plan", "terms", terms["plan_id"], "--from", str(day)]
    for option in ("subscription_fee", "setup_fee", "minimum_amount"):
        setting += [f"--{option.removesuffix('_amount').replace('_', '-')}", f"{terms[option]:f}"]
    setting += ["--prorates-allowance"] * terms["prorates_allowance"] + ["--credit-notes"] * terms["gives_credit_notes"]
    setting += ["--voice-meter", meter["meter_id"] if meter else "voice_minutes"]
    return _commands([*added, setting, ["build"]])


def _blocker(connection: Connection, usage: Row) -> Blocker:
    what, fix = _remedy(connection, usage)
    start, end = usage["first_date"], usage["last_date"]
    dates = f"on {start}" if start == end else f"{start} to {end}"
    quantity = "" if usage["quantity"] is None else f", quantity {usage['quantity'].normalize():f} {usage['unit']}"
    item = f"{usage['reason']}: {usage['item']} of {usage['source']}, {dates}{quantity}{of_which_period(usage)}"
    is_priced = usage["reason"] in {"unpriced", "no meter"}
    if is_priced and usage["service_start"] != usage["period_start"]:
        period = [f"{usage['service_start']:%Y-%m}", "--tenant", usage["tenant_id"]]
        fix = f"{_commands([['reopen', *period, '--reason', 'usage without a price']])} && {fix}"
    return Blocker(usage["tenant_id"], usage["period_start"], Kind.USAGE, f"{item}{what}", fix)


def _remedy(connection: Connection, usage: Row) -> tuple[str, str]:
    """What else is to be said of it, and the commands."""
    tenant_id, start = usage["tenant_id"], str(usage["service_start"])
    days = ["--from", str(usage["first_date"]), "--to", str(usage["last_date"])]
    match usage["reason"]:
        case "unattributed" if usage["awaited_tenant_id"]:
            # What moved to another tenant is that one's once its own pull holds it, and no more in the former's.
            pulled = [
                ["pull", "--tenant", whose, "--source", usage["source"], *days]
                for whose in (usage["awaited_tenant_id"], usage["account"])
            ]
            return "", _commands(pulled)
        case "unattributed" if usage["source"] == "usage_metrics":
            return _of_agents(connection, usage, days)
        case "unpriced":
            setting = ["price", "set", "--tenant", tenant_id, "--meter", usage["item"], "--from", start]
            return "; 0 is a price", _commands([[*setting, "--amount", "AMOUNT"], ["build"]])
        case "no meter":
            return "", _metered(connection, usage)
        case "unknown type":
            settling = ["approve", f"{usage['period_start']:%Y-%m}", "--tenant", tenant_id]
            return "; only types known to be live are billed", _commands(
                [[*settling, "--override", f"{usage['item']} of an unknown type are not billed"]]
            )
    return "", _commands([["pull", "--tenant", tenant_id, "--source", usage["source"], *days], ["build"]])


def _of_agents(connection: Connection, usage: Row, days: list[str]) -> tuple[str, str]:
    """Usage agents that nobody has: named, and attached to the tenant that is blocked."""
    asked = {"first_date": usage["first_date"], "last_date": usage["last_date"], "item": usage["item"]}
    since: dict[str, date] = {}
    counted: dict[str, Decimal] = {}
    for row in rows(connection, FILE, "agents_of_nobody", **asked):
        since.setdefault(row["scope"], row["usage_date"])
        counted[row["scope"]] = counted.get(row["scope"], Decimal(0)) + row["quantity"]
    named = ", ".join(f"{scope} ({quantity.normalize():f})" for scope, quantity in list(counted.items())[:SHOWN])
    more = f" and {len(counted) - SHOWN} more" if len(counted) > SHOWN else ""
    tenant_id = usage["tenant_id"]
    known = rows(connection, "statements/periods", "first_agents", tenant_ids=[tenant_id])
    agent = known[0]["agent_id"] if known else tenant_id
    adding = [] if known else [["agent", "create", tenant_id, agent]]
    attaching = [
        ["agent", "attach", tenant_id, agent, "usage_agent", scope, "--from", str(day)] for scope, day in since.items()
    ]
    pulling = [["pull", "--tenant", tenant_id, "--source", "usage_metrics", *days], ["build"]]
    return (f"; usage agent {named}{more}" if named else ""), _commands([*adding, *attaching, *pulling])


def _metered(connection: Connection, usage: Mapping[str, object]) -> str:
    """A meter for what none counts; what it costs is asked for once it is counted."""
    tenant_id, item, start = str(usage["tenant_id"]), str(usage["item"]), usage["service_start"]
    if usage["source"] == "vapi":
        return count_voice(connection, tenant_id, start if isinstance(start, date) else date.min)
    meter = re.sub(r"[^a-z0-9_]+", "_", item.lower()).strip("_") or "usage"
    counting = [
        "meter",
        "create",
        meter,
        "--name",
        item,
        "--unit",
        str(usage["unit"]),
        "--source",
        str(usage["source"]),
    ]
    typed = ["--metric-type", item] if usage["source"] == "usage_metrics" else []
    return _commands([[*counting, *typed], ["build"]])


def _commands(lines: Sequence[Sequence[str]]) -> str:
    return " && ".join(join(["minutebook", *line]) for line in lines)
