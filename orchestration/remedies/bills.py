"""What a person should know of bills, and what resolves it; TENANT, AGENT and AMOUNT are for a person to fill in."""

from orchestration.remedies.wording import Wording, Words, commands, number
from sources.day import PLATFORM
from warehouse.costs.bills import BillFinding
from warehouse.finding import Finding
from warehouse.words import counted, day, span


def _unattached_scope(finding: Finding) -> Wording:
    row = finding.facts
    attaching = ["agent", "attach", "TENANT", "AGENT", row["scope_kind"], row["scope_ref"], "--from"]
    return Wording(
        f"{number(row['cost'])} {row['currency']} of {row['scope_kind'].replace('_', ' ')} {row['scope_ref']} at"
        f" {row['provider']} is no tenant's {_dates(finding)}",
        commands([*attaching, str(row["first_date"])]),
    )


def _pending_price(finding: Finding) -> Wording:
    row = finding.facts
    setting = ["cost", "credit", row["provider"], row["quantity_unit"] or "UNIT", "AMOUNT", "--from"]
    return Wording(
        f"{counted(row['charges'], f'charge of {_which(finding)}', 'is', 'are')} not rated though final by now,"
        f" such as {row['example']}",
        commands([*setting, str(row["usage_date"])]),
    )


def _charged_twice(finding: Finding) -> Wording:
    row = finding.facts
    return Wording(
        f"call {row['call_id']} on {day(row['call_date'])}: {row['voice_source']} charges {number(row['voice_cost'])}"
        f" for {row['component']}, and so does {row['provider']}",
        then=f"the price of {row['provider']} counts; ask {row['voice_source']} why it charges too",
    )


def _unknown_calls(finding: Finding) -> Wording:
    row = finding.facts
    cost = "an unknown amount" if row["cost"] is None else f"{number(row['cost'])} {row['currency']}"
    return Wording(
        f"{counted(row['calls'], f'call of {_which(finding)}', 'is', 'are')} known to no voice provider, for {cost},"
        f" such as {row['example']}",
        then="they cost the platform; a voice provider's day that was not read has them",
    )


def _read_twice(finding: Finding) -> Wording:
    row = finding.facts
    whose = "the platform's key" if row["account"] == PLATFORM else f"{row['account']}'s"
    counts = "the platform's counts" if row["account"] == PLATFORM else "neither is in a margin"
    return Wording(
        f"{number(row['cost'])} {row['currency']} of {row['scope_kind'].replace('_', ' ')} {row['scope_ref']} at"
        f" {row['provider']} {_dates(finding)} are read under {whose} and under {row['other_account']}'s",
        then=f"{counts}, and what {row['other_account']} pays itself is shown too high; store it a key of an account of"
        " its own, or none",
    )


def _which(finding: Finding) -> str:
    return f"{finding.facts['provider']} {_dates(finding)}"


def _dates(finding: Finding) -> str:
    row = finding.facts
    first = row.get("first_date") or row["usage_date"]
    return span(first, row.get("last_date") or first, "from ")


WORDS: Words = {
    BillFinding.UNATTACHED_SCOPE: _unattached_scope,
    BillFinding.PENDING_PRICE: _pending_price,
    BillFinding.CHARGED_TWICE: _charged_twice,
    BillFinding.UNKNOWN_CALLS: _unknown_calls,
    BillFinding.READ_TWICE: _read_twice,
}
