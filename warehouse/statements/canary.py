"""The known-answer tenant: a month in the past whose bill was worked out by hand, computed again by every build.

Owns the tenant marked `is_canary`, its plan, meters and pulls. A difference means that what statements say cannot be
trusted, so a check turns red and nothing is posted. Its lines are in `marts.fct_canary_lines` and in no other mart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from warehouse.control.errors import Refused
from warehouse.database.connect import Role, connect
from warehouse.database.queries import Connection, Row, execute, first, rows
from warehouse.finding import Finding, Hint, Step
from warehouse.marts.freshness import MartsBehind

FILE = "statements/canary"


class Distrust(StrEnum):
    """Why no statement can be trusted now."""

    MARTS_BEHIND = "marts_behind"  # message
    CANARY_MISSING = "canary_missing"  # said, and trusted nonetheless
    CANARY_UNBUILT = "canary_unbuilt"
    CANARY_WRONG = "canary_wrong"  # wrong: rows of `differences`


@dataclass(frozen=True)
class Verdict:
    """wrong: lines that are not what they are known to be. is_unbuilt: the marts do not hold the canary yet."""

    is_installed: bool = False
    wrong: Sequence[Row] = ()
    is_unbuilt: bool = False

    @property
    def finding(self) -> Finding | None:
        """Why statements cannot be trusted; None where they can, or where no canary is installed."""
        if self.is_unbuilt:
            return Finding(Distrust.CANARY_UNBUILT)
        return Finding(Distrust.CANARY_WRONG, facts={"wrong": list(self.wrong)}) if self.wrong else None


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
        raise MartsBehind("the marts do not hold the known-answer tenant yet", Hint(Step.BUILD))
    return rows(connection, FILE, "differences")


def verdict(connection: Connection) -> Verdict:
    """What the canary says of the statements: the one place that posting, the check and `doctor` hear it from."""
    if not is_installed(connection):
        return Verdict()
    if not is_built(connection):
        return Verdict(True, is_unbuilt=True)
    return Verdict(True, tuple(differences(connection)))


def _state(connection: Connection) -> Row:
    row = first(connection, FILE, "state")
    assert row is not None  # noqa: S101  three conditions always answer
    return row
