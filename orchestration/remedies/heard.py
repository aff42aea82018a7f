"""What providers reported at hooks: what is wrong with it, and what somebody does about it."""

from orchestration.remedies.wording import Wording, Words, commands, pull
from warehouse.finding import Finding, first_of
from warehouse.intake.heard import Heard
from warehouse.words import counted, day, moment

_AT_ONCE = 20
"""Calls that one command adopts."""


def _awaits_answer(finding: Finding) -> Wording:
    facts = finding.facts
    return Wording(
        f"{facts['provider']} sends our hook {facts['hook_id']} a {facts['about']}, and its calls wait for an answer"
        f" that we do not give (last {moment(facts['last_at'])}): take our address out of its server"
        " settings, or ask it for reports alone",
        commands(["hook", "seen", facts["hook_id"]]),
        short="a message awaits an answer",
    )


def _unreadable(finding: Finding) -> Wording:
    facts = finding.facts
    return Wording(
        f"{facts['provider']} sent hook {facts['hook_id']} a report that could not be read: {facts['about']}"
        f" (last {moment(facts['last_at'])}); the pull has its call all the same",
        commands(["hook", "seen", facts["hook_id"]]),
        short="a report is unreadable",
    )


def _never_pulled(finding: Finding) -> Wording:
    subject, source, on = finding.subject, finding.facts["source"], finding.facts["day"]
    calls, whose = len(subject.ids), subject.tenant_id or "the platform's account"
    return Wording(
        f"{counted(calls, f'call of {whose}', 'was', 'were')} reported by {source} for"
        f" {day(on)} and not listed by it: {first_of(subject.ids, 3)}",
        commands(pull(subject.tenant_id, source, on, on)),
        short="reported and not listed",
    )


def _forgotten(finding: Finding) -> Wording:
    subject, facts = finding.subject, finding.facts
    whose = subject.tenant_id or "the platform"
    tenant = ["--tenant", subject.tenant_id] if subject.tenant_id else []
    calls = subject.ids[:_AT_ONCE]
    return Wording(
        f"{counted(len(subject.ids), f'call of {whose}', 'was', 'were')} reported by {facts['provider']} for"
        f" {day(facts['day'])}, which it remembers no more: {first_of(subject.ids, 3)}",
        commands(["hook", "adopt", facts["provider"], *calls, *tenant, "--reason", "REASON"], ["build"]),
        short="reported and forgotten",
    )


WORDS: Words = {
    Heard.AWAITS_ANSWER: _awaits_answer,
    Heard.UNREADABLE_REPORT: _unreadable,
    Heard.NEVER_PULLED: _never_pulled,
    Heard.FORGOTTEN: _forgotten,
}
