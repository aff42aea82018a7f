"""The platform's own usage metrics, read from its database: table agent_usage_metrics, read only, streamed.

agent_usage_metrics ──▶ one day's rows of the tenant's agents ──▶ rows (checked) ──▶ Reading
"""

import threading
from collections.abc import Collection
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files

from sqlalchemy import Engine, TextClause, text

from sources import database
from sources.checks.quarantine import each_named_once, refuse_another_contract
from sources.contracts import Column, Kind
from sources.day import Access, Day, Scope
from sources.errors import NotConfigured
from sources.personal import NOBODYS, Choices
from sources.reading import Reading, hash_rows
from sources.source import Account, Recount, ScopeKind, Source
from sources.usage_metrics.rows import FACTS, ROW, Rows, kept_of
from sources.window import Window

HORIZON_DAYS: int | None = None
NAME = "usage database"
BATCH = 5000
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
DAY = text(files(__package__).joinpath("day.sql").read_text())
COUNTS = text(files(__package__).joinpath("counts.sql").read_text())
UNROUTED_DAY = text(files(__package__).joinpath("unrouted_day.sql").read_text())

__all__ = [
    "HORIZON_DAYS",
    "SOURCES",
    "daily_counts",
    "kept_of",
    "open_engine",
    "read_day",
    "read_unrouted_day",
    "verify",
]


def open_engine(url: str) -> Engine:
    """The platform's database; dispose() it. ProviderRefused for an unreadable URL."""
    return database.open_engine(NAME, url)


def read_day(engine: Engine, usage_date: date, agents: Collection[str], choices: Choices) -> Reading:
    """The UTC day's rows of these agents, as the platform names them, with as much as is kept by the choices; columns
    of raw_usage_metrics.metrics. Raises SourceFailure.
    """
    return _read(engine, usage_date, DAY, agents, choices)


def read_unrouted_day(engine: Engine, usage_date: date, known_agents: Collection[str]) -> Reading:
    """The UTC day's rows of all other agents: usage that belongs to nobody, kept and reported."""
    return _read(engine, usage_date, UNROUTED_DAY, known_agents, NOBODYS)


def daily_counts(engine: Engine, window: Window) -> dict[tuple[date, str], dict[str, Decimal]]:
    """Rows, quantity and cost by UTC day and agent ('' for none), in one query. Raises SourceFailure."""
    with database.connected(NAME, engine) as connection:
        asked = {"window_start": window.start, "window_end": window.end}
        return {
            (row.usage_date, row.agent_id): {
                "rows": Decimal(row.row_count),
                "quantity": Decimal(row.quantity or 0),
                "cost": Decimal(row.cost),
            }
            for row in connection.execute(COUNTS, asked)
        }


def verify(engine: Engine) -> None:
    """Whether the table can be read. Raises SourceFailure."""
    with database.connected(NAME, engine) as connection:
        connection.execute(DAY, {"window_start": NEVER, "window_end": NEVER, "agents": []})


def _read(engine: Engine, usage_date: date, query: TextClause, agents: Collection[str], choices: Choices) -> Reading:
    window = Window.of_day(usage_date)
    rows = Rows(choices)
    with database.connected(NAME, engine) as connection:
        asked = {"window_start": window.start, "window_end": window.end, "agents": sorted(agents)}
        for row in connection.execution_options(yield_per=BATCH).execute(query, asked):
            rows.add(row.agent_id, row.metric_type, row.quantity, row.created_at, row.payload, row.cost_usd)
    odd = each_named_once(rows.odd)
    refuse_another_contract("agent_usage_metrics", odd, len(rows.agents))
    totals = {"rows": Decimal(len(rows.agents)), "quantity": Decimal(sum(rows.quantities)), "cost": rows.cost}
    return Reading(
        table=rows.table(),
        keys=frozenset(rows.keys()) | {row.item for row in odd},
        content_hash=hash_rows(rows.content()),
        is_incomplete=False,
        windows=(window,),
        requests=1,
        totals=totals,
        new_fields=frozenset(rows.new_fields),
        quarantined=odd,
    )


class _Database:
    """The platform's database, and what was counted of it: asked once for all accounts of a window."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._counted: dict[Window, dict[tuple[date, str], dict[str, Decimal]]] = {}
        self._counting = threading.Lock()

    def counted(self, window: Window) -> dict[tuple[date, str], dict[str, Decimal]]:
        with self._counting:
            if window not in self._counted:
                self._counted[window] = daily_counts(self.engine, window)
            return self._counted[window]

    def close(self) -> None:
        self.engine.dispose()


def _connect(access: Access) -> _Database:
    if not access.address:
        raise NotConfigured(f"MINUTEBOOK_{METRICS.address} is not set")
    return _Database(open_engine(access.address))


def _agents(scopes: tuple[Scope, ...]) -> frozenset[str]:
    return frozenset(scope.value for scope in scopes)


def _read_account(platform: _Database, day: Day) -> Reading:
    """A tenant's own agents; of the platform's account, all that nobody's are."""
    agents = _agents(day.attached)
    if day.tenant_id is None:
        return read_unrouted_day(platform.engine, day.usage_date, agents)
    return read_day(platform.engine, day.usage_date, agents, day.choices)


def _counts(platform: _Database, day: Day, window: Window) -> dict[date, dict[str, Decimal]]:
    counts: dict[date, dict[str, Decimal]] = {}
    agents: dict[date, frozenset[str]] = {}
    for (usage_date, agent), reported in platform.counted(window).items():
        if usage_date not in agents:
            agents[usage_date] = _agents(day.scopes.on(usage_date))
        if (agent in agents[usage_date]) is (day.tenant_id is not None):
            known = counts.setdefault(usage_date, dict.fromkeys(reported, Decimal(0)))
            for name, value in reported.items():
                known[name] += value
    return counts


METRICS = Source(
    name="usage_metrics",
    provider="usage_metrics",
    table="metrics",
    contract="usage",
    maps_in_sql=True,
    description="What the platform itself counts, by agent, in a table of its own database.",
    connect=_connect,
    read=_read_account,
    verify=lambda platform, scopes: verify(platform.engine),
    columns=(
        Column("usage_agent_id", Kind.TEXT, is_required=True),
        Column("metric_type", Kind.TEXT, is_required=True),
        Column("quantity", Kind.BIGINT, is_required=True),
        Column("recorded_at", Kind.TIMESTAMP, is_required=True),
    ),
    key=("usage_agent_id", "metric_type", "recorded_at"),
    needs_credential=False,
    account=Account.OWN,
    scope_kinds=(ScopeKind("usage_agent", column="usage_agent_id", field="agent_id"),),
    reads_rest=True,
    stored=ROW,
    facts=FACTS,
    minimised=kept_of,
    address="USAGE_DATABASE_URL",
    horizon_days=HORIZON_DAYS,
    # A quarter in a table of ours that one query counts.
    changes=Recount(_counts, days_back=92, rows="rows"),
    compared=files(__package__).joinpath("compared.sql").read_text(),
)
SOURCES = (METRICS,)
