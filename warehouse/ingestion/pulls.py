"""The ledger of pulls: who reads what now, what was published last, and what went wrong.

    claim ──▶ reading ──▶ published ──▶ superseded     (by the next one published for that account-day)
                  ├─────▶ unchanged                    (bills the same as the current one; what else it says may land)
                  └─────▶ failed                       (with a cause; also when its attempt died)

One pull of an account-day is read at a time, and at most one is current: two unique indexes hold that, not this code.
An attempt holds an advisory lock as long as it lives, so a claim of a dead one is recognised and taken over.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import psycopg

from warehouse.database import queries
from warehouse.database.connect import Role, connect
from warehouse.database.errors import PullNotPublishable
from warehouse.words import moment

_SQL = queries.load("ingestion/pulls")
_JSON = msgspec.json.Encoder(decimal_format="number")
_OF_SET_ASIDE = ("item", "reason", "fingerprint", "scopes", "payload", "at", "length_from")
# Of one pull: names that differ in each row would otherwise be told without end.
_MOST_NEW_FIELDS = 100


@dataclass(frozen=True)
class Attempt:
    """One process reading providers; alive as long as its context."""

    attempt_id: int


@dataclass(frozen=True)
class PullKey:
    """One account-day of a source. account is the tenant's id, or 'platform' (then tenant_id is None)."""

    source: str
    account: str
    tenant_id: str | None
    usage_date: date


@dataclass(frozen=True)
class CurrentPull:
    """What is published for an account-day."""

    pull_id: int
    content_hash: str
    results_hash: str | None
    row_count: int
    is_incomplete: bool

    def says_the_same_as(self, content_hash: str, results_hash: str | None, is_incomplete: bool) -> bool:
        """Whether a reading with these hashes changes nothing, so that its rows need not land."""
        told = (content_hash, results_hash, is_incomplete)
        return (self.content_hash, self.results_hash, self.is_incomplete) == told


@dataclass(frozen=True)
class LatestPull:
    """How the latest pull of an account-day stands. is_under_way: a live attempt is reading it this moment."""

    pull_id: int
    is_under_way: bool
    is_good: bool
    is_incomplete: bool
    row_count: int


