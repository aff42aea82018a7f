"""What else stands in the way of approving a statement, and what resolves it."""

from orchestration.remedies import days
from orchestration.remedies.wording import (
    Link,
    OnPage,
    Wording,
    Words,
    commands,
    day_page,
    number,
    of_which_period,
    period_page,
    pull,
    resolved_by,
)
from sources.registry import provider_of
from warehouse.blocker import Blocker
from warehouse.calls.call_doubts import figures
from warehouse.finding import Facts, Finding
from warehouse.ingestion.quarantine import row_in_words
from warehouse.words import counted, day, day_before, month, span

BALANCE_RUNBOOK = "docs/runbooks/the-books-do-not-balance.md"


def _running(finding: Finding) -> Wording:
    return Wording(
        f"runs until the end of {day_before(finding.facts['ends_on'])} (UTC); it is approved from then on",
        _approve(finding),
        "it still runs",
        is_resolved_there=True,
    )


def _days(finding: Finding) -> Wording:
    facts = finding.facts
    first, last = facts["first_date"], facts["last_date"]
    cause = f": {facts['cause']}" if facts["cause"] else ""
    fault = {"a_tenant": facts["tenant_id"], "tenants": 1, "first_day": first, "last_day": last}
    return Wording(
        f"{counted(facts['days'], 'day')} of {facts['source']} {facts['status']}, {span(first, last)}"
        f"{of_which_period(finding)}{cause}",
        days.fix({**facts, **fault}),
        "days",
        link=day_page(facts["tenant_id"], first),
    )


def _set_aside(finding: Finding) -> Wording:
    row = finding.facts
    whose = "" if row["is_routed"] else "; it routes to nobody (minutebook quarantine assign --help)"
    instead = "; --seconds N bills it at a length that you know" if row["is_of_length"] else ""
    return Wording(
        f"{row_in_words(row)} is set aside{of_which_period(finding)}: {row['reason']}{whose}{instead}",
        commands(_accepting(row)),
        "rows set aside",
        link=day_page(row["tenant_id"], row["usage_date"]),
    )


def set_aside(row: Facts) -> OnPage:
    """A row that is set aside, as the page of its day shows it: what leaves it out, and refreshes the data."""
    command, steps = resolved_by(commands(_accepting(row), ["build"]))
    return OnPage(f"{row_in_words(row)} is set aside: {row['reason']}", command=command, steps=steps)


def _accepting(row: Facts) -> list[str]:
    return ["quarantine", "accept", str(row["quarantine_id"]), "--reason", "looked at: not to be billed"]


def _total(finding: Finding) -> Wording:
    """What keeps being said when asked again is left to a person."""
    total = finding.facts
    accepted = {"calls": "--accept-count", "cost": "--accept-cost"}.get(total["name"])
    flags = [accepted] if accepted and total["is_repeated"] else []
    tenant_id, on = total["tenant_id"], total["usage_date"]
    return Wording(
        f"{total['source']} says {total['name']} {total['provider_says']} on {day(on)}{of_which_period(finding)}, its"
        f" rows say {total['counted'] or 0}",
        commands(pull(tenant_id, total["source"], on, on, *flags)),
        "a provider counts otherwise",
        link=day_page(tenant_id, on),
    )


def _two_accounts(finding: Finding) -> Wording:
    shared = finding.facts
    return Wording(
        f"call {shared['call_id']} of {day(shared['usage_date'])} is in two accounts, {shared['account']} and"
        f" {shared['other_account']}: one organisation under two keys is billed twice",
        two_keys(shared),
        "calls in two accounts",
    )


def two_keys(shared: Facts) -> str:
    """What to do when two accounts are one organisation: one tenant's own key, and its days read again with it. What
    the former key returned is lost: once that was shown, it is accepted.

    shared: source, own_account, is_loss_shown (`review_rules.of_two_keys`), usage_date, last_date.
    """
    tenant, source = shared["own_account"], shared["source"]
    days_read = pull(tenant, source, shared["usage_date"], shared["last_date"])
    if shared["is_loss_shown"]:
        return commands([*days_read, "--accept-loss"])
    return commands(["credential", "set", provider_of(source), "--tenant", tenant], days_read)


