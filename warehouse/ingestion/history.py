"""What was pulled, attempt by attempt, and what a re-pull changed, call by call. Owns nothing; reads ledger and raw.

Only what money, time and routing depend on is compared and shown, never what was said. Rows of superseded pulls are
purged after a while (`warehouse.ingestion.retention`); what they summed up to stays in the ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from warehouse.control.changes import Connection, Row, first, rows
from warehouse.database.errors import WarehouseError

FILE = "ingestion/history"
# How two pulls of a source are compared: objects field by field, or counts by what tells them apart.
CHANGES = {
    "vapi": "changed_fields",
    "voiceflow": "changed_counts_of_voiceflow",
    "voiceflow_transcripts": "changed_fields",
    "usage_metrics": "changed_counts_of_usage_metrics",
}


class NothingToCompare(WarehouseError):
    """There are no two published pulls of one account-day with rows to compare; the message says which and why."""


@dataclass(frozen=True)
class Difference:
    """Two pulls of one account-day, and each field that differs.

    changes: item (a call id, or what tells a count apart), change ('added', 'gone' or 'changed'), field, before, after;
    values as text, every digit as it was told.
    """

    before: Row
    after: Row
    changes: list[Row]

    def items(self, change: str) -> int:
        """How many calls or counts were 'added', 'gone' or 'changed'."""
        return len({row["item"] for row in self.changes if row["change"] == change})


def pulls(
    connection: Connection,
    first_day: date,
    last_day: date,
    tenant_ids: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    states: Sequence[str] | None = None,
    at_most: int = 200,
) -> list[Row]:
    """Pulls of usage dates in `[first_day, last_day]`, both included, newest day first.

    A tenant's are also those of the shared account it used that day. `states` are the ledger's; the rows' own state
    tells 'no usage' and 'incomplete' apart. Totals are JSON text.
    """
    return rows(
        connection,
        FILE,
        "pulls",
        first_day=first_day,
        last_day=last_day,
        tenant_ids=None if tenant_ids is None else list(tenant_ids),
        sources=None if sources is None else list(sources),
        states=None if states is None else list(states),
        at_most=at_most,
    )


def last_change(connection: Connection, tenant_id: str, source: str, usage_date: date) -> Difference:
    """What the current pull of a tenant's day changed against the one before it. Raises NothingToCompare."""
    day = f"{source} of {tenant_id} on {usage_date}"
    used = first(connection, FILE, "account_of_day", tenant_id=tenant_id, source=source, usage_date=usage_date)
    if used is None:
        raise NothingToCompare(f"tenant {tenant_id} used no {source} on {usage_date}; see: minutebook agent list")
    found = rows(connection, FILE, "last_two_of_day", source=source, account=used["account"], usage_date=usage_date)
    if not found:
        raise NothingToCompare(f"{day} was never published; see: minutebook status --tenant {tenant_id}")
    if len(found) == 1:
        raise NothingToCompare(f"{day} was published once (pull {found[0]['pull_id']}) and never changed since")
    return difference(connection, found[1]["pull_id"], found[0]["pull_id"])


def difference(connection: Connection, before: int, after: int) -> Difference:
    """What pull `after` says otherwise than pull `before`. Raises NothingToCompare for pulls that are not of one
    account-day, never were published, or are purged.
    """
    earlier, later = (_published(connection, pull_id) for pull_id in (before, after))
    for part in ("source", "account", "usage_date"):
        if earlier[part] != later[part]:
            raise NothingToCompare(
                f"pull {before} is of {_day(earlier)}, pull {after} of {_day(later)}: only pulls of one day compare"
            )
    changes = rows(connection, FILE, CHANGES[later["source"]], before=before, after=after)
    return Difference(earlier, later, changes)


def _published(connection: Connection, pull_id: int) -> Row:
    pull = first(connection, FILE, "pull", pull_id=pull_id)
    if pull is None:
        raise NothingToCompare(f"there is no pull {pull_id}; see: minutebook pull list")
    if pull["state"] not in ("published", "superseded"):
        raise NothingToCompare(f"pull {pull_id} is {pull['state']}: it published no rows to compare")
    if pull["purged_at"] is not None:
        raise NothingToCompare(
            f"the rows of pull {pull_id} were purged on {pull['purged_at']:%Y-%m-%d}; what is left of it are its totals"
            f" ({pull['row_count']} rows, {pull['totals']})"
        )
    return pull


def _day(pull: Row) -> str:
    return f"{pull['source']} of {pull['account']} on {pull['usage_date']}"
