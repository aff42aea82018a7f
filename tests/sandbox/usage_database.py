"""The platform's own database: makes agent_usage_metrics in a given Postgres and fills it."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import psycopg
from psycopg.types.json import Jsonb

TABLE = """
create table if not exists agent_usage_metrics (
    agent_id text,
    metric_type text,
    quantity numeric,
    cost_usd numeric,
    metadata jsonb,
    created_at timestamptz not null
);
create index if not exists agent_usage_metrics_by_time on agent_usage_metrics (created_at);
"""


class Row(Protocol):
    """What is written; story.MetricRow is one. A row may be as wrong as the columns let it."""

    @property
    def agent_id(self) -> str | None: ...
    @property
    def metric_type(self) -> str | None: ...
    @property
    def quantity(self) -> Decimal | None: ...
    @property
    def cost_usd(self) -> Decimal | None: ...
    @property
    def created_at(self) -> datetime: ...


def write_usage(url: str, rows: Iterable[Row]) -> None:
    """Adds the rows to agent_usage_metrics of the database, which is made if it is not there."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        columns = "agent_id, metric_type, quantity, cost_usd, metadata, created_at"
        with cursor.copy(f"copy agent_usage_metrics ({columns}) from stdin") as copy:
            for row in rows:
                copy.write_row(
                    (
                        row.agent_id,
                        row.metric_type,
                        row.quantity,
                        row.cost_usd,
                        Jsonb({"by": "sandbox"}),
                        row.created_at,
                    )
                )
