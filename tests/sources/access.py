"""How a source's tests open a provider: with a key, and without waiting for anything."""

from dataclasses import dataclass, field

from sources.day import Access
from sources.http.budget import Budget


@dataclass(frozen=True)
class UnhurriedAccess(Access):
    """An access whose budget only writes down, in seconds, how long it would have slept."""

    slept: list[float] = field(default_factory=list)

    def budget(self, at_once: int, per_second: float | None = None, own_address: str | None = None) -> Budget:
        return Budget(at_once, sleep=self.slept.append)
