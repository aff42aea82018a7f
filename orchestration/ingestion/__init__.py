"""Pulling: from tenant-days somebody asks for to published pulls. Used by the Dagster assets and by the command line.

    TenantDay ──planning──▶ AccountDay ──reading──▶ Reading ──landing──▶ raw + ledger ──▶ PullOutcome

Owns the order of things: who is read, once, by whom, and that each account-day ends in the ledger on its own. Does
not own how a provider is asked (`sources/`), how rows land or what the ledger promises (`warehouse/`), nor what a
call means or whose it is (`dbt_project/`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import psycopg

from orchestration.ingestion.adopting import StoredReaders, adopted_days
from orchestration.ingestion.counting import count_campaigns
from orchestration.ingestion.doubts import Doubt, Doubts
from orchestration.ingestion.landing import Landing
from orchestration.ingestion.late_changes.recounting import recounted
from orchestration.ingestion.late_changes.restating import restated
from orchestration.ingestion.late_changes.settling import settled
from orchestration.ingestion.outcomes import AccountDay, PullOutcome, PullState, PullTrigger, TenantDay
from orchestration.ingestion.planning import DayNotOver, Plan, plan
from orchestration.ingestion.reading import Readers
from orchestration.ingestion.routing import Routing
from orchestration.ingestion.running import PullRun
from orchestration.ingestion.waiting import work
from orchestration.installing import ensure_registered
from orchestration.operations import tracing
from orchestration.settings import Settings
from sources.registry import horizons, source_named
from sources.source import NIGHT_DAYS
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.database.errors import DatabaseUnreachable
from warehouse.ingestion import retry_schedule
from warehouse.ingestion import today as todays
from warehouse.ingestion.pulls import open_attempt
from warehouse.sources.rate_limits import Pacing

__all__ = [
    "AccountDay",
    "DayNotOver",
    "PullOutcome",
    "PullState",
    "PullTrigger",
    "TenantDay",
    "adopt",
    "pull",
    "pull_again",
    "pull_today",
]


def pull(
    url: str,
    settings: Settings,
    requests: Iterable[TenantDay],
    sources: Collection[str],
    trigger: PullTrigger,
    *,
    run_id: str | None = None,
    accept_loss: bool = False,
    accept_count: bool = False,
    accept_cost: bool = False,
    accept_unconfirmed: bool = False,
    is_forced: bool = False,
    done_in_runs: Collection[str] = (),
    on_progress: Callable[[PullOutcome], None] | None = None,
    today: date | None = None,
) -> list[PullOutcome]:
    """Read, land and publish these tenant-days of these sources; each ends well or fails on its own.

    Every requested tenant-day and source gives exactly one outcome, passed to `on_progress` once settled, from
    the calling thread; besides, one outcome without a tenant for each account-day read for usage that routes to nobody.
    The night also pulls older days that changed, as far as their source lets that be noticed, and reports these too.

    `accept_loss`, `accept_count`, `accept_cost` and `accept_unconfirmed` settle that one doubt (`Doubt`). `is_forced`
    lands and publishes days again although nothing that is billed changed: with what their tenants have chosen to keep
    since.
    `done_in_runs` are earlier runs of the same work: what they finished is not read again. `today` (UTC) decides which
    days are over and which the provider may have forgotten; default: the clock.

    Raises DayNotOver before anything is read, and WarehouseError when the database itself fails; never for one day's
    sake.
    """
    now = clock.now()
    today = today or now.date()
    flags = {
        Doubt.LOSS: accept_loss,
        Doubt.COUNT: accept_count,
        Doubt.COST: accept_cost,
        Doubt.UNCONFIRMED: accept_unconfirmed,
    }
    accept = [doubt for doubt, is_accepted in flags.items() if is_accepted]
    ensure_registered(url)
    actor = settings.actor if trigger is PullTrigger.CLI else f"pull by {trigger}"
    outcomes, settle = _told_to(on_progress)
    with connect(url, Role.LOADER, actor=actor, autocommit=True) as connection:

        def planned(days: Iterable[TenantDay], of: Collection[str]) -> Plan:
            return plan(connection, days, of, trigger, today, done_in_runs, settings)

        asked = list(requests)
        asked_tenants = {day.tenant_id for day in asked}
        wanted = planned(asked, sources)
        for outcome in wanted.settled:
            settle(outcome)
        if not wanted.account_days:
            return outcomes
        opened = _opened(url, connection, settings, trigger, run_id, today, accept, settle, is_forced=is_forced)
        with opened as (readers, run):
            days = wanted.account_days
            if trigger is PullTrigger.SCHEDULE:
                older = restated(connection, readers, days, now)
                for outcome in older.failed:
                    settle(outcome)
                differing, uncounted = recounted(connection, readers, days)
                for outcome in uncounted:
                    settle(outcome)
                again = differing | older.account_days | looked_back(days, today) | settled(connection, days, today)
                dates = {usage_date for _, _, usage_date in again}
                more = planned(
                    (TenantDay(tenant, day) for tenant in asked_tenants for day in dates),
                    sorted({source for source, _, _ in again}),
                )
                days += tuple(day for day in more.account_days if (day.source, day.account, day.usage_date) in again)
            work(connection, run, days, settle, is_forced=is_forced)
            count_campaigns(connection, readers, days, now)
    return outcomes


def pull_again(
    url: str,
    settings: Settings,
    *,
    run_id: str | None = None,
    on_progress: Callable[[PullOutcome], None] | None = None,
    now: datetime | None = None,
) -> list[PullOutcome]:
    """Pull every account-day that is due again (`warehouse.ingestion.retry_schedule`).

    What is not due at `now` (default: the clock) is left alone. Outcomes and errors as of `pull`.
    """
    now = now or clock.now()
    outcomes, settle = _told_to(on_progress)
    with connect(url, Role.LOADER, actor="pull again", autocommit=True) as connection:
        days = [
            AccountDay(day.key.source, day.key.account, day.key.usage_date, day.tenants)
            for day in retry_schedule.account_days(connection, now, horizons())
            if day.due_at <= now
        ]
        if days:
            opened = _opened(url, connection, settings, PullTrigger.SCHEDULE, run_id, now.date(), (), settle)
            with opened as (_, run):
                work(connection, run, days, settle)
    return outcomes


def pull_today(url: str, settings: Settings, *, run_id: str | None = None) -> list[PullOutcome]:
    """Read the day in progress of each account whose tenants chose so and whose last reading is old enough
    (`warehouse.ingestion.today`). Outcomes and errors as of `pull`.
    """
    in_progress = clock.today()
    outcomes, settle = _told_to(None)
    ensure_registered(url)
    with connect(url, Role.LOADER, actor="pull by today", autocommit=True) as connection:
        days = [AccountDay(*day) for day in todays.due(connection, in_progress)]
        if days:
            opened = _opened(url, connection, settings, PullTrigger.TODAY, run_id, in_progress, (), settle)
            with opened as (_, run):
                work(connection, run, days, settle)
    return outcomes


def adopt(
    url: str, settings: Settings, source: str, tenant_id: str | None, row_ids: Sequence[str], reason: str
) -> tuple[list[PullOutcome], int]:
    """Let reports of rows that their provider lists no more be rows of their days: how each day ended, and how many
    rows were not adopted before. Safe to repeat. Raises HookRefused, and as `pull`.
    """
    outcomes, settle = _told_to(None)
    ensure_registered(url)
    with connect(url, Role.OPERATOR, actor=settings.actor, autocommit=True) as operator:
        days, new = adopted_days(operator, source, tenant_id, row_ids, reason)
    with connect(url, Role.LOADER, actor=settings.actor, autocommit=True) as connection:
        today, cli = clock.today(), PullTrigger.CLI
        opened = _opened(url, connection, settings, cli, None, today, (), settle, asked=StoredReaders)
        with opened as (_, run):
            for day, reader in run.work(days).items():
                why = {"cause_code": "being_read", "cause": f"{reader}; adopt again afterwards", "is_permanent": False}
                for outcome in day.outcomes(PullState.FAILED, **why):
                    settle(outcome)
    return outcomes, new


def looked_back(days: Collection[AccountDay], today: date) -> frozenset[tuple[str, str, date]]:
    """Source, account and date of days that the night does not read anyway, and whose source is final later."""
    return frozenset(
        (day.source, day.account, today - timedelta(days=back))
        for day in days
        for back in range(NIGHT_DAYS + 1, source_named(day.source).look_back_days + 1)
    )


def _told_to(
    on_progress: Callable[[PullOutcome], None] | None,
) -> tuple[list[PullOutcome], Callable[[PullOutcome], None]]:
    outcomes: list[PullOutcome] = []

    def settle(outcome: PullOutcome) -> None:
        outcomes.append(outcome)
        if on_progress is not None:
            on_progress(outcome)

    return outcomes, settle


@contextmanager
def _opened(
    url: str,
    connection: psycopg.Connection[Any],
    settings: Settings,
    trigger: PullTrigger,
    run_id: str | None,
    today: date,
    accept: Collection[Doubt],
    settle: Callable[[PullOutcome], None],
    *,
    is_forced: bool = False,
    asked: type[Readers] = Readers,
) -> Iterator[tuple[Readers, PullRun]]:
    """An attempt and all it needs: whom to ask, and the run itself, which lands over a connection of its own.

    A server that goes away while they are in use is a DatabaseUnreachable, as one that was never there.
    """
    try:
        with (
            tracing.span("pull", trigger=trigger, run=run_id),
            open_attempt(url, trigger, run_id) as attempt,
            connect(url, Role.LOADER, actor=f"pull by {trigger}", autocommit=True) as pacing_connection,
            asked(connection, settings, Routing.load(connection), Pacing(pacing_connection), url) as readers,
            connect(url, Role.LOADER, actor=f"pull by {trigger}", autocommit=True) as landing_connection,
        ):
            landing = Landing(url, landing_connection, settings.home, is_forced=is_forced)
            yield readers, PullRun(connection, attempt, readers, landing, Doubts(connection, today, accept), settle)
    except psycopg.OperationalError as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise DatabaseUnreachable(
            f"The database failed while days were pulled ({said}). What was published stays; pull the others again."
        ) from None
