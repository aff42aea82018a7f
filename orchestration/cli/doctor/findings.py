"""The shape of what `minutebook doctor` finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    WORTH_A_LOOK = "worth a look"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and the command that fixes it if it needs fixing."""

    level: Level
    what: str
    fix: str | None = None
