"""Whether the marts know everything: what was pulled, what was changed, what day it is.

Owns no table; what should be is compared with what is, and no watermark is kept.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from warehouse.control import guard
from warehouse.database.errors import WarehouseError
from warehouse.database.limits import HOUR
from warehouse.database.queries import Connection, execute, first
from warehouse.database.waiting import patiently
from warehouse.finding import Hint, Step

LONGEST_BUILD_SECONDS = 2 * HOUR


class MartsBehind(WarehouseError):
    """The marts are not built, or older than control data, pulls or the day."""


def is_built(connection: Connection) -> bool:
    """Whether the marts are there, however old."""
    built = first(connection, "statements/freshness", "marts_are_built")
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
    if tenant_ids is None:
        lack = first(connection, "statements/freshness", "what_the_marts_lack", today=today)
    else:
        lack = first(
            connection, "statements/freshness", "what_statements_lack", today=today, tenant_ids=list(tenant_ids)
        )
    if lack is not None and (lack["pulls_not_built"] or lack["is_control_newer"] or lack["is_day_newer"]):
        behind = f"the marts are older than what was pulled or changed since{_last_builds(connection)}"
        raise MartsBehind(behind, Hint(Step.BUILD))


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

    Raises:
        LockNotAvailable: it is still being built after LONGEST_BUILD_SECONDS.
    """
    tried = first(connection, "statements/freshness", "try_the_right_to_build")
    if tried is None or not tried["is_held"]:
        under_way = first(connection, "statements/freshness", "build_under_way")
        say(f"waiting for {under_way['build'] if under_way else 'a build that has just ended'}")
        patiently(lambda: _hold(connection, "hold_the_right_to_build"), LONGEST_BUILD_SECONDS)


def _hold(connection: Connection, name: str) -> None:
    with connection.transaction():  # a lock that was not to be had leaves the rest as it is
        execute(connection, "statements/freshness", name)


def _last_builds(connection: Connection) -> str:
    """How old the marts are, and why no newer build replaced them, as far as builds were recorded."""
    row = first(connection, "statements/freshness", "last_builds")
    return f" ({row['told']})" if row is not None and row["told"] else ""
