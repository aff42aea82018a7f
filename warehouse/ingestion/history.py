"""What was pulled, attempt by attempt, and what a re-pull changed, call by call. Owns nothing; reads ledger and raw.

Only what money, time and routing depend on is compared and shown, never what was said. Rows of superseded pulls are
purged after a while (`warehouse.sources.retention`); what they summed up to stays in the ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import sql
from psycopg.rows import dict_row

from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection, Row, first, load, rows
from warehouse.finding import Hint, Step
from warehouse.sources.declared import Declared, relation
from warehouse.words import counted, day

FILE = "ingestion/history"


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


def is_used(connection: Connection, tenant_id: str, source: str, usage_date: date) -> bool:
    """Whether a tenant's usage of a day is read by a source."""
    return _account(connection, tenant_id, source, usage_date) is not None


def last_change(
    connection: Connection, sources: Mapping[str, Declared], tenant_id: str, source: str, usage_date: date
) -> Difference:
    """What the current pull of a tenant's day changed against the one before it. Raises NothingToCompare."""
    pulls = f"{source} of {tenant_id} on {day(usage_date)}"
    account = _account(connection, tenant_id, source, usage_date)
    if account is None:
        raise NothingToCompare(f"tenant {tenant_id} used no {source} on {day(usage_date)}", Hint(Step.LIST_AGENTS))
    found = rows(connection, FILE, "last_two_of_day", source=source, account=account, usage_date=usage_date)
    if not found:
        raise NothingToCompare(f"{pulls} was never published", Hint(Step.SHOW_STATUS, {"tenant_id": tenant_id}))
    if len(found) == 1:
        raise NothingToCompare(f"{pulls} was published once (pull {found[0]['pull_id']}) and never changed since")
    return difference(connection, sources, found[1]["pull_id"], found[0]["pull_id"])


def _account(connection: Connection, tenant_id: str, source: str, usage_date: date) -> str | None:
    used = first(connection, FILE, "account_of_day", tenant_id=tenant_id, source=source, usage_date=usage_date)
    return str(used["account"]) if used else None


def difference(connection: Connection, sources: Mapping[str, Declared], before: int, after: int) -> Difference:
    """What pull `after` says otherwise than pull `before`. Raises NothingToCompare for pulls that are not of one
    account-day, never were published, or are purged.
    """
    earlier, later = (_published(connection, pull_id) for pull_id in (before, after))
    for part in ("source", "account", "usage_date"):
        if earlier[part] != later[part]:
            raise NothingToCompare(
                f"pull {before} is of {_day(earlier)}, pull {after} of {_day(later)}: only pulls of one day compare"
            )
    if later["source"] not in sources:
        raise NothingToCompare(f"source {later['source']} is not registered here any more; install its package again")
    query = load(FILE)["changes"].format(reported=_reported(sources[later["source"]]))
    with connection.cursor(row_factory=dict_row) as cursor:
        changes = cursor.execute(query, {"before": before, "after": after}).fetchall()
    return Difference(earlier, later, changes)


def _reported(source: Declared) -> sql.Composed:
    """The rows of a source as it declares them compared; all columns by key, where it declares nothing."""
    if source.compared is not None:
        return sql.SQL(source.compared.strip()).format(raw=relation(source))
    left_out = ["account", "tenant_id", "usage_date", "pull_id", "payload", "_dlt_load_id", *source.key]
    return load(FILE)["told_by_columns"].format(
        raw=relation(source),
        key=sql.SQL(", ").join(sql.Identifier("r", name) for name in source.key),
        left_out=sql.Literal("{" + ",".join(left_out) + "}"),
    )


def _published(connection: Connection, pull_id: int) -> Row:
    pull = first(connection, FILE, "pull", pull_id=pull_id)
    if pull is None:
        raise NothingToCompare(f"there is no pull {pull_id}", Hint(Step.LIST_PULLS))
    if pull["state"] not in ("published", "superseded"):
        raise NothingToCompare(f"pull {pull_id} is {pull['state']}: it published no rows to compare")
    if pull["purged_at"] is not None:
        raise NothingToCompare(
            f"the rows of pull {pull_id} were purged on {day(pull['purged_at'])}; what is left of it are its totals"
            f" ({counted(pull['row_count'], 'row')}, {pull['totals']})"
        )
    return pull


def _day(pull: Row) -> str:
    return f"{pull['source']} of {pull['account']} on {day(pull['usage_date'])}"
