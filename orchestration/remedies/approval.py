"""Why an approval was refused, in words."""

from orchestration.remedies.blockers import WORDS as BLOCKERS
from orchestration.remedies.distrust import WORDS as DISTRUST
from orchestration.remedies.usage import WORDS as USAGE
from orchestration.remedies.wording import commands
from warehouse.blocker import Blocker
from warehouse.finding import Finding
from warehouse.statements.approval import Outcome, WhomToName
from warehouse.statements.periods import Month
from warehouse.words import month

_WORDS = {**BLOCKERS, **USAGE, **DISTRUST}


def refusal(outcome: Outcome) -> str:
    """As a page says it; the commands stand beside each blocker. Empty where nothing was refused."""
    if outcome.result != "refused":
        return ""
    first = next(iter(outcome.found), None)
    if first is None:
        return outcome.why or ""
    what = _WORDS[first.code](first).on_page.what
    return f"{_blocked(outcome)}." if isinstance(first.code, Blocker) else f"Nothing is approved: {what}."


def refusal_typed(outcome: Outcome) -> str | None:
    """As the command line says it, with the command that resolves it; what was overridden, where it was approved."""
    if outcome.result != "refused" or not outcome.found:
        return outcome.why
    first = outcome.found[0]
    if not isinstance(first.code, Blocker):
        return _distrusted(first)
    instead = ", or give a reason: --override REASON" if first.code.may_be_overridden else ""
    fix = _WORDS[first.code](first).fix
    return f"{_blocked(outcome)}; fix it by: {fix} (all of it: minutebook review){instead}"


def whom_to_name(error: WhomToName, month: Month) -> str:
    """The command that overrides by name."""
    approving = ["approve", str(month)]
    if not error.tenant_ids:
        return f"{error}: {commands(approving)}"
    named = [word for tenant_id in error.tenant_ids for word in ("--tenant", tenant_id)]
    overriding = commands([*approving, *named, "--override", "REASON"])
    return f"{error}: {overriding}, after a look at each: {commands(['review'])}"


def _distrusted(finding: Finding) -> str:
    return f"nothing is approved: {_WORDS[finding.code](finding).in_a_line}"


def _blocked(outcome: Outcome) -> str:
    first, others = outcome.found[0], len(outcome.found) - 1
    more = f" (and {others} more)" if others else ""
    period = f"the period of {month(outcome.period_start)} of tenant {outcome.tenant_id}"
    return f"{period} is blocked by {_WORDS[first.code](first).what}{more}"
