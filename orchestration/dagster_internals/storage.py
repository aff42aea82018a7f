"""Where Dagster keeps its records: a schema of the warehouse's server."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import dagster as dg
import psycopg2
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import create_pg_engine
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from warehouse.database.connect import startup_options, with_options
from warehouse.database.limits import OF_DAGSTER, OF_THE_NETWORK
from warehouse.database.session import Session
from warehouse.security.process_logins import dagster_url

SCHEMA = "dagster"
_SEARCH_PATH = f"-csearch_path={SCHEMA}"
_OF_ASSETS = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED}


@event.listens_for(Engine, "do_connect")
def _in_its_own_schema(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> Any:
    """Dagster's connections look names up in its schema, and in no other, within bounds: a pooler may drop options."""
    options = parameters.get("options", "")
    if _SEARCH_PATH not in options:
        return None
    place, without = (parameters["host"], parameters.get("port")), options.replace(_SEARCH_PATH, "").strip()
    session = Session(search_path=SCHEMA, limits=OF_DAGSTER)
    ours = f"{without} {startup_options(session)}".strip()
    opened = with_options(
        place, ours, without, lambda own: psycopg2.connect(**{**OF_THE_NETWORK, **parameters, "options": own})
    )
    with opened as connection, connection.cursor() as cursor:
        session.establish(cursor)
    return opened


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
        return cls(storage_url(config_value["postgres_url"]), inst_data)


def storage_url(url: str) -> str:
    """The address of Dagster's storage on the server of this URL. `dagster.yaml` reads it from MINUTEBOOK_DAGSTER_URL.

    The driver is named: with psycopg 3, the default of newer SQLAlchemy, dagster-postgres fails on every event. An
    address of this kind stays as it is.
    """
    address = make_url(dagster_url(url)).set(drivername="postgresql+psycopg2")
    given = address.query.get("options", "")
    parts = [given] if isinstance(given, str) else [*given]
    options = " ".join(parts if any(_SEARCH_PATH in part for part in parts) else [*parts, _SEARCH_PATH]).strip()
    address = address.update_query_dict({"options": options})
    return address.render_as_string(hide_password=False).replace("+-c", "%20-c")
