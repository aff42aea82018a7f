"""Where Dagster itself keeps its records: a schema of the warehouse's server, configured by `dagster.yaml`; and who
waits for whom in its queue.

by hand     a backfill, a re-execution, a single day   two at once, of them one backfill
the night   and its retries                            nobody by hand can hold what they need; first in the queue
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import dagster as dg
import psycopg2
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.events.log import EventLogEntry
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import create_pg_engine
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from warehouse.database.connect import with_options
from warehouse.database.session import Session
from warehouse.security.process_logins import dagster_url

# dagster.yaml and workspace.yaml lie at the root of a checkout, and inside this package where it is installed.
CONFIGURATION = next(folder for folder in Path(__file__).parents if (folder / "dagster.yaml").exists())
SCHEMA = "dagster"
_SEARCH_PATH = f"-csearch_path={SCHEMA}"
LANE = "minutebook/lane"
ANSWER_SECONDS, ASKED_TIMES = 10, 3
BY_HAND = "by hand"
FIRST_IN_THE_QUEUE = {"dagster/priority": "10"}


class LanesOfPulls(QueuedRunCoordinator):
    """Dagster's queue; what pulls usage and no schedule asked for is marked, so that `dagster.yaml` can bound it.

    Dagster itself marks only backfills, and no longer their runs when those are executed again later.
    """

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        # Nothing but raw usage is partitioned.
        if run.is_partitioned and "dagster/schedule_name" not in run.tags:
            self._instance.add_run_tags(run.run_id, {LANE: BY_HAND})
        return super().submit_run(context)


_OF_ASSETS = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED}
EVENTS_AT_ONCE = 500


class RunsOnThisMachine(DefaultRunLauncher):
    """Dagster's own launcher, which can tell whether a run's process is still there.

    Without it a run whose `minutebook up` was killed, or whose machine went down, counts as started for good, and holds
    its place in a pool.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Ask the code server that launched it; only one that is gone, or knows nothing of the run, says it died."""
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "it was not launched, or has ended")
        for _ in range(ASKED_TIMES):
            try:
                answer = client.can_cancel_execution(
                    CanCancelExecutionRequest(run_id=run.run_id), timeout=ANSWER_SECONDS
                )
            except DagsterUserCodeUnreachableError as error:
                if "UNAVAILABLE" not in str(error):  # there, and too busy to answer
                    return CheckRunHealthResult(WorkerStatus.RUNNING, str(error))
                time.sleep(1)
            else:
                is_known = deserialize_value(answer, CanCancelExecutionResult).can_cancel
                return CheckRunHealthResult(WorkerStatus.RUNNING if is_known else WorkerStatus.FAILED)
        return CheckRunHealthResult(WorkerStatus.FAILED, "the code server that launched it is gone")


@event.listens_for(Engine, "do_connect")
def _in_its_own_schema(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> Any:
    """Dagster's connections look names up in its schema, and in no other: a pooler may drop the option that asks so."""
    options = parameters.get("options", "")
    if _SEARCH_PATH not in options:
        return None
    place, without = (parameters["host"], parameters.get("port")), options.replace(_SEARCH_PATH, "").strip()
    connection = with_options(place, options, without, lambda own: psycopg2.connect(**parameters | {"options": own}))
    with connection, connection.cursor() as cursor:
        Session(search_path=SCHEMA).establish(cursor)
    return connection


def _kind(event: EventLogEntry) -> dg.DagsterEventType | None:
    """The type of an event about an asset; None of all others."""
    return event.dagster_event_type if _asset(event) is not None else None


def _asset(event: EventLogEntry) -> dg.AssetKey | None:
    return event.dagster_event.asset_key if event.dagster_event is not None else None


class OpenEventLog(PostgresEventLogStorage):
    """Dagster's events in Postgres, written over a connection that stays open; those of assets in one transaction each,
    and what a run plans, an event for each tenant-day and source, many at a time.

    dagster-postgres opens two connections for every event, each with the handshake of a password: a third of a night's
    own processor time. One is held per process, more only while several threads write; one that broke is replaced.
    """

    def __init__(self, postgres_url: str, should_autocreate_tables: bool = True) -> None:
        super().__init__(postgres_url, should_autocreate_tables)
        self._engine = create_pg_engine(
            postgres_url, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=-1, pool_pre_ping=True
        )

    def store_event(self, event: EventLogEntry) -> None:
        """As dagster-postgres does, but for the notification that Dagster no longer listens to."""
        if _kind(event) in _OF_ASSETS:
            self._store_together([event])
        else:
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Dagster asks for this where DAGSTER_EVENT_BATCH_SIZE is set, and falls back to one by one if it fails."""
        if all(_kind(event) in _OF_ASSETS for event in events):
            self._store_together(events)
        else:
            super().store_event_batch(events)

    def _store_together(self, events: Sequence[EventLogEntry]) -> None:
        insert = self.prepare_insert_event_batch(events).returning(SqlEventLogStorageTable.c.id)
        with self.index_transaction() as connection:
            ids = [row[0] for row in connection.execute(insert)]
            self._store_asset_event_tags(connection, events, ids)
            # An asset remembers the last of its events.
            for event, event_id in {_asset(event): (event, ids[at]) for at, event in enumerate(events)}.values():
                self._store_asset_event(connection, event, event_id)

    def dispose(self) -> None:
        super().dispose()
        self._engine.dispose()


class Storage(DagsterPostgresStorage):
    """All of Dagster's records in Postgres, its events by an OpenEventLog."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        self._event_log_storage = OpenEventLog(postgres_url)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"postgres_url": dg.StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(config_value["postgres_url"], inst_data)


def storage_url(url: str) -> str:
    """The address of Dagster's storage on the server of this URL. `dagster.yaml` reads it from MINUTEBOOK_DAGSTER_URL.

    The driver is named: with psycopg 3, the default of newer SQLAlchemy, dagster-postgres fails on every event.
    """
    address = make_url(dagster_url(url)).set(drivername="postgresql+psycopg2")
    given = address.query.get("options", "")
    options = " ".join([*([given] if isinstance(given, str) else given), _SEARCH_PATH]).strip()
    address = address.update_query_dict({"options": options})
    return address.render_as_string(hide_password=False).replace("+-c", "%20-c")


def environment(url: str, home: Path) -> dict[str, str]:
    """What Dagster's processes need beside the deployment's own variables; its home folder is made and configured."""
    folder = home.absolute() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CONFIGURATION / "dagster.yaml", folder / "dagster.yaml")
    return {
        "DAGSTER_EVENT_BATCH_SIZE": str(EVENTS_AT_ONCE),
        "DAGSTER_HOME": str(folder),
        "MINUTEBOOK_DAGSTER_URL": storage_url(url),
        "MINUTEBOOK_HOME": str(home.absolute()),
    }
