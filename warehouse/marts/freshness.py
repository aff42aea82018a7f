"""Whether the marts know everything: what was pulled, what was changed, what day it is.

Owns no table; what should be is compared with what is, and no watermark is kept.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from warehouse.control import guard
from warehouse.database.errors import WarehouseError
from warehouse.database.limits import HOUR
from warehouse.database.queries import Connection, execute, first, rows, typed
from warehouse.database.waiting import patiently
from warehouse.finding import Hint, Step

FILE = "marts/freshness"
LONGEST_BUILD_SECONDS = 2 * HOUR
PATIENCE_OF_A_DECISION = 30.0
"""Seconds that a decision on a page waits for a build under way, such as one of today."""


class MartsBehind(WarehouseError):
    """The marts are not built, or older than control data, pulls or the day."""


@dataclass(frozen=True)
class Lack:
    """What the marts do not know: how many current pulls, whether control data, whether what day it is."""

    pulls_not_built: int
    is_control_newer: bool
    is_day_newer: bool

    def __bool__(self) -> bool:
        return bool(self.pulls_not_built or self.is_control_newer or self.is_day_newer)


@dataclass(frozen=True)
class Begun:
    """A build that has begun; are_models_new: some table may be of other models; do_views_stand: staging is whole."""

    build_id: int
    are_models_new: bool
    do_views_stand: bool


@dataclass(frozen=True)
class PublishedDay:
    """A tenant's day of a source and account that is published, and the pull that is current."""

    tenant_id: str
    usage_date: date
    source: str
    account: str
    rows: int
    pull_id: int
    is_incomplete: bool


def is_built(connection: Connection) -> bool:
    """Whether the marts are there, however old."""
    built = first(connection, FILE, "marts_are_built")
    return built is not None and bool(built["marts_are_built"])


def require_built(connection: Connection) -> None:
    """Raise MartsBehind unless the marts are there, however old."""
    if not is_built(connection):
        raise MartsBehind(f"the marts are not built yet{_last_builds(connection)}", Hint(Step.BUILD))


def require_fresh(connection: Connection, today: date, tenant_ids: Sequence[str] | None = None) -> None:
    """Raise MartsBehind unless the marts know every current pull, all control data and the present UTC day.

    With tenant_ids, as far as it concerns their statements: that another tenant's was approved meanwhile does not.
    """
    require_built(connection)
    if lack(connection, today, tenant_ids):
        behind = f"the marts are older than what was pulled or changed since{_last_builds(connection)}"
        raise MartsBehind(behind, Hint(Step.BUILD))


def lack(connection: Connection, today: date, tenant_ids: Sequence[str] | None = None) -> Lack:
    """What the marts lack; with tenant_ids, as far as it concerns their statements. The marts must be built."""
    if tenant_ids is None:
        (found,) = typed(connection, Lack, FILE, "what_the_marts_lack", today=today)
    else:
        (found,) = typed(connection, Lack, FILE, "what_statements_lack", today=today, tenant_ids=list(tenant_ids))
    return found


def begin_build(connection: Connection, as_of: date, models_digest: str, staging: Sequence[str]) -> Begun:
    """Record that a build by these models begins, of which those in schema staging are named."""
    build = {"as_of": as_of, "models_digest": models_digest, "staging": list(staging)}
    (begun,) = typed(connection, Begun, FILE, "begin_build", **build)
    return begun


def end_build(connection: Connection, build_id: int, fault: str | None = None) -> None:
    """Record that a build ended, well or of a fault."""
    execute(connection, FILE, "end_build", build_id=build_id, fault=fault)


def tell_readers(connection: Connection, fault: str) -> None:
    """Say in the marts, where they can hold it, that a build failed; the next good one forgets it."""
    row = first(connection, FILE, "readers_can_be_notified")
    if row is not None and row["readers_can_be_notified"]:
        execute(connection, FILE, "tell_readers", fault=fault)


def tenants_active_between(connection: Connection, first_day: date, last_day: date) -> list[str]:
    """Tenants that are active on a day of [first_day, last_day], both included."""
    found = rows(connection, FILE, "tenants_active_between", first_day=first_day, last_day=last_day)
    return [row["tenant_id"] for row in found]


def published_tenant_days(
    connection: Connection,
    tenant_ids: Sequence[str],
    first_day: date,
    since: datetime | None,
    of_runs_before: datetime,
) -> list[PublishedDay]:
    """Published days of tenants, the latest first; closed since a moment, if given, and by runs before another."""
    reach = {"tenant_ids": list(tenant_ids), "first_day": first_day, "since": since, "of_runs_before": of_runs_before}
    return typed(connection, PublishedDay, FILE, "published_tenant_days", **reach)


@contextmanager
def standing_still(connection: Connection, patience: float = 0) -> Iterator[None]:
    """A transaction in which no build replaces the marts and no version is written: what it freezes is what it sees.

    Waits for a build, so many seconds. Nothing of the marts may have been read in this transaction before: the build
    would wait for it.
    """
    with connection.transaction():
        # Before the lock of versions: a build takes a minute.
        patiently(lambda: _hold(connection, "hold_the_marts"), patience)
        guard.lock(connection)
        yield


def hold_the_right_to_build(connection: Connection, say: Callable[[str], None]) -> None:
    """Until the session ends. While another builds it is waited for, and say is told which build that is.

    Approvals go before it: a person waits for each, and they hold the marts for tenths of a second.

    Raises:
        LockNotAvailable: it is still being built after LONGEST_BUILD_SECONDS.
    """
    tried = first(connection, FILE, "try_the_right_to_build")
    if tried is None or not tried["is_held"]:
        under_way = first(connection, FILE, "build_under_way")
        say(f"waiting for {under_way['build'] if under_way else 'a build that has just ended'}")
        patiently(lambda: _hold(connection, "hold_the_right_to_build"), LONGEST_BUILD_SECONDS)
    while _does_an_approval_wait(connection):
        execute(connection, FILE, "give_up_the_right_to_build")  # to whoever waited first; this one waits behind all
        patiently(lambda: _hold(connection, "hold_the_right_to_build"), LONGEST_BUILD_SECONDS)


def _does_an_approval_wait(connection: Connection) -> bool:
    found = first(connection, FILE, "does_an_approval_wait")
    return found is not None and bool(found["it_does"])


def _hold(connection: Connection, name: str) -> None:
    with connection.transaction():  # a lock that was not to be had leaves the rest as it is
        execute(connection, FILE, name)


def _last_builds(connection: Connection) -> str:
    """How old the marts are, and why no newer build replaced them, as far as builds were recorded."""
    row = first(connection, FILE, "last_builds")
    return f" ({row['told']})" if row is not None and row["told"] else ""
