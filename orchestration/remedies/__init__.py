"""What resolves a finding: each code is worded here, for the command line, the pages and the checks of Dagster alike.

Owns the words and the commands. Does not own what is found: that is `warehouse`'s, as (code, subject, facts).
"""

from orchestration.remedies import alerts, bills, blockers, costs, distrust, heard, isolation, not_billed, usage
from orchestration.remedies.wording import Wording, Words
from warehouse.finding import Finding

WORDS: Words = {
    **bills.WORDS,
    **blockers.WORDS,
    **usage.WORDS,
    **costs.WORDS,
    **not_billed.WORDS,
    **distrust.WORDS,
    **isolation.WORDS,
    **heard.WORDS,
    **alerts.WORDS,
}


def word(finding: Finding) -> Wording:
    """The finding in words, with what resolves it."""
    return WORDS[finding.code](finding)
