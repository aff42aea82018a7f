"""Events on their way into the database: those of one tenant that wait at the same time are committed together.

    request ─▶ line of its tenant ─▶ one transaction of up to 1,000 events ─▶ each request's own outcomes

Nobody waits for company: a transaction takes what is there. An answer is given after the commit and not before.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from anyio import CapacityLimiter, to_thread

from orchestration.intake.answers import Problem
from warehouse.intake.events import Event

MOST_TOGETHER = 1_000
AT_ONCE_OF_A_TENANT = 2
_MOST_WAITING = 50_000
_WAIT_SECONDS = 2.0

Outcomes = dict[int, str]
Store = Callable[[str, Sequence[Event]], Outcomes]
"""Commits events of a tenant; by place what became of those that were not stored now."""


@dataclass
class _Waiting:
    events: Sequence[Event]
    outcomes: "asyncio.Future[Outcomes]"
    patience: asyncio.TimerHandle


@dataclass
class _Line:
    waiting: deque[_Waiting] = field(default_factory=deque)
    workers: int = 0


class Keeper:
    """Keeps events within one event loop."""

    def __init__(self, store: Store, at_once: int) -> None:
        self._store = store
        self._at_once = at_once
        self._limiter: CapacityLimiter | None = None
        self._lines: dict[str, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0

    async def keep(self, tenant_id: str, events: Sequence[Event]) -> Outcomes:
        """Commit events, no identity twice among them; by place what became of those that were not stored now.

        Raises Problem 503 where too many wait, or its turn does not come within two seconds, and what the database
        raises: then none of them is known to be stored.
        """
        if self._waiting + len(events) > _MOST_WAITING:
            raise _busy()
        line = self._lines.setdefault(tenant_id, _Line())
        loop = asyncio.get_running_loop()
        outcomes: asyncio.Future[Outcomes] = loop.create_future()
        waiting = _Waiting(events, outcomes, loop.call_later(_WAIT_SECONDS, _give_up, outcomes))
        line.waiting.append(waiting)
        self._waiting += len(events)
        if line.workers < AT_ONCE_OF_A_TENANT:
            line.workers += 1
            task = asyncio.create_task(self._work(tenant_id, line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await outcomes

    async def _work(self, tenant_id: str, line: _Line) -> None:
        if self._limiter is None:
            self._limiter = CapacityLimiter(self._at_once)
        try:
            while line.waiting:
                async with self._limiter:
                    together = self._next(line)
                    if together:
                        await self._commit(tenant_id, together)
        finally:
            line.workers -= 1
            if not line.workers and not line.waiting:
                self._lines.pop(tenant_id, None)

    def _next(self, line: _Line) -> list[_Waiting]:
        """Who is committed together: whoever comes next and shares no identity; each request has its own answer."""
        together: list[_Waiting] = []
        seen: set[tuple[str, str]] = set()
        count = 0
        while line.waiting:
            waiting = line.waiting[0]
            identities = {(event.source, event.event_id) for event in waiting.events}
            if together and (count + len(identities) > MOST_TOGETHER or not seen.isdisjoint(identities)):
                break
            line.waiting.popleft()
            waiting.patience.cancel()
            self._waiting -= len(waiting.events)
            if waiting.outcomes.done():
                continue  # nobody waits for the answer any more
            together.append(waiting)
            seen |= identities
            count += len(identities)
        return together

    async def _commit(self, tenant_id: str, together: list[_Waiting]) -> None:
        events = [event for waiting in together for event in waiting.events]
        try:
            found = await to_thread.run_sync(self._store, tenant_id, events)
        except BaseException as error:
            for waiting in together:
                if not waiting.outcomes.done():
                    waiting.outcomes.set_exception(error if isinstance(error, Exception) else _busy())
            if not isinstance(error, Exception):
                raise
            return
        first = 0
        for waiting in together:
            places = range(first, first + len(waiting.events))
            if not waiting.outcomes.done():
                waiting.outcomes.set_result({place - first: found[place] for place in places if place in found})
            first += len(waiting.events)


def _give_up(outcomes: "asyncio.Future[Outcomes]") -> None:
    """Of who is still in the line: none of its events is on its way."""
    if not outcomes.done():
        outcomes.set_exception(_busy())


def _busy() -> Problem:
    return Problem(503, "Too many events are on their way at once: repeat the request soon.", {"Retry-After": "2"})
