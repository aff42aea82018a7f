"""Landing a batch of readings and publishing them; one that cannot be landed does not take the others down with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
import pyarrow as pa

from orchestration.ingestion.outcomes import AccountDay
from orchestration.operations import tracing
from sources.reading import Reading
from sources.registry import source_named
from warehouse.ingestion import planning, pulls
from warehouse.sources import raw_tables


@dataclass(frozen=True)
class Finished:
    """A reading that still has to be landed, and the pull it belongs to."""

    day: AccountDay
    pull_id: int
    reading: Reading


class Landing:
    """Writes batches of readings of one source to raw and publishes them in the ledger, from several threads at once.
    The connection is its own, and one thread's at a time. `is_forced`: a reading that equals the current pull is
    landed and published too.
    """

    def __init__(self, url: str, connection: psycopg.Connection[Any], home: Path, *, is_forced: bool = False) -> None:
        self._url = url
        self._connection = connection
        self._connection_is_used = Lock()
        self._work_dir = home / "landing"
        self._is_forced = is_forced

    def land(self, batch: Sequence[Finished]) -> list[tuple[Finished, bool | Exception]]:
        """Land and publish a batch of one source. With each reading: whether the current pull said the same already, or
        the error that kept it out.

        A batch that fails is emptied and landed again in halves, so that only the reading at fault is left out.
        """
        try:
            with tracing.span("land", source=batch[0].day.source, pulls=len(batch)):
                is_unchanged = self._land_whole(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not fail the other readings
            self._discard(batch)
            if len(batch) == 1:
                return [(batch[0], error)]
            middle = len(batch) // 2
            return self.land(batch[:middle]) + self.land(batch[middle:])
        return [(finished, finished.pull_id in is_unchanged) for finished in batch]

    def _land_whole(self, batch: Sequence[Finished]) -> frozenset[int]:
        """Land what is new and publish all, or raise; gives the ids of the pulls that changed nothing."""
        source = source_named(batch[0].day.source)
        with self._connection_is_used:
            current = pulls.current(self._connection, [finished.day.key for finished in batch])
        raw_tables.land(
            self._url,
            source,
            (_stamped(finished) for finished in batch if self._is_forced or not _is_known(finished, current)),
            self._work_dir,
        )
        with self._connection_is_used:
            return pulls.publish(self._connection, [_published(finished, self._is_forced) for finished in batch])

    def _discard(self, batch: Sequence[Finished]) -> None:
        """Take back what landed of a batch that failed. Rows of a pull that is published after all are left alone."""
        source = source_named(batch[0].day.source)
        pull_ids = [finished.pull_id for finished in batch]
        with self._connection_is_used:
            planning.discard_landed(self._connection, f"{source.schema}.{source.table}", pull_ids)


def _is_known(finished: Finished, current: Mapping[pulls.PullKey, pulls.CurrentPull]) -> bool:
    published = current.get(finished.day.key)
    reading = finished.reading
    return published is not None and published.says_the_same_as(
        reading.content_hash, reading.results_hash, not reading.is_whole
    )


def _stamped(finished: Finished) -> pa.Table:
    day = finished.day
    return raw_tables.stamped(
        source_named(day.source),
        finished.reading.table,
        account=day.account,
        tenant_id=day.tenant_id,
        usage_date=day.usage_date,
        pull_id=finished.pull_id,
    )


def _published(finished: Finished, is_forced: bool) -> pulls.PublishedPull:
    reading = finished.reading
    return pulls.PublishedPull(
        pull_id=finished.pull_id,
        row_count=reading.table.num_rows,
        content_hash=reading.content_hash,
        results_hash=reading.results_hash,
        is_incomplete=not reading.is_whole,
        is_in_progress=reading.is_in_progress,
        quarantined=reading.quarantined,
        lacks_only_quarantined=not reading.is_whole and not reading.is_incomplete,
        totals=reading.totals,
        provider_totals=reading.provider_totals,
        windows=reading.windows,
        requests=reading.requests,
        is_forced=is_forced,
        new_fields=reading.new_fields,
    )
