"""Rows of usage from threads: one per tenant, item and attributes, with the threads that it was counted from."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sources.checks.quarantine import MOST_ALONE
from sources.contracts import EVENT_IDS
from sources.errors import ContractBroken
from sources.langgraph.messages import Spent, Unreadable, spent_in
from sources.langgraph.threads import Odd, Thread, checkpoint_of
from sources.rows import Row

KIND = "langgraph_tenant"
UNITS = {
    "invocations": "invocation",
    "threads_started": "thread",
    "supersteps": "superstep",
    "sleeps": "sleep",
    "wakes": "wake",
    "errors": "error",
    "tokens": "token",
}
BILLED = "invocations"
"""What a workflow is sold by; the other items are details of it, which nobody has to count with a meter."""
_MOST_NAMED = 1000

Attributes = tuple[tuple[str, str], ...]


@dataclass
class Usage:
    """A day's usage, filled thread by thread."""

    day: date
    _threads: dict[tuple[str | None, str, Attributes], Counter[str]] = field(default_factory=dict)
    _pushed: dict[tuple[str | None, str, Attributes], set[str]] = field(default_factory=dict)
    _odd: dict[tuple[str | None, str], list[str]] = field(default_factory=dict)
    _counted: int = 0
    _uncounted: int = 0

    def add(self, thread_id: str, checkpoints: Iterable[Any], writes: Iterable[Any]) -> None:
        """Count a thread by rows of both queries, or set it aside: a part of it is no thread's usage."""
        tenant: str | None = None
        try:
            thread = Thread(thread_id, [checkpoint_of(row) for row in checkpoints])
            if len(thread.tenants) > 1:
                raise Odd(f"it names more than one tenant: {', '.join(thread.tenants[:5])}"[:300])
            tenant = next(iter(thread.tenants), None)
            counts = thread.counts(self.day)
        except Odd as odd:
            self._set_aside(tenant, str(odd), thread_id)
            self._uncounted += 1
            return
        self._counted += 1
        for item, count in counts.items():
            self._count(tenant, item, (), thread_id, count)
        try:
            for spent in spent_on(self.day, thread, writes):
                for kind, count in spent.by_kind.items():
                    named = tuple(sorted(({"kind": kind} | ({"model": spent.model} if spent.model else {})).items()))
                    self._count(tenant, "tokens", named, thread_id, count)
                    if count and spent.run_id is not None:
                        self._pushed.setdefault((tenant, "tokens", named), set()).add(spent.run_id)
        except Unreadable as why:
            self._set_aside(tenant, f"its tokens are unknown, and not 0: {why}", thread_id)

    def rows(self) -> Iterator[Row]:
        """Rows of the contract, and one for each reason for which threads of a tenant were set aside.

        Raises ContractBroken where that is the rule: a good day must not be replaced by what is left of it.
        """
        if self._uncounted > max(MOST_ALONE, self._counted):
            whole = self._uncounted + self._counted
            why = next(iter(self._odd))[1]
            raise ContractBroken(f"{self._uncounted} of {whole} threads are set aside, as one: {why}")
        for key, threads in self._threads.items():
            tenant, item, attributes = key
            values = _scoped(tenant) | {
                "item": item,
                "unit": UNITS[item],
                "quantity": threads.total(),
                "attributes": dict(attributes),
                "may_go_unbilled": item != BILLED,
            }
            answer = _answer(tenant, threads, item=item, quantity=threads.total(), **dict(attributes))
            if ids := self._pushed.get(key):
                answer[EVENT_IDS] = sorted(ids)
            yield Row(values, answer)
        for (tenant, reason), threads_aside in self._odd.items():
            said = f"{len(threads_aside)} of its threads are set aside: {reason}"
            yield Row(_scoped(tenant), _answer(tenant, Counter(threads_aside), reason=reason), fault=said)

    def _count(self, tenant: str | None, item: str, attributes: Attributes, thread_id: str, count: int) -> None:
        if count:
            self._threads.setdefault((tenant, item, attributes), Counter())[thread_id] += count

    def _set_aside(self, tenant: str | None, reason: str, thread_id: str) -> None:
        self._odd.setdefault((tenant, reason), []).append(thread_id)


def spent_on(day: date, thread: Thread, writes: Iterable[Any]) -> list[Spent]:
    """What models used in steps that were completed on the day, each message once: a message that is written again, in
    a sub-graph or later, was paid where it was written first. What was given to a run was not used by it. Raises
    Unreadable where a write of the day's cannot be read.
    """
    found: list[tuple[Any, bool, Spent]] = []
    for write in writes:
        key = write.namespace, write.checkpoint_id
        completed = thread.completed(key)
        if completed is None or completed.day > day:
            continue
        if write.content is None:
            if completed.day == day:
                raise Unreadable("what it wrote is sealed, or of a kind that is not read")
            continue
        is_made = completed.source != "update" and not thread.is_input(key)
        try:
            found += [(completed.at, is_made, spent) for spent in spent_in(bytes(write.content))]
        except Unreadable:
            if completed.day == day:
                raise
    first: dict[str, tuple[Any, bool, Spent]] = {}
    for one in sorted(found, key=lambda one: one[0]):
        first.setdefault(one[2].key, one)
    return [spent for at, is_made, spent in first.values() if is_made and at.date() == day]


def _scoped(tenant: str | None) -> dict[str, Any]:
    return {} if tenant is None else {"scope_kind": KIND, "scope_ref": tenant}


def _answer(tenant: str | None, threads: Counter[str], **said: Any) -> dict[str, Any]:
    named = [{"thread_id": thread_id, "quantity": threads[thread_id]} for thread_id in sorted(threads)[:_MOST_NAMED]]
    return {"tenant": tenant, **said, "threads": named, "thread_count": len(threads)}
