"""Usage that is on no statement, and what would bill it, where it may be billed at all."""

from orchestration.remedies.wording import Wording, Words, commands
from warehouse.finding import Finding
from warehouse.statements.not_billed import NotBilled
from warehouse.words import counted, span


def _paused(finding: Finding) -> Wording:
    resuming = commands(["tenant", "resume", str(finding.subject.tenant_id), "--on", "DAY"])
    then = "nothing to do: what is used during a pause is not billed. To bill what was used from a day on, end it then"
    return Wording(_what(finding), resuming, then=then)


def _outside(finding: Finding) -> Wording:
    return Wording(_what(finding), then="nothing to do: the tenant was not active on these days")


def _prototype(finding: Finding) -> Wording:
    return Wording(_what(finding), then="nothing to do: tests in the provider's own editor are not billed")


def _what(finding: Finding) -> str:
    row = finding.facts
    days = span(row["first_date"], row["last_date"], "from ")
    return f"{row['reason']}: {counted(row['quantity'], row['unit'])} of {row['item']} ({row['source']}) {days}"


WORDS: Words = {NotBilled.PAUSED: _paused, NotBilled.OUTSIDE: _outside, NotBilled.PROTOTYPE: _prototype}
