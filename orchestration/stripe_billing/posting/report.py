"""What a posting run is allowed, and what it tells: shared by the threads of the run."""

import threading
from collections import Counter
from dataclasses import dataclass, field

from orchestration.stripe_billing.posting.readiness import Finding
from warehouse.stripe.postings import Due


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard a run presses. patience: calls in a row that may fail before the run stops asking."""

    workers: int = 8
    per_second: float = 80.0
    attempts: int = 4
    patience: int = 24


@dataclass(slots=True)
class PostingReport:
    """What a run did. counts are of postings by state; stopped says why a tenant or meter got nothing (more)."""

    patience: int
    counts: Counter[str] = field(default_factory=Counter)
    stopped: dict[tuple[str, str | None], Finding] = field(default_factory=dict)
    events: list[Due] = field(default_factory=list)
    refusal: str | None = None
    failures_in_a_row: int = 0
    is_halted: bool = False
    _silent: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def is_clean(self) -> bool:
        """Whether everything that was due reached Stripe."""
        return not self.stopped and not self.is_halted and not (self.counts.keys() - {"accepted", "lost"})

    def stop(self, finding: Finding) -> None:
        """Send nothing more of this tenant, or of this meter of it, in this run."""
        with self._lock:
            self.stopped[finding.tenant_id, finding.meter_id] = finding

    def is_stopped(self, tenant_id: str, meter_id: str) -> bool:
        return (tenant_id, meter_id) in self.stopped or (tenant_id, None) in self.stopped

    def halt(self, refusal: str) -> None:
        """Stop the whole run: no call can succeed."""
        with self._lock:
            self.refusal = refusal
            self.is_halted = True

    def failed(self, tenant_id: str) -> None:
        """A call went unanswered; too many in a row and the run stops asking. Those of one tenant are that tenant's."""
        with self._lock:
            self.failures_in_a_row += 1
            self._silent.add(tenant_id)
            if self.failures_in_a_row >= self.patience and len(self._silent) > 1:
                self.is_halted = True

    def answered(self) -> None:
        with self._lock:
            self.failures_in_a_row = 0
            self._silent.clear()
