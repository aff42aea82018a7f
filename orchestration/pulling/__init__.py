"""Pulling: from tenant-days somebody asks for to published pulls. Used by the Dagster assets and by the command line.

    TenantDay ──planning──▶ AccountDay ──reading──▶ Reading ──landing──▶ raw + ledger ──▶ PullOutcome

It owns the order of things: who is read, once, by whom, and that each account-day ends in the ledger on its own. It
does not own how a provider is asked (`sources/`), how rows land or what the ledger promises (`warehouse/`), nor what a
call means or whose it is (`dbt_project/`).
"""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime

from orchestration.pulling.landing import Landing
from orchestration.pulling.outcomes import AccountDay, PullOutcome, PullState, PullTrigger, TenantDay
from orchestration.pulling.planning import DayNotOver, plan
from orchestration.pulling.reading import Readers
from orchestration.pulling.routing import Routing
from orchestration.pulling.running import PullRun
from orchestration.settings import Settings
from warehouse.connect import Role, connect
from warehouse.pulls import open_attempt

__all__ = ["AccountDay", "DayNotOver", "PullOutcome", "PullState", "PullTrigger", "TenantDay", "pull"]


def pull(
    url: str,
    settings: Settings,
    requests: Iterable[TenantDay],
    sources: Collection[str],
    trigger: PullTrigger,
    *,
    run_id: str | None = None,
    accept_loss: bool = False,
    done_in_runs: Collection[str] = (),
    on_progress: Callable[[PullOutcome], None] | None = None,
    today: date | None = None,
) -> list[PullOutcome]:
    """Read, land and publish these tenant-days of these sources; each ends well or fails on its own.

    Every asked tenant-day and source gives exactly one outcome, told to `on_progress` as soon as it is settled, from
    the calling thread; besides, one outcome without a tenant for each account-day read for usage that routes to nobody.

    `accept_loss` publishes days older than the provider remembers although rows are gone. `done_in_runs` are earlier
    runs of the same work: what they finished is not read again. `today` (UTC) decides which days are over and which the
    provider may have forgotten; default: the clock.

    Raises DayNotOver before anything is read, and WarehouseError when the database itself fails; never for one day's
    sake.
    """
    today = today or datetime.now(UTC).date()
    outcomes: list[PullOutcome] = []

    def settle(outcome: PullOutcome) -> None:
        outcomes.append(outcome)
        if on_progress is not None:
            on_progress(outcome)

    with connect(url, Role.LOADER, actor=f"pull by {trigger}", autocommit=True) as connection:
        planned = plan(connection, requests, sources, trigger, today, done_in_runs, bool(settings.usage_database_url))
        for outcome in planned.settled:
            settle(outcome)
        if planned.account_days:
            with (
                open_attempt(url, trigger, run_id) as attempt,
                Readers(connection, settings, Routing.load(connection)) as readers,
                connect(url, Role.LOADER, actor=f"pull by {trigger}", autocommit=True) as landing_connection,
            ):
                landing = Landing(url, landing_connection, settings.home)
                PullRun(connection, attempt, readers, landing, today, accept_loss, settle).work(planned.account_days)
    return outcomes
