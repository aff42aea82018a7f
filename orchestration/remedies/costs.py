"""Why a margin is not known, and what makes it known; RATE and AMOUNT are numbers that only a person knows."""

from orchestration.remedies.usage import count_voice
from orchestration.remedies.wording import Wording, Words, commands, day_page, pull, span
from warehouse.finding import Finding
from warehouse.statements.unknown_costs import UnknownCost


def _no_rate(finding: Finding) -> Wording:
    row = finding.facts
    pair = [row["provider_currency"], row["currency"]]
    setting = ["rate", "set", *pair, "RATE", "--from", str(row["first_date"])]
    return Wording(f"no exchange rate {' to '.join(pair)} {_dates(finding)}", commands(setting))


def _no_unit_cost(finding: Finding) -> Wording:
    row = finding.facts
    return Wording(
        f"no unit cost of {row['meter_id']}, and the provider reports none: {_component(finding)}",
        commands(["cost", "unit", row["meter_id"], "AMOUNT", "--from", str(row["first_date"])]),
    )


def _no_meter(finding: Finding) -> Wording:
    row = finding.facts
    return Wording(
        f"no meter counts it, and the provider reports no cost: {_component(finding)}",
        commands(*count_voice(row["tenant_id"], row["source"], row["period_start"], row["voice"])),
    )


def _no_number(finding: Finding) -> Wording:
    return _pulled_again(finding, f"the provider names no number: {_component(finding)}")


def _billed_as_0(finding: Finding) -> Wording:
    row = finding.facts
    days = ["--from", str(row["first_date"]), "--to", str(row["last_date"])]
    settling = ["cost", "elsewhere", row["tenant_id"], row["component"], *days]
    return Wording(
        f"reported as 0 though it was used, so billed to another account: {_component(finding)}",
        commands([*settling, "--reason", "paid by a key of the tenant's own"]),
    )


def _totals_differ(finding: Finding) -> Wording:
    source = finding.facts["source"]
    return _pulled_again(finding, f"the costs of a call do not sum to its cost: {source} {_dates(finding)}")


def _pulled_again(finding: Finding, what: str) -> Wording:
    row = finding.facts
    pulling = pull(row["tenant_id"], row["source"], row["first_date"], row["last_date"])
    return Wording(what, commands(pulling), link=day_page(row["tenant_id"], row["first_date"]))


def _component(finding: Finding) -> str:
    return f"{finding.facts['component']} of {finding.facts['source']} {_dates(finding)}"


def _dates(finding: Finding) -> str:
    return span(finding.facts["first_date"], finding.facts["last_date"], "from ")


WORDS: Words = {
    UnknownCost.NO_RATE: _no_rate,
    UnknownCost.NO_UNIT_COST: _no_unit_cost,
    UnknownCost.NO_METER: _no_meter,
    UnknownCost.NO_NUMBER: _no_number,
    UnknownCost.BILLED_AS_0: _billed_as_0,
    UnknownCost.TOTALS_DIFFER: _totals_differ,
}