class SetAside(Protocol):
    """A row that breaks its source's contract; see `sources.checks.quarantine.Quarantined`."""

    @property
    def item(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def scopes(self) -> Mapping[str, str]: ...
    @property
    def payload(self) -> str | None: ...
    @property
    def at(self) -> datetime | None: ...
    @property
    def length_from(self) -> datetime | None: ...


class HalfOpen(Protocol):
    """[start, end), aware UTC."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


@dataclass(frozen=True)
class PublishedPull:
    """A finished reading, to be published. row_count is what was read; windows and requests are what was asked.

    quarantined are rows set aside, which did not land; lacks_only_quarantined: it is incomplete for no other reason.
    is_in_progress: the day was read before it was over.
    is_forced: it supersedes the current pull even if it is the same. new_fields: paths of what the provider sent and no
    contract has; each is reported once.
    """

    pull_id: int
    row_count: int
    content_hash: str
    is_incomplete: bool = False
    is_in_progress: bool = False
    totals: Mapping[str, Decimal] = field(default_factory=dict)
    provider_totals: Mapping[str, Decimal] | None = None
    windows: Sequence[HalfOpen] = ()
    requests: int = 0
    quarantined: Sequence[SetAside] = ()
    lacks_only_quarantined: bool = False
    is_forced: bool = False
    new_fields: Collection[str] = ()
    results_hash: str | None = None


@contextmanager
def open_attempt(url: str, trigger: str, run_id: str | None = None) -> Iterator[Attempt]:
    """An attempt, alive until the context ends; whatever it still reads then is marked failed ('interrupted').

    It needs a connection of its own to the server: a transaction pooler in between would lose the lock.
    trigger is schedule, backfill or cli; run_id is the Dagster run.
    """
    with connect(url, Role.LOADER, actor=f"pull by {trigger}", autocommit=True) as connection:
        # Reading may take hours, in which this connection says nothing.
        connection.execute(_SQL["never_idle_out"])
        with connection.transaction():
            opened = connection.execute(_SQL["open_attempt"], [trigger, run_id])
            ((attempt_id,),) = opened.fetchall()
            connection.execute(_SQL["hold_lock"], [attempt_id])
        try:
            yield Attempt(attempt_id)
        finally:
            if not connection.broken:
                connection.execute(_SQL["interrupt"], [attempt_id])


def claim(
    connection: psycopg.Connection[Any], attempt: Attempt, keys: Iterable[PullKey]
) -> tuple[dict[PullKey, int], dict[PullKey, str]]:
    """Claim account-days for reading: the new pull's id for each, or why not (a live attempt is reading it).

    Claims of dead attempts are marked failed ('died') and taken over. Two attempts claiming at once share the keys out;
    none is claimed twice. A constant number of statements, whatever the number of keys.
    """
    wanted = {(key.source, key.account, key.usage_date): key for key in keys}
    columns = _columns(wanted.values()) | {
        "attempt_id": attempt.attempt_id,
        "tenant_ids": [key.tenant_id for key in wanted.values()],
    }
    with connection.transaction():
        connection.execute(_SQL["fail_the_dead"])
        claimed = {
            wanted[source, account, usage_date]: pull_id
            for pull_id, source, account, usage_date in connection.execute(_SQL["claim"], columns)
        }
        refused = dict.fromkeys(
            (key for key in wanted.values() if key not in claimed),
            "another attempt was reading it a moment ago; pull it again if you need it newer",
        )
        if refused:
            for source, account, usage_date, attempt_id, opened_at in connection.execute(_SQL["readers"], columns):
                if (key := wanted[source, account, usage_date]) in refused:
                    refused[key] = f"already being pulled by attempt {attempt_id} since {moment(opened_at)}"
    return claimed, refused


def latest(connection: psycopg.Connection[Any], keys: Iterable[PullKey]) -> dict[PullKey, LatestPull]:
    """The latest pull of each account-day, whatever became of it; those never pulled are left out."""
    wanted = {(key.source, key.account, key.usage_date): key for key in keys}
    return {
        wanted[source, account, usage_date]: LatestPull(*stands)
        for source, account, usage_date, *stands in connection.execute(_SQL["latest"], _columns(wanted.values()))
    }


def publish(connection: psycopg.Connection[Any], finished: Sequence[PublishedPull]) -> frozenset[int]:
    """Publish readings whose rows have landed, all of them or none, in one transaction.

    Each one supersedes the current pull of its account-day; one that bills the same as the current (content hash and
    completeness) becomes 'unchanged' instead. Where its calls' results are others, they are read from its rows from now
    on, and no money moves; else it does not matter whether its rows landed. Returns the ids of the unchanged.

    Raises:
        PullNotPublishable: a pull is not being read any more (taken over), or its landed rows are not the rows that
            were read (number, account, tenant or usage date). Nothing is published; `refused` says why per pull id.
    """
    with connection.transaction():
        unchanged: dict[int, int] = {}
        superseded: list[int] = []
        with_results: set[int] = set()
        refused: dict[int, str] = {}
        found = {
            row[0]: row[1:]
            for row in connection.execute(_SQL["examine"], {"pull_ids": [pull.pull_id for pull in finished]})
        }
        for pull in finished:
            if pull.pull_id not in found:
                refused[pull.pull_id] = "it is not being read any more: another attempt took it over, or it was failed"
                continue
            landed, fitting, current_id, current_hash, current_is_incomplete, current_results = found[pull.pull_id]
            bills_the_same = (current_hash, current_is_incomplete) == (pull.content_hash, pull.is_incomplete)
            is_unchanged = bool(current_id and bills_the_same and not pull.is_forced)
            if is_unchanged and current_results == pull.results_hash:
                unchanged[pull.pull_id] = current_id
            elif not landed == fitting == pull.row_count:
                refused[pull.pull_id] = f"rows read: {pull.row_count}, landed: {landed}, its own of them: {fitting}"
            elif is_unchanged:
                unchanged[pull.pull_id] = current_id
                with_results.add(pull.pull_id)
            elif current_id:
                superseded.append(current_id)
        if refused:
            raise PullNotPublishable(refused)
        connection.execute(_SQL["supersede"], {"pull_ids": superseded})
        connection.execute(_SQL["forget_set_aside"], {"pull_ids": superseded})
        reported = [
            _reported(pull)
            | {"confirms_pull_id": unchanged.get(pull.pull_id), "holds_results": pull.pull_id in with_results}
            for pull in finished
        ]
        connection.execute(
            _SQL["publish"],
            {"pulls": _JSON.encode(reported).decode()},
        )
        for pull in finished:
            if pull.new_fields:
                seen = {"pull_id": pull.pull_id, "fields": sorted(pull.new_fields)[:_MOST_NEW_FIELDS]}
                connection.execute(_SQL["report_new_fields"], seen)
        aside = [row for pull in finished if pull.pull_id not in unchanged for row in _set_aside(pull)]
        connection.execute(_SQL["set_aside"], {"rows": _JSON.encode(aside).decode()})
    return frozenset(unchanged)


def fail(
    connection: psycopg.Connection[Any],
    pull_id: int,
    cause_code: str,
    cause: str,
    is_permanent: bool,
    *,
    windows: Sequence[HalfOpen] = (),
    requests: int = 0,
    evidence: str | None = None,
) -> bool:
    """Record why a pull failed; the current pull of its day stays current. False if it is not being read any more.

    evidence: of a doubt, the figures and rows that it is about.
    """
    asked = _JSON.encode([[window.start, window.end] for window in windows])
    row = [cause_code, cause, is_permanent, asked.decode(), requests, evidence, pull_id]
    return connection.execute(_SQL["fail"], row).rowcount == 1


def current(connection: psycopg.Connection[Any], keys: Iterable[PullKey]) -> dict[PullKey, CurrentPull]:
    """What is published for these account-days; those never published are left out."""
    wanted = {(key.source, key.account, key.usage_date): key for key in keys}
    return {
        wanted[source, account, usage_date]: CurrentPull(*published)
        for source, account, usage_date, *published in connection.execute(_SQL["current"], _columns(wanted.values()))
    }


def _columns(keys: Iterable[PullKey]) -> dict[str, list[Any]]:
    listed = list(keys)
    return {
        "sources": [key.source for key in listed],
        "accounts": [key.account for key in listed],
        "usage_dates": [key.usage_date for key in listed],
    }


def _reported(pull: PublishedPull) -> dict[str, Any]:
    of_their_own = ("new_fields", "quarantined")
    reported = {name: getattr(pull, name) for name in PublishedPull.__dataclass_fields__ if name not in of_their_own}
    return {**reported, "windows": [[window.start, window.end] for window in pull.windows]}


def _set_aside(pull: PublishedPull) -> list[dict[str, Any]]:
    return [
        {
            "pull_id": pull.pull_id,
            **{name: getattr(row, name) for name in _OF_SET_ASIDE},
        }
        for row in pull.quarantined
    ]
