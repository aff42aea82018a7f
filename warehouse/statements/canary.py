"""The known-answer tenant: a month in the past whose bill was worked out by hand, computed again by every build.

Owns the tenant marked `is_canary`, its plan, meters and pulls. A difference means that what statements say cannot be
trusted, so a check turns red and nothing is posted. Its lines are in `marts.fct_canary_lines` and in no other mart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from warehouse.control.errors import Refused
from warehouse.database.connect import Role, connect
from warehouse.database.queries import Connection, Row, execute, first, rows
from warehouse.statements.freshness import MartsBehind

FILE = "statements/canary"
RUNBOOK = "docs/runbooks/the-canary-is-red.md"


@dataclass(frozen=True)
class Verdict:
    """wrong: lines that are not what they are known to be. what, fix: why statements cannot be trusted, and what to
    do; both empty where they can, or no canary is installed."""

    is_installed: bool = False
    wrong: Sequence[Row] = ()
    what: str = ""
    fix: str = ""

    @property
    def fault(self) -> str | None:
        """All of it in a sentence; None where nothing is wrong."""
        if self.wrong:
            return f"{self.what}. Nothing is posted until they agree; approve nothing either. See: {self.fix}"
        return f"nothing is posted: {self.what}; run: {self.fix}" if self.what else None


def install(url: str, actor: str) -> bool:
    """Write the canary's control data and pulls; safe to repeat. Returns whether anything was written.

    Raises Refused where a tenant of somebody's is called "canary".
    """
    with connect(url, Role.OPERATOR, actor=actor) as operator:
        if _state(operator)["is_foreign"]:
            raise Refused("there is a tenant 'canary' that is billed, so the known-answer tenant is not installed")
        credits_written = execute(operator, FILE, "write_control")
    with connect(url, Role.LOADER, actor=actor) as loader:
        return bool(credits_written + execute(loader, FILE, "write_pulls"))


def is_installed(connection: Connection) -> bool:
    """Whether there is a canary."""
    return bool(_state(connection)["is_installed"])


def is_built(connection: Connection) -> bool:
    """Whether the marts hold lines of the canary."""
    return bool(_state(connection)["is_built"]) and first(connection, FILE, "any_line") is not None


def differences(connection: Connection) -> list[Row]:
    """Lines of the canary's statement that are not what they are known to be; none where none is installed.

    Raises MartsBehind where the marts were last built without it.
    """
    if not is_installed(connection):
        return []
    if not is_built(connection):
        raise MartsBehind("the marts do not hold the known-answer tenant yet; run: minutebook build")
    return rows(connection, FILE, "differences")


def verdict(connection: Connection) -> Verdict:
    """What the canary says of the statements: the one place that posting, the check and `doctor` hear it from."""
    if not is_installed(connection):
        return Verdict()
    try:
        wrong = differences(connection)
    except MartsBehind as error:
        what, _, fix = str(error).partition("; run: ")
        return Verdict(True, (), what, fix)
    if not wrong:
        return Verdict(True)
    line = " ".join(filter(None, (wrong[0]["line_kind"], wrong[0]["meter_id"])))
    what = (
        f"{len(wrong)} line(s) of the known-answer tenant are wrong, first {line}: {wrong[0]['computed_amount']}"
        f" instead of {wrong[0]['known_amount']}"
    )
    return Verdict(True, tuple(wrong), what, f"minutebook canary check, and {RUNBOOK}")


def _state(connection: Connection) -> Row:
    row = first(connection, FILE, "state")
    assert row is not None  # noqa: S101  three conditions always answer
    return row
