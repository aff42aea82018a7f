"""Why a margin is not known, and what makes it known; RATE and AMOUNT are numbers that only a person knows."""

from orchestration.remedies.usage import count
from orchestration.remedies.wording import Wording, Words, commands, day_page, pull
from warehouse.costs.unknown_costs import UnknownCost
from warehouse.finding import Finding
from warehouse.words import span


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
        commands(*count(row, row["period_start"])),
    )


def _no_number(finding: Finding) -> Wording:
    row = finding.facts
    if not row["is_settled"]:
        return _pulled_again(finding, f"the provider names no number: {_component(finding)}")
    if row["component"] == "call" and row["meter_id"]:
        setting = ["cost", "unit", row["meter_id"], "AMOUNT", "--rest", "--from", str(row["first_date"])]
        what = f"the voice provider names no number for what is beside another bill: {_component(finding)}"
        return Wording(what, commands(setting))
    return _elsewhere(finding, f"the provider names no number, nor will it: {_component(finding)}")


def _billed_as_0(finding: Finding) -> Wording:
    return _elsewhere(
        finding,
        f"reported as 0 though it was used, so billed to another account: {_component(finding)}",
        "paid by a key of the tenant's own",
    )


def _totals_differ(finding: Finding) -> Wording:
    source = finding.facts["source"]
    return _pulled_again(finding, f"the costs of a call do not sum to its cost: {source} {_dates(finding)}")


def _not_on_bill(finding: Finding) -> Wording:
    if finding.facts["is_settled"]:
        return _elsewhere(finding, f"no bill has it, and each is final: {_component(finding)}")
    return _bills_pulled(finding, f"no bill that was read has it: {_component(finding)}")


def _pending(finding: Finding) -> Wording:
    if not finding.facts["is_settled"]:
        return _bills_pulled(finding, f"the provider has not rated it yet: {_component(finding)}")
    what = f"the provider has not rated it, though it is final: {_component(finding)}"
    return Wording(what, commands(*_credits(finding))) if finding.facts["units"] else _elsewhere(finding, what)


def _no_money(finding: Finding) -> Wording:
    return Wording(f"the bill counts units and names no money: {_component(finding)}", commands(*_credits(finding)))


def _credits(finding: Finding) -> list[list[str]]:
    row = finding.facts
    return [
        ["cost", "credit", row["provider"], unit, "AMOUNT", "--from", str(row["first_date"])] for unit in row["units"]
    ]


def _no_quantity(finding: Finding) -> Wording:
    row = finding.facts
    ending = [
        [
            "cost", "uncover", one["source"], one["component"], "--from", str(row["first_date"]),
            *(["--tenant", one["tenant_id"]] if one["tenant_id"] else []),
            *(["--agent", one["agent_id"]] if one["agent_id"] else []),
        ]
        for one in row["covered"]
    ]  # fmt: skip
    if not ending:
        what = f"the voice provider reports no quantity of some, which others share the bill by: {_component(finding)}"
        return _elsewhere(finding, what, "in what the other calls cost")
    what = f"the voice provider reports no quantity to share the bill by: {_component(finding)}"
    return Wording(what, commands(*ending))


def _elsewhere(finding: Finding, what: str, reason: str = "on a bill that is not read here") -> Wording:
    """A person settles that it is on no bill of ours."""
    row = finding.facts
    days = ["--from", str(row["first_date"]), "--to", str(row["last_date"])]
    return Wording(what, commands(["cost", "elsewhere", row["tenant_id"], row["component"], *days, "--reason", reason]))


def _bills_pulled(finding: Finding, what: str) -> Wording:
    row = finding.facts
    pulls = [pull(None, source, row["first_date"], row["last_date"]) for source in row["asked"]]
    return Wording(what, commands(*pulls), link=day_page(row["tenant_id"], row["first_date"]))


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
    UnknownCost.NOT_ON_BILL: _not_on_bill,
    UnknownCost.PENDING: _pending,
    UnknownCost.NO_MONEY: _no_money,
    UnknownCost.NO_QUANTITY: _no_quantity,
}
