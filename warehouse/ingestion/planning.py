"""What control and the ledger say before days are read: accounts, scopes, choices, and what is done already.

Owns no table; `discard_landed` alone writes, through a function that leaves published pulls alone.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple

from warehouse.database.queries import Connection, execute, first, typed

FILE = "ingestion/planning"


class TenantDayAccount(NamedTuple):
    """The account that a tenant uses of a source on a UTC day; None where it uses nothing of it."""

    tenant_id: str
    usage_date: date
    source: str
    account: str | None
    is_known: bool
    is_active: bool


class ScopeVersion(NamedTuple):
    """Whose a provider's id is in [valid_from, valid_to), None for good."""

    kind: str
    value: str
    environment: str | None
    tenant_id: str
    valid_from: date
    valid_to: date | None


class PersonalChoices(NamedTuple):
    """What a tenant chose to have stored, each as `sources.personal.Keep` names it."""

    tenant_id: str
    phone_numbers: str
    transcripts: str
    recordings: str


class DonePull(NamedTuple):
    """The last good pull of an account-day."""

    source: str
    account: str
    usage_date: date
    pull_id: int
    is_incomplete: bool
    row_count: int


def tenant_day_accounts(
    connection: Connection, tenant_days: Sequence[tuple[str, date]], sources: Collection[str]
) -> list[TenantDayAccount]:
    """One row per asked tenant-day and source."""
    asked = {"tenant_ids": [tenant for tenant, _ in tenant_days], "usage_dates": [day for _, day in tenant_days]}
    return typed(connection, TenantDayAccount, FILE, "tenant_day_accounts", sources=list(sources), **asked)


def has_platform_credential(connection: Connection, provider: str) -> bool:
    """Whether the platform has a credential of the provider's."""
    row = first(connection, FILE, "has_platform_credential", provider=provider)
    return row is not None and bool(row["has_one"])


def scopes(connection: Connection) -> list[ScopeVersion]:
    """Every version of what a tenant is known by at a provider."""
    return typed(connection, ScopeVersion, FILE, "scopes")


def personal_choices(connection: Connection) -> list[PersonalChoices]:
    """The choices of the tenants that made one."""
    return typed(connection, PersonalChoices, FILE, "personal_choices")


def done_in_runs(connection: Connection, run_ids: Collection[str], sources: Collection[str]) -> list[DonePull]:
    """The last good pull of each account-day by the attempts of these runs."""
    return typed(connection, DonePull, FILE, "done_in_runs", run_ids=list(run_ids), sources=list(sources))


def discard_landed(connection: Connection, raw_table: str, pull_ids: Sequence[int]) -> None:
    """Take back the rows that pulls landed in `raw_<provider>.<source>`; those of a published pull stay."""
    execute(connection, FILE, "discard_landed", raw=raw_table, pull_ids=list(pull_ids))
