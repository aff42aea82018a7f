"""What providers reported at hooks: what is wrong with it, and what somebody does about it."""

from orchestration.remedies.wording import Wording, Words, commands, pull
from warehouse.finding import Finding, first_of
from warehouse.intake.heard import Heard

_AT_ONCE = 20
"""Calls that one command adopts."""


def _awaits_answer(finding: Finding) -> Wording:
    facts = finding.facts
    return Wording(
        f"{facts['provider']} sends our hook {facts['hook_id']} a {facts['about']}, and its calls wait for an answer"
        f" that we do not give (last {facts['last_at']:%Y-%m-%d %H:%M} UTC): take our address out of its server"
        " settings, or ask it for reports alone",
        commands(["hook", "seen", facts["hook_id"]]),
        short="a message awaits an answer",
    )


def _unreadable(finding: Finding) -> Wording:
    facts = finding.facts
    return Wording(
        f"{facts['provider']} sent hook {facts['hook_id']} a report that could not be read: {facts['about']}"
        f" (last {facts['last_at']:%Y-%m-%d %H:%M} UTC); the pull has its call all the same",
        commands(["hook", "seen", facts["hook_id"]]),
        short="a report is unreadable",
    )


def _never_pulled(finding: Finding) -> Wording:
    subject, source, day = finding.subject, finding.facts["source"], finding.facts["day"]
    whose = subject.tenant_id or "the platform's account"
    return Wording(
        f"{len(subject.ids)} call(s) of {whose} were reported by {source} for {day} and are not listed by it:"
        f" {first_of(subject.ids, 3)}",
        commands(pull(subject.tenant_id, source, day, day)),
        short="reported and not listed",
    )


def _forgotten(finding: Finding) -> Wording:
    subject, facts = finding.subject, finding.facts
    whose = ["--tenant", subject.tenant_id] if subject.tenant_id else []
    calls = subject.ids[:_AT_ONCE]
    return Wording(
        f"{len(subject.ids)} call(s) of {subject.tenant_id or 'the platform'} were reported by"
        f" {facts['provider']} for {facts['day']}, which it remembers no more: {first_of(subject.ids, 3)}",
        commands(["hook", "adopt", facts["provider"], *calls, *whose, "--reason", "REASON"], ["build"]),
        short="reported and forgotten",
    )


WORDS: Words = {
    Heard.AWAITS_ANSWER: _awaits_answer,
    Heard.UNREADABLE_REPORT: _unreadable,
    Heard.NEVER_PULLED: _never_pulled,
    Heard.FORGOTTEN: _forgotten,
}
