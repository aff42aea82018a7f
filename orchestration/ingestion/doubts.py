"""What makes a reading doubtful although it was read whole, and the flag that accepts each doubt alone."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

import psycopg

from orchestration.ingestion.outcomes import AccountDay
from orchestration.ingestion.reading import Failure
from sources.reading import Reading
from sources.registry import source_named
from warehouse.ingestion import acceptances, pulls
from warehouse.ingestion.acceptances import Doubted
from warehouse.ingestion.pulls import PullKey
from warehouse.sources import raw_tables
from warehouse.words import counted


class Doubt(StrEnum):
    """A doubt by the code that the ledger keeps of it."""

    LOSS = "rows_lost"
    COUNT = "totals_disagree"
    COST = "cost_total_disagrees"  # holds up no pull: review asks for it
    UNCONFIRMED = "loss_unconfirmed"

    @property
    def flag(self) -> str:
        """The option of `minutebook pull` that accepts this doubt and no other."""
        return {
            Doubt.LOSS: "--accept-loss",
            Doubt.COUNT: "--accept-count",
            Doubt.COST: "--accept-cost",
            Doubt.UNCONFIRMED: "--accept-unconfirmed",
        }[self]


@dataclass
class Doubts:
    """What a run holds against its readings. `accepted` are the doubts that a person accepts: of each day as it was
    shown before, by an earlier pull or in review, and no other.
    """

    connection: psycopg.Connection[Any]
    today: date
    accepted: Collection[Doubt] = ()
    _accepting: dict[PullKey, list[tuple[Doubted, str]]] = field(default_factory=dict)

    def of(self, day: AccountDay, reading: Reading) -> Failure | None:
        """The first doubt that nobody accepted, as the failure of its day."""
        for found in (self._lost(day, reading), self._miscounted(day, reading)):
            if found is not None and (failure := self._unless_accepted(day, found)):
                return failure
        return None

    def settle(self, day: AccountDay) -> str | None:
        """Keep what a person accepts of a day that was read well, for just what it is about; that in words."""
        accepting = self._accepting.pop(day.key, [])
        if Doubt.COST in self.accepted and (figures := acceptances.shown_total(self.connection, day.key, "cost")):
            counted, provider_says = figures.split("/")
            what = f"the rows cost {counted or 0}, and {day.source} says {provider_says}"
            accepting.append((Doubted(day.key, "totals_disagree", "cost", figures), f"{Doubt.COST.flag}: {what}"))
        for doubted, reason in accepting:
            acceptances.accept(self.connection, doubted, reason)
        return "; ".join(reason for _, reason in accepting) or None

    def _unless_accepted(self, day: AccountDay, found: "_Found") -> Failure | None:
        doubted = Doubted(day.key, found.doubt, found.subject, found.evidence)
        if acceptances.is_accepted(self.connection, doubted):
            return None
        if found.doubt not in self.accepted:
            return found.failure(found.advice)
        if not acceptances.is_shown(self.connection, doubted):
            return found.failure(f"it was not shown before, and is not accepted unseen; {found.advice}")
        self._accepting.setdefault(day.key, []).append((doubted, f"{found.doubt.flag}: {found.what}"))
        return None

    def _lost(self, day: AccountDay, reading: Reading) -> "_Found | None":
        """Rows of the current pull that are not listed any more: forgotten by a provider past its horizon, or in doubt
        while the provider's own total cannot confirm that they were deleted.
        """
        source = source_named(day.source)
        is_old = source.horizon_days is not None and day.usage_date < self.today - timedelta(days=source.horizon_days)
        is_unconfirmed = source.counts_itself and reading.provider_totals is None
        if not (is_old or is_unconfirmed):
            return None
        current = pulls.current(self.connection, [day.key]).get(day.key)
        if current is None:
            return None
        lost = sorted(raw_tables.keys(self.connection, source, current.pull_id) - reading.keys)
        if not lost:
            return None
        gone = f"{len(lost)} of {counted(current.row_count, 'row')} gone, {lost[0]} among them"
        rows = sha256("\n".join(lost).encode()).hexdigest()
        evidence = f"{len(lost)}/{current.row_count} {rows[:16]}"
        if is_old:
            why = f"the day is older than the {counted(source.horizon_days or 0, 'day')} that {day.source} remembers"
            return _Found(Doubt.LOSS, "rows", evidence, f"{gone}, and {why}", "if they were really deleted")
        why = f"{day.source} does not say how many it has in all"
        return _Found(Doubt.UNCONFIRMED, "rows", evidence, f"{gone}, and {why}", "if they were really deleted")

    def _miscounted(self, day: AccountDay, reading: Reading) -> "_Found | None":
        """A provider that counts more rows, or fewer, than it listed. Its sums of money, rounded, are compared by the
        check `provider_total_agrees`, which holds nothing up."""
        reported = (reading.provider_totals or {}).get("calls")
        listed = reading.totals.get("calls")
        if reported is None or listed is None or reported == listed:
            return None
        what = f"{day.source} lists {counted(listed, 'call')} and counts {reported} in its own total"
        return _Found(Doubt.COUNT, "calls", f"{listed:f}/{reported:f}", what, "if it keeps saying so")


@dataclass(frozen=True)
class _Found:
    """A doubt of a reading, in words, and when a person may accept it."""

    doubt: Doubt
    subject: str
    evidence: str
    what: str
    may_be_accepted: str

    @property
    def advice(self) -> str:
        return f"pull it again with {self.doubt.flag} {self.may_be_accepted}"

    def failure(self, advice: str) -> Failure:
        """Only what a provider has forgotten does not come back."""
        is_permanent = self.doubt is Doubt.LOSS
        return Failure(self.doubt, f"{self.what}; {advice}", is_permanent, evidence=self.evidence)
