"""Usage that is not billed and blocks an approval: what it is, and what bills it.

Only an amount, and whether usage of a kind nobody knows is to be billed, are left to a person.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from orchestration.remedies.wording import (
    Link,
    Wording,
    Words,
    commands,
    number,
    of_which_period,
    pull,
    slug,
)
from warehouse.blocker import Blocker
from warehouse.control.agents import words_of
from warehouse.finding import Finding, first_of
from warehouse.words import counted, day, span

SHOWN = 3
SHORT = "items not billed"
Command = list[str]


def count_voice(tenant_id: str, source: str, day: date, voice: Mapping[str, Any]) -> list[Command]:
    """The commands by which a plan that names no meter for its calls, of that source, gets one, from that day on.

    voice: meter_id and terms, as of `unbilled_usage.counting_of_calls`.
    """
    meter, terms = voice["meter_id"], voice["terms"]
    adding = ["meter", "create", "voice_minutes", "--name", "Call minutes", "--unit", "minute", "--source", source]
    added = [] if meter else [adding]
    if terms is None:
        return [*added, ["tenant", "plan", tenant_id, "PLAN", "--from", str(day)]]
    setting = ["plan", "terms", terms["plan_id"], "--from", str(day)]
    for option in ("subscription_fee", "setup_fee", "minimum_amount"):
        setting += [f"--{option.removesuffix('_amount').replace('_', '-')}", f"{terms[option]:f}"]
    setting += ["--prorates-allowance"] * terms["prorates_allowance"] + ["--credit-notes"] * terms["gives_credit_notes"]
    setting += ["--voice-meter", meter or "voice_minutes"]
    return [*added, setting, ["build"]]


def count(usage: Mapping[str, Any], day: date) -> list[Command]:
    """The commands by which what no meter counts gets one. usage: tenant_id, source, and voice or unmetered, as of
    `unbilled_usage.counting_of`.
    """
    if usage["voice"]:
        return count_voice(usage["tenant_id"], usage["source"], day, usage["voice"])
    meters: list[Command] = []
    for one in usage["unmetered"]:
        name = " ".join(filter(None, [one.item, *one.filters.values()]))
        what = ["--name", name, "--unit", one.unit, "--source", usage["source"], "--item", one.item]
        filters = [part for key, value in one.filters.items() for part in ("--filter", f"{key}={value}")]
        meters.append(["meter", "create", slug(name), *what, *filters])
    return [*(one for place, one in enumerate(meters) if one not in meters[:place]), ["build"]]


def _calls_of_nobody(finding: Finding) -> Wording:
    usage, calls = finding.facts, finding.facts["calls"]
    named = "; ".join(_named(call) for call in calls[:SHOWN])
    more = f"; and {len(calls) - SHOWN} more" if len(calls) > SHOWN else ""
    since: dict[tuple[str, str], date] = {}
    for call in calls:
        since.setdefault((call["kind"], call["value"]), call["usage_date"])
    return Wording(
        f"unattributed: {counted(len(calls), 'call of ' + usage['source'], 'routes', 'route')} to nobody"
        f"{of_which_period(finding)} ({counted(usage['quantity'], usage['unit'])}): {named}{more}",
        commands(*_attaching(usage, [(kind, value, day) for (kind, value), day in since.items()]), ["build"]),
        SHORT,
    )


def _named(call: Mapping[str, Any]) -> str:
    # The kind as a person says it: a phone number, whose the source is being said already.
    kind = str(call["kind"]).removeprefix(f"{call['source']}_").replace("_", " ")
    return f"call {call['call_id']} of {day(call['usage_date'])}" + (
        "" if call["is_of_one_row"] else f", {kind} {call['value']}"
    )


def _attaching(usage: Mapping[str, Any], ids: Sequence[tuple[str, str, date]]) -> list[Command]:
    """A command for each id (kind, value, its first day); an agent is created for a tenant that has none."""
    tenant_id, agent = usage["tenant_id"], usage["agent_id"] or usage["tenant_id"]
    adding = [] if usage["agent_id"] else [["agent", "create", tenant_id, agent]]
    return [
        *adding,
        *(["agent", "attach", tenant_id, agent, kind, value, "--from", str(day)] for kind, value, day in ids),
    ]


def _scopes_of_nobody(finding: Finding) -> Wording:
    usage, scopes = finding.facts, finding.facts["scopes"]
    named = first_of([f"{words_of(one.kind)} {one.scope} ({number(one.quantity)})" for one in scopes], SHOWN)
    attaching = _attaching(usage, [(one.kind, one.scope, one.since) for one in scopes])
    return Wording(f"{_item(finding)}; {named}", commands(*attaching, _pull(finding), ["build"]), SHORT)


def _moved(finding: Finding) -> Wording:
    """What moved to another tenant is that one's once its own pull holds it, and no more in the former's."""
    pulls = [_pull(finding, whose) for whose in (finding.facts["awaited_tenant_id"], finding.facts["account"])]
    return Wording(_item(finding), commands(*pulls), SHORT)


def _unpriced(finding: Finding) -> Wording:
    usage = finding.facts
    start = str(usage["service_start"])
    setting = ["price", "set", "--tenant", usage["tenant_id"], "--meter", usage["item"], "--from", start]
    fix = commands(*_reopening(finding), [*setting, "--amount", "AMOUNT"], ["build"])
    return Wording(f"{_item(finding)}; 0 is a price", fix, SHORT)


def _without_meter(finding: Finding) -> Wording:
    """A meter for what none counts; what it costs is asked for once it is counted."""
    counting = count(finding.facts, finding.facts["service_start"])
    return Wording(_item(finding), commands(*_reopening(finding), *counting), SHORT)


def _of_unknown_type(finding: Finding) -> Wording:
    usage = finding.facts
    reason = f"{usage['item']} of an unknown type are not billed"
    approving = ["approve", f"{usage['period_start']:%Y-%m}", "--tenant", usage["tenant_id"], "--override", reason]
    return Wording(
        f"{_item(finding)}; only types known to be live are billed",
        commands(approving),
        SHORT,
        "If it is not to be billed, give that as the reason below.",
        Link("Give the reason", "#reason"),
        is_resolved_there=True,
    )


def _unread(finding: Finding) -> Wording:
    return Wording(_item(finding), commands(_pull(finding), ["build"]), SHORT)


def _item(finding: Finding) -> str:
    usage = finding.facts
    quantity = "" if usage["quantity"] is None else f", {counted(usage['quantity'], usage['unit'])}"
    days = span(usage["first_date"], usage["last_date"])
    named = "".join(f" {name}={value}" for name, value in (usage["attributes"] or {}).items())
    item = f"{usage['item']}{named} of {usage['source']}"
    return f"{usage['reason']}: {item}, {days}{quantity}{of_which_period(finding)}"


def _pull(finding: Finding, whose: str | None = None) -> Command:
    usage = finding.facts
    return pull(whose or usage["tenant_id"], usage["source"], usage["first_date"], usage["last_date"])


def _reopening(finding: Finding) -> list[Command]:
    """A meter or price of an approved period is only taken once that is open again."""
    usage = finding.facts
    if usage["service_start"] == finding.subject.period_start:
        return []
    period = [f"{usage['service_start']:%Y-%m}", "--tenant", usage["tenant_id"]]
    return [["reopen", *period, "--reason", "usage without a price"]]


WORDS: Words = {
    Blocker.CALLS_OF_NOBODY: _calls_of_nobody,
    Blocker.SCOPES_OF_NOBODY: _scopes_of_nobody,
    Blocker.USAGE_MOVED: _moved,
    Blocker.UNPRICED: _unpriced,
    Blocker.NO_METER: _without_meter,
    Blocker.UNKNOWN_TYPE: _of_unknown_type,
    Blocker.USAGE_UNREAD: _unread,
}
