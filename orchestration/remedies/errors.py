"""What an error of the warehouse has a person do next, as the command line says it. A page says the error alone."""

from collections.abc import Callable, Mapping

from orchestration.remedies.isolation import not_served
from orchestration.remedies.wording import commands
from warehouse.finding import Facts, Hint, Step
from warehouse.security.isolation import IsolationBroken

_CREATED_BY = {
    "tenant": ["tenant", "create"],
    "meter": ["meter", "create"],
    "plan": ["plan", "create"],
    "project": ["project", "create"],
    "credit": ["credit", "give"],
}


def with_next_step(error: Exception) -> str:
    """An error with what resolves it, in one line."""
    if isinstance(error, IsolationBroken):
        return not_served(error)
    text = " ".join(str(error).split())
    hint: Hint | None = getattr(error, "hint", None)
    return f"{text.rstrip('.')}; {next_step(hint)}" if hint else text


def next_step(hint: Hint) -> str:
    """The step as a clause that ends in a command."""
    return STEPS[hint.step](hint.facts)


def _created(facts: Facts) -> str:
    if facts["kind"] == "agent":
        return f"create it: {commands(['agent', 'create', facts['tenant_id'], facts['agent_id']])}"
    command = _CREATED_BY.get(facts["kind"])
    return f"create it: {commands([*command, '--help'])}" if command else f"see: {commands(['source', 'list'])}"


def _of_period(verb: str, facts: Facts, *options: str) -> str:
    if "period_start" not in facts:
        return commands([verb, "--help"])
    return commands([verb, f"{facts['period_start']:%Y-%m}", "--tenant", facts["tenant_id"], *options])


def _doubts(facts: Facts) -> str:
    days = ["--from", str(facts["first_day"]), "--to", str(facts["last_day"])]
    return f"look at them: {commands(['doubt', 'list', facts['tenant_id'], *days])}"


def _typed(phrase: str, *words: str) -> Callable[[Facts], str]:
    """A phrase and a command; {name} in its words is a fact."""
    return lambda facts: f"{phrase}: {commands([word.format(**facts) for word in words])}"


STEPS: Mapping[Step, Callable[[Facts], str]] = {
    Step.BUILD: _typed("run", "build"),
    Step.INIT: _typed("run", "init"),
    Step.CREATE: _created,
    Step.LIST_SOURCES: _typed("see", "source", "list"),
    Step.LIST_TENANTS: _typed("see", "tenant", "list"),
    Step.LIST_AGENTS: _typed("see", "agent", "list"),
    Step.LIST_PULLS: _typed("see", "pull", "list"),
    Step.LIST_QUARANTINE: _typed("see", "quarantine", "list"),
    Step.LIST_DOUBTS: _doubts,
    Step.LIST_LINES: _typed("all of them", "review", "PERIOD", "--lines"),
    Step.LIST_DATABASE_LOGINS: _typed("see", "access", "list"),
    Step.LIST_LOGINS: _typed("see", "login", "list"),
    Step.LIST_SESSIONS: _typed("see", "login", "sessions", "{login_id}"),
    Step.SHOW_STATUS: _typed("see", "status", "--tenant", "{tenant_id}"),
    Step.DETACH_AGENT: _typed("see", "agent", "detach", "--help"),
    Step.MOVE_SCOPE: lambda _: "to move it from that day on: minutebook agent attach … --move",
    Step.ATTACH_AGENT: _typed("see", "agent", "attach", "--help"),
    Step.SET_TERMS: _typed("see", "plan", "terms", "--help"),
    Step.SET_CREDENTIAL: _typed("store one", "credential", "set", "--help"),
    Step.ROTATE_CREDENTIAL: _typed("store one", "credential", "rotate", "--help"),
    Step.APPROVE: lambda facts: f"run: {_of_period('approve', facts)}",
    Step.REOPEN: lambda facts: f"run: {_of_period('reopen', facts, '--reason', 'REASON')}",
    Step.CLOSE_TENANT: _typed("first", "tenant", "close", "{tenant_id}", "--on", "DAY"),
    Step.CREATE_LOGIN: _typed("create it", "login", "create", "{login_id}", "--help"),
    Step.SET_PASSWORD: _typed("set its password", "login", "password", "{login_id}"),
    Step.RESET_FACTOR: _typed("take it away", "login", "reset-factor", "{login_id}"),
}
