"""What a thread did on a UTC day, from its checkpoints: states saved after a superstep, an input or an edit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

_SOURCES = ("input", "loop", "update", "fork")
_VERSIONS = ("1", "2", "3", "4")


class Odd(ValueError):
    """A thread that cannot be counted, and why."""


@dataclass(frozen=True)
class Checkpoint:
    """A row of the table. `parent_id` is the state that it was made from, None for the first of its namespace."""

    namespace: str
    checkpoint_id: str
    parent_id: str | None
    at: datetime
    source: str
    step: int
    run_id: str | None
    input_version: str | None
    tenants: frozenset[str]
    is_interrupted: bool
    is_failed: bool
    is_worked_on: bool

    @property
    def day(self) -> date:
        return self.at.date()

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.checkpoint_id


def checkpoint_of(row: Any) -> Checkpoint:
    """A checkpoint as the query gives it. Raises Odd."""
    if row.version not in _VERSIONS:
        raise Odd(f"a checkpoint is of another format than {_VERSIONS[0]} to {_VERSIONS[-1]}, which are known")
    if row.source not in _SOURCES:
        raise Odd(f"a checkpoint's source is none of {', '.join(_SOURCES)}")
    try:
        at, step = datetime.fromisoformat(row.ts), int(row.step)
    except (TypeError, ValueError):
        raise Odd("a checkpoint names no time or no step") from None
    if at.utcoffset() != UTC.utcoffset(None):
        raise Odd("a checkpoint's time is not in UTC")
    return Checkpoint(
        row.namespace,
        row.checkpoint_id,
        row.parent_id,
        at,
        row.source,
        step,
        row.run_id,
        row.input_version,
        frozenset(tenant for tenant in row.tenants if tenant),
        row.is_interrupted,
        row.is_failed,
        row.is_worked_on,
    )


@dataclass(frozen=True)
class Thread:
    """All checkpoints of one thread, the oldest first."""

    thread_id: str
    checkpoints: Sequence[Checkpoint]

    @property
    def tenants(self) -> list[str]:
        """Whose it is; a row that names nobody is of whoever the others name."""
        return sorted(frozenset().union(*(one.tenants for one in self.checkpoints)))

    def counts(self, day: date) -> dict[str, int]:
        """By item, what happened on the day; what did not happen is left out. Raises Odd."""
        of_day = [one for one in self.checkpoints if one.day == day]
        if any(self._is_cut_off(one) for one in of_day):
            raise Odd("what stood before a checkpoint of the day is deleted: how much was executed is unknown")
        roots = [one for one in of_day if not one.namespace]
        found = {
            "invocations": sum(self._begins(one) for one in roots if one.run_id is None) + self._runs_begun_on(day),
            "threads_started": int(self._started_on == day),
            "supersteps": sum(self._supersteps(one) for one in of_day if one.source == "loop"),
            "sleeps": sum(one.is_interrupted for one in roots),
            "wakes": sum(self._wakes(one) for one in roots),
            "errors": sum(one.is_failed for one in roots),
        }
        return {item: count for item, count in found.items() if count}

    def completed(self, key: tuple[str, str]) -> Checkpoint | None:
        """The checkpoint that holds what was written at this one: the next of its run. None while there is none."""
        made = sorted(self._children.get(key, ()), key=lambda one: (one.source != "loop", one.at))
        return next((one for one in made if one.source != "fork"), None)

    def is_input(self, key: tuple[str, str]) -> bool:
        """Whether what was written there was given to the run, and not made by it."""
        one = self._by_key.get(key)
        return one is not None and one.source == "input"

    @cached_property
    def _by_key(self) -> dict[tuple[str, str], Checkpoint]:
        return {one.key: one for one in self.checkpoints}

    @cached_property
    def _children(self) -> dict[tuple[str, str], list[Checkpoint]]:
        children: dict[tuple[str, str], list[Checkpoint]] = {}
        for one in self.checkpoints:
            if one.parent_id is not None:
                children.setdefault((one.namespace, one.parent_id), []).append(one)
        return children

    @cached_property
    def _started_on(self) -> date | None:
        """None where nothing ran yet, or its beginning is deleted."""
        ran = [one for one in self.checkpoints if not one.namespace and one.source != "update"]
        return (
            ran[0].day if ran and any(one.parent_id is None and not one.namespace for one in self.checkpoints) else None
        )

    def _parent(self, one: Checkpoint) -> Checkpoint | None:
        return None if one.parent_id is None else self._by_key.get((one.namespace, one.parent_id))

    def _is_cut_off(self, one: Checkpoint) -> bool:
        return one.parent_id is not None and one.source == "loop" and self._parent(one) is None

    def _wakes(self, one: Checkpoint) -> bool:
        parent = self._parent(one)
        return one.source in ("loop", "input") and parent is not None and (parent.is_interrupted or parent.is_failed)

    def _skips(self, one: Checkpoint) -> bool:
        """Whether checkpoints before it were not saved: with durability "exit" an invocation has one, its last."""
        parent = self._parent(one)
        return one.source == "loop" and parent is not None and one.step > parent.step + 1

    def _begins(self, one: Checkpoint) -> bool:
        """Whether a checkpoint tells of an invocation of its own."""
        if one.source == "fork":  # a copy, made to run again from there; one that nothing was executed from is no run
            return one.is_worked_on or one.key in self._children
        parent = self._parent(one)
        if one.source != "loop":
            return one.source == "input"
        return parent is None or parent.source == "update" or self._wakes(one) or self._skips(one)

    def _runs_begun_on(self, day: date) -> int:
        """Runs that the platform itself names, by the day of their first checkpoint."""
        began: dict[str, date] = {}
        for one in self.checkpoints:
            if one.run_id is not None and not one.namespace and one.source != "update":
                began.setdefault(one.run_id, one.day)
        return sum(first == day for first in began.values())

    def _supersteps(self, one: Checkpoint) -> int:
        """Supersteps that executed nodes: neither an input nor the step that hands it on is one."""
        parent = self._parent(one)
        if parent is None:
            return max(0, one.step)  # the input is step -1, and 0 only hands it on
        executed = one.step - parent.step
        if self._is_of_input(parent):
            executed -= 1
        elif self._skips(one):
            executed -= self._left_out(one, parent)
        return max(0, executed)

    def _is_of_input(self, one: Checkpoint) -> bool:
        """Whether a checkpoint holds an input that nothing was done with yet, or is a copy of one that does."""
        while one.source == "fork" and (copied := self._parent(one)) is not None:
            one = copied
        return one.source == "input"

    def _left_out(self, one: Checkpoint, parent: Checkpoint) -> int:
        """Of the steps that were not saved, those that executed nothing: an input and what hands it on, or a fork."""
        if one.input_version != parent.input_version:
            return 2
        return 0 if self._wakes(one) or parent.source == "update" else 1
