"""dlt's Postgres destination, each of whose connections, ADBC's too, acts as its role: asked for, and read back."""

from typing import Any

import psycopg2
from dlt.common.destination import PreparedTableSchema
from dlt.common.destination.client import LoadJob
from dlt.destinations import postgres
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresParquetCopyJob
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

from warehouse.database.connect import Role, url_as
from warehouse.database.session import Session


def acting(url: str, role: Role) -> postgres:
    """The destination at url whose sessions are the role's."""
    session = Session(role.value)

    class Statements(Psycopg2SqlClient):
        def open_connection(self) -> Any:
            self._conn = psycopg2.connect(self.credentials.to_native_representation())
            self._reset_connection()
            with self._conn.cursor() as cursor:
                session.establish(cursor)
            return self._conn

    class Copy(PostgresParquetCopyJob):
        def _connect(self) -> Any:
            connection = super()._connect()
            try:
                with connection.cursor() as cursor:
                    session.establish(cursor)
            except BaseException:
                connection.close()
                raise
            return connection

    class Client(PostgresClient):
        def __init__(self, schema: Any, config: Any, capabilities: Any) -> None:
            super().__init__(schema, config, capabilities)
            names = self.sql_client.dataset_name, self.sql_client.staging_dataset_name
            self.sql_client = Statements(*names, config.credentials, capabilities)

        def create_load_job(
            self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
        ) -> LoadJob:
            job = super().create_load_job(table, file_path, load_id, restore)
            return Copy(file_path) if isinstance(job, PostgresParquetCopyJob) else job

    class Destination(postgres):
        @property
        def client_class(self) -> type[PostgresClient]:
            return Client

    return Destination(url_as(url, role), destination_name="postgres")
