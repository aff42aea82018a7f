"""Threads without chance: tasks run whole, one at a time, in an order and at moments that a seed decides."""

import random
from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import TracebackType
from typing import Any


class Killed(BaseException):
    """Stands for a process that is gone: nothing of ours catches it."""


class SeededPool(Executor):
    """An executor of so many workers over the caller's own thread.

    A task may run as soon as it is handed in, or when its outcome is asked for, before or after others; no more of them
    wait than there are workers. What waits when the process is killed never runs.
    """

    def __init__(self, chance: random.Random, workers: int) -> None:
        self._chance = chance
        self._workers = workers
        self._waiting: list[tuple[_Outcome, Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        outcome = _Outcome(self)
        self._waiting.append((outcome, lambda: fn(*args, **kwargs)))
        while self._waiting and (len(self._waiting) > self._workers or self._chance.random() < 0.5):
            self.run_one()
        return outcome

    def run_one(self) -> None:
        """Run one of the waiting tasks to its end."""
        outcome, task = self._waiting.pop(self._chance.randrange(len(self._waiting)))
        if not outcome.set_running_or_notify_cancel():
            return
        try:
            outcome.set_result(task())
        except Exception as error:  # noqa: BLE001 - as an executor's thread does
            outcome.set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        while self._waiting:
            self.run_one()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Killed):
            self._waiting.clear()
        self.shutdown()


class _Outcome(Future[Any]):
    def __init__(self, pool: SeededPool) -> None:
        super().__init__()
        self._pool = pool

    def result(self, timeout: float | None = None) -> Any:
        while not self.done():
            self._pool.run_one()
        return super().result(timeout)
