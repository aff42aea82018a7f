"""Ways past isolation, and the statement or command that closes each."""

from orchestration.remedies.wording import Wording, Words, commands
from warehouse.finding import Finding
from warehouse.security.isolation import Flaw, IsolationBroken

_REBUILD = commands(["build", "--full-refresh"])


def not_served(error: IsolationBroken) -> str:
    """Why nothing is served, and what closes the first way that is open."""
    more = f" ({len(error.flaws) - 1} more: {commands(['doctor'])})" if len(error.flaws) > 1 else ""
    first = WORDS[error.flaws[0].code](error.flaws[0])
    return f"Not served: {first.what}. Fix: {first.fix}{more}"


def _flaw(finding: Finding) -> Wording:
    return Wording(finding.facts["what"], finding.facts["statement"])


def _table(finding: Finding) -> Wording:
    """A mart is made by a build; of other tables the statement is all."""
    statement = finding.facts["statement"]
    return _then_rebuilt(finding) if statement.startswith("move its model") else _flaw(finding)


def _then_rebuilt(finding: Finding) -> Wording:
    return Wording(finding.facts["what"], f"{finding.facts['statement']}, then: {_REBUILD}")


def _reader_unbound(finding: Finding) -> Wording:
    granting = commands(["access", "grant", "--role", "server"])
    fix = f"{granting}, then set MINUTEBOOK_SERVER_DATABASE_URL to that login"
    return Wording(finding.facts["what"], fix)


def _sees_others(finding: Finding) -> Wording:
    return Wording(finding.facts["what"], "set MINUTEBOOK_SERVER_DATABASE_URL to a login of --role server")


WORDS: Words = {
    **dict.fromkeys(Flaw, _flaw),
    Flaw.TABLE_WITHOUT_POLICY: _table,
    Flaw.POLICY_SHOWS_MORE: _then_rebuilt,
    Flaw.READER_UNBOUND: _reader_unbound,
    Flaw.READER_SEES_OTHERS: _sees_others,
}