def _call_doubt(finding: Finding) -> Wording:
    call = finding.facts
    first, last, charged = call["first_date"], call["last_date"], number(call["charged_in_all"])
    others = f" (and {call['calls'] - 1} more until {day(last)}; charged {charged} {call['unit']} in all)"
    shown = ["--calls", str(call["calls"]), "--charged", charged, "--reason", "looked at: it stands"]
    accepting = ["doubt", "accept", call["tenant_id"], call["doubt"], "--from", str(first), "--to", str(last), *shown]
    return Wording(
        f"call {call['call_id']} of {day(first)}{of_which_period(finding)}: {figures(call)}"
        f"{'' if call['calls'] == 1 else others}",
        commands(accepting if call["is_repeated"] else pull(call["tenant_id"], call["source"], first, last)),
        {
            Blocker.COSTS_DIFFER: "the costs of a call differ",
            Blocker.MINUTES_DIFFER: "minutes were charged of no connection",
        }[Blocker(finding.code)],
        link=day_page(call["tenant_id"], first),
    )


def _price(finding: Finding) -> Wording:
    price = finding.facts
    return Wording(
        f"Stripe's price {price['stripe_price']['id']} charges {price['meter_id']} otherwise than our price"
        f" {price['price_id']}",
        commands(["stripe", "sync", "--apply"], ["stripe", "changes", "--tenant", price["tenant_id"], "--apply"]),
        "Stripe charges otherwise",
    )


def _moved(finding: Finding) -> Wording:
    moved = finding.facts
    now, before = moved["amount"], moved["former_amount"]
    share = f"{(now - before) / before * 100:+.0f} %" if before else "from nothing"
    return Wording(
        f"moved from {before} to {now} {moved['currency']} ({share}); look at its lines (review --lines)",
        _approve(finding, "--override", f"it moved {share}: that is meant"),
        "moved a lot",
        "If that is meant, give it as the reason below.",
        Link("Look at its lines", "#lines"),
        is_resolved_there=True,
    )


def _earlier(finding: Finding) -> Wording:
    start, tenant_id = finding.facts["open_period_start"], str(finding.subject.tenant_id)
    return Wording(
        f"its period of {month(start)} is not approved",
        commands(["approve", f"{start:%Y-%m}", "--tenant", tenant_id]),
        "an earlier period",
        link=period_page(tenant_id, start, f"Approve {month(start)}"),
        is_resolved_there=True,
    )


def _unbalanced(finding: Finding) -> Wording:
    return Wording(
        f"{imbalance(finding.facts)} (if that stays: {BALANCE_RUNBOOK})",
        commands(["build", "--full-refresh"]),
        "the books do not balance",
    )


def imbalance(line: Facts) -> str:
    """The line that does not balance and both its sums, in a clause."""
    rated = f"{counted(line['rated_quantity'], 'unit')}, {line['rated_amount']} {line['currency']} now"
    stated = f"{line['stated_quantity']}, {line['stated_amount']}"
    return (
        f"the books do not balance: {line['line_id']} is rated at {rated}, and stated with its corrections at {stated}"
    )


def _approve(finding: Finding, *options: str) -> str:
    start = finding.subject.period_start
    return commands(["approve", f"{start:%Y-%m}", "--tenant", str(finding.subject.tenant_id), *options])


WORDS: Words = {
    Blocker.RUNNING: _running,
    Blocker.DAYS: _days,
    Blocker.SET_ASIDE: _set_aside,
    Blocker.TOTAL: _total,
    Blocker.TWO_ACCOUNTS: _two_accounts,
    Blocker.COSTS_DIFFER: _call_doubt,
    Blocker.MINUTES_DIFFER: _call_doubt,
    Blocker.PRICE: _price,
    Blocker.MOVED: _moved,
    Blocker.EARLIER: _earlier,
    Blocker.UNBALANCED: _unbalanced,
}
