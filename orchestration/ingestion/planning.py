"""From the tenant-days somebody asked for to the account-days to be read."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from orchestration.ingestion.outcomes import AccountDay, PullOutcome, PullState, PullTrigger, TenantDay
from orchestration.settings import Settings
from sources.contracts import COSTS
from sources.day import PLATFORM
from sources.registry import source_named
from sources.source import Account, Source
from warehouse import words
from warehouse.ingestion import planning


class DayNotOver(ValueError):
    """A usage date was asked for that has not ended (UTC): its answer could not be complete."""


@dataclass(frozen=True)
class Plan:
    """What to read, oldest day first, and the tenant-days that are settled without reading."""

    account_days: tuple[AccountDay, ...]
    settled: tuple[PullOutcome, ...]


def plan(
    connection: psycopg.Connection[Any],
    requests: Iterable[TenantDay],
    sources: Collection[str],
    trigger: PullTrigger,
    today: date,
    done_in_runs: Collection[str],
    settings: Settings,
) -> Plan:
    """Group tenant-days to account-days by `control.tenant_sources`; each account-day is read once for all that share
    it.

    The night leaves out tenants that are not active on the day itself; a person may pull them. Beside the tenants'
    days, what routes to nobody is read too: of a source that has a rest, wherever the source is read; and a shared
    account by the night, and of a source of costs by a person, even where no scope of it is attached. Raises
    DayNotOver.
    """
    asked = sorted(set(requests))
    if late := [day for day in asked if day.usage_date >= today]:
        raise DayNotOver(
            f"{words.day(late[0].usage_date)} is not over yet (UTC): ask for days before {words.day(today)}"
        )
    rows = planning.tenant_day_accounts(connection, [(day.tenant_id, day.usage_date) for day in asked], sources)
    shared: dict[tuple[str, str, date], list[str]] = defaultdict(list)
    settled: list[PullOutcome] = []
    for tenant_id, usage_date, source, account, is_known, is_active in rows:
        if not is_known:
            settled.append(_unknown(tenant_id, usage_date, source))
        elif account is None:
            settled.append(PullOutcome(tenant_id, usage_date, source, None, PullState.NOT_USED))
        elif trigger is PullTrigger.SCHEDULE and not is_active:
            settled.append(PullOutcome(tenant_id, usage_date, source, account, PullState.NOT_ACTIVE))
        else:
            shared[source, account, usage_date].append(tenant_id)
    for usage_date in sorted({day.usage_date for day in asked}):
        for source in _unrouted(connection, sources, trigger, settings):
            shared.setdefault((source, PLATFORM, usage_date), [])
    done = _done(connection, sources, done_in_runs)
    days = []
    for key, tenants in shared.items():
        day = AccountDay(*key, tenants=tuple(sorted(tenants)))
        if key in done:
            settled.extend(day.outcomes(PullState.ALREADY_DONE, **done[key]))
        else:
            days.append(day)
    days.sort(key=lambda day: (day.usage_date, day.source, day.account))
    return Plan(tuple(days), tuple(settled))


def _done(
    connection: psycopg.Connection[Any], sources: Collection[str], run_ids: Collection[str]
) -> dict[tuple[str, str, date], dict[str, Any]]:
    """What earlier attempts of the same work brought to a good end: pull, rows and completeness by account-day."""
    if not run_ids:
        return {}
    return {
        (done.source, done.account, done.usage_date): {
            "pull_id": done.pull_id, "is_incomplete": done.is_incomplete, "rows": done.row_count,
        }
        for done in planning.done_in_runs(connection, run_ids, sources)
    }  # fmt: skip


def _unrouted(
    connection: psycopg.Connection[Any],
    sources: Collection[str],
    trigger: PullTrigger,
    settings: Settings,
) -> list[str]:
    """Sources whose platform account is read although nobody asked for it: usage of nobody is money lost."""
    return [
        source.name
        for source in map(source_named, sources)
        if (source.reads_rest and source.address in settings.addresses)
        or (
            source.account is Account.SHARED
            and source.needs_credential
            and _reads_whole(source, trigger)
            and planning.has_platform_credential(connection, source.provider)
        )
    ]


def _reads_whole(source: Source, trigger: PullTrigger) -> bool:
    """Whether the platform's account is read though no tenant asked has a scope in it: by the night; and a bill by a
    person too, for whose calls are on it is seen in the marts alone.
    """
    return trigger is PullTrigger.SCHEDULE or (source.contract == COSTS.name and trigger is PullTrigger.CLI)


def _unknown(tenant_id: str, usage_date: date, source: str) -> PullOutcome:
    return PullOutcome(
        tenant_id,
        usage_date,
        source,
        None,
        PullState.FAILED,
        cause_code="unknown_tenant",
        cause=f"there is no tenant {tenant_id!r}; see `minutebook tenant list`",
        is_permanent=True,
    )
