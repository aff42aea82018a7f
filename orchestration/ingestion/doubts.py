"""What makes a reading doubtful although it was read whole, and the flag that accepts each doubt alone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import psycopg

from orchestration.ingestion.outcomes import AccountDay
from orchestration.ingestion.reading import Failure
from sources.reading import Reading
from sources.registry import source_named
from warehouse.ingestion import pulls, raw_tables, totals


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


@dataclass(frozen=True)
class Doubts:
    """What a run holds against its readings; `accepted` are the doubts that a person accepts for all of them."""

    connection: psycopg.Connection[Any]
    today: date
    accepted: Collection[Doubt] = ()

    def of(self, day: AccountDay, reading: Reading) -> Failure | None:
        """The first doubt that nobody accepted, as the failure of its day."""
        for found in (self._lost(day, reading), self._miscounted(day, reading)):
            if found is not None and found.code not in self.accepted:
                return found
        return None

    def settle(self, day: AccountDay) -> None:
        """Keep what a person accepted of the totals of a day that was read well, for just the difference there is."""
        for doubt, name in ((Doubt.COUNT, "calls"), (Doubt.COST, "cost")):
            if doubt in self.accepted:
                totals.accept_total(self.connection, day.key, name, f"pulled with {doubt.flag}")

    def _lost(self, day: AccountDay, reading: Reading) -> Failure | None:
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
        gone = f"{len(lost)} of {current.row_count} rows are gone, {lost[0]} among them"
        if is_old:
            return Failure(
                Doubt.LOSS,
                f"{gone}, and the day is older than the {source.horizon_days} days that {day.source} remembers; pull it"
                f" with {Doubt.LOSS.flag} if they were really deleted",
                is_permanent=True,
            )
        return Failure(
            Doubt.UNCONFIRMED,
            f"{gone}, and {day.source} does not say how many it has in all; pull it with {Doubt.UNCONFIRMED.flag} if"
            " they were really deleted",
            is_permanent=False,
        )

    def _miscounted(self, day: AccountDay, reading: Reading) -> Failure | None:
        """A provider that counts more rows, or fewer, than it listed. Its sums of money, rounded, are compared by the
        check `provider_total_agrees`, which holds nothing up."""
        reported = (reading.provider_totals or {}).get("calls")
        counted = reading.totals.get("calls")
        if reported is None or counted is None or reported == counted:
            return None
        if totals.is_total_accepted(self.connection, day.key, "calls", counted, reported):
            return None
        return Failure(
            Doubt.COUNT,
            f"{day.source} lists {counted} calls and counts {reported} in its own total; pull it again, and"
            f" with {Doubt.COUNT.flag} if it keeps saying so",
            is_permanent=False,
        )
