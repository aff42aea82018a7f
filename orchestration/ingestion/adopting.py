"""Reports of rows that their provider has forgotten, adopted by a person: each becomes a row of a new pull of its day.

The new pull is the current one with the rows beside it. The provider is not asked: what it has forgotten of the day it
would not list again. A later pull of the day has the rows too, and where it lists one of them, that one alone.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from orchestration.ingestion.outcomes import AccountDay
from orchestration.ingestion.reading import Failure, Readers
from sources.day import PLATFORM
from sources.reading import Reading
from sources.registry import source_named
from sources.window import Window
from warehouse.database.queries import Connection
from warehouse.ingestion.stored import Stored
from warehouse.ingestion.stored import stored as stored_pull
from warehouse.intake import hooks
from warehouse.sources import raw_tables


class StoredReaders(Readers):
    """What is published of a day in place of what its provider says now, with what was adopted since."""

    def prepare(self, day: AccountDay) -> Failure | None:
        """Read what is stored; a Failure where it is not whole."""
        stored = stored_pull(self._connection, day.key)
        if stored is None or stored.sets_rows_aside:
            why = "has rows set aside" if stored else "was not read whole"
            return Failure("not_whole", f"{day} {why}: settle that first, then adopt again", is_permanent=True)
        self._stored[day] = self.with_adopted(day, self._reading(day, stored), self.adopted(day))
        return None

    def read(self, day: AccountDay) -> Reading:
        """The day as it is stored, with what was adopted of it."""
        return self._stored.pop(day)

    def _reading(self, day: AccountDay, stored: Stored) -> Reading:
        source = source_named(day.source)
        moments = [(datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in stored.windows]
        return Reading(
            table=raw_tables.rows(self._connection, source, stored.pull_id),
            keys=raw_tables.keys(self._connection, source, stored.pull_id),
            content_hash=stored.content_hash,
            is_incomplete=stored.is_incomplete,
            windows=tuple(Window(start, end) for start, end in moments),
            requests=0,
            totals=_numbers(stored.totals),
            provider_totals=None if stored.provider_totals is None else _numbers(stored.provider_totals),
            results_hash=stored.results_hash,
        )


def adopted_days(
    connection: Connection, source: str, tenant_id: str | None, row_ids: Sequence[str], reason: str
) -> tuple[list[AccountDay], int]:
    """Note that a person adopts the reports of these rows, all of them or none: their days, and how many are new.
    As the operator. Raises HookRefused.
    """
    account, days, new = tenant_id or PLATFORM, set[date](), 0
    with connection.transaction():
        for row_id in row_ids:
            day, is_new = hooks.adopt(connection, source, account, row_id, reason)
            days.add(day)
            new += is_new
    asking = (tenant_id,) if tenant_id else ()
    return [AccountDay(source, account, day, asking) for day in sorted(days)], new


def _numbers(texts: Mapping[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(text) for name, text in texts.items()}
