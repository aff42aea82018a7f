"""Why no statement can be trusted now, and what has to happen first."""

from orchestration.remedies.wording import Wording, Words, commands
from warehouse.finding import Finding
from warehouse.statements.canary import Distrust
from warehouse.words import counted

RUNBOOK = "docs/runbooks/the-canary-is-red.md"
_BUILD = commands(["build"])


def _behind(finding: Finding) -> Wording:
    message: str = finding.facts["message"]
    return Wording(message, _BUILD, on_page_what=message.replace("the marts are", "the data is"))


def _canary_missing(_: Finding) -> Wording:
    return Wording(
        "no canary is installed: no bill that is known in advance holds the marts to account",
        commands(["canary", "install"]),
        on_page_what="no bill that is known in advance checks these statements",
    )


def _canary_unbuilt(_: Finding) -> Wording:
    return Wording(
        "the marts do not hold the known-answer tenant yet",
        _BUILD,
        on_page_what="the data does not hold the known-answer tenant yet",
    )


def _canary_wrong(finding: Finding) -> Wording:
    wrong = finding.facts["wrong"]
    first = wrong[0]
    line = " ".join(filter(None, (first["line_kind"], first["meter_id"])))
    amounts = f"{first['computed_amount']} instead of {first['known_amount']}"
    return Wording(
        f"{counted(len(wrong), 'line of the known-answer tenant', 'is', 'are')} wrong, first {line}: {amounts}",
        f"{commands(['canary', 'check'])}, and {RUNBOOK}",
    )


WORDS: Words = {
    Distrust.MARTS_BEHIND: _behind,
    Distrust.CANARY_MISSING: _canary_missing,
    Distrust.CANARY_UNBUILT: _canary_unbuilt,
    Distrust.CANARY_WRONG: _canary_wrong,
}
