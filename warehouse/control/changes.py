"""One shape for every write: put an object or a version, and learn whether that created, changed or left it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from warehouse.database.queries import Connection, first


class Action(StrEnum):
    """What a write did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Change:
    """What a write did. `what` names the object, such as "plan growth"; `detail` adds what a person may miss."""

    what: str
    action: Action
    detail: str = ""


def put(connection: Connection, file: str, name: str, parameters: Mapping[str, object]) -> tuple[Action, date | None]:
    """Run a `put_…` statement; returns what it did, and for a version the day on which the next one starts."""
    row = first(connection, file, name, **parameters)
    assert row is not None, name  # noqa: S101  an aggregate always answers
    if not row["written"]:
        return Action.UNCHANGED, row["next_from"]
    return (Action.CHANGED if row["existed"] else Action.CREATED), row["next_from"]
