"""The nouns of a pull run: what is asked for, what is read, and how each ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sources.day import PLATFORM
from warehouse.ingestion.pulls import PullKey


class PullTrigger(StrEnum):
    """Who asked: the night, a backfill in the UI, a person at the command line, or the clock, for today."""

    SCHEDULE = "schedule"
    BACKFILL = "backfill"
    CLI = "cli"
    TODAY = "today"


class PullState(StrEnum):
    """How one tenant-day of one source ended. Everything but FAILED is a good end."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    ALREADY_DONE = "already done"  # by an earlier attempt of this very run, or meanwhile by another that was reading it
    NOT_USED = "not used"  # the tenant has nothing of this source that day
    NOT_ACTIVE = "not active"  # the night does not pull a tenant that is paused, closed or not yet active that day
    FAILED = "failed"


@dataclass(frozen=True, order=True)
class TenantDay:
    """One tenant's UTC day: what a person asks for."""

    tenant_id: str
    usage_date: date


@dataclass(frozen=True)
class PullOutcome:
    """How one tenant-day of one source ended. `rows` counts the whole account-day; totals are the answer's own.

    `tenant_id` is None for an account-day that no tenant asked for (what routes to nobody). `accepted`: which doubts of
    it a person accepted with this pull, with their figures.
    """

    tenant_id: str | None
    usage_date: date
    source: str
    account: str | None
    state: PullState
    rows: int = 0
    pull_id: int | None = None
    is_incomplete: bool = False
    requests: int = 0
    windows: int = 0
    totals: Mapping[str, Decimal] = field(default_factory=dict)
    provider_totals: Mapping[str, Decimal] | None = None
    cause_code: str | None = None
    cause: str | None = None
    is_permanent: bool | None = None
    accepted: str | None = None

    @property
    def is_failed(self) -> bool:
        """Whether somebody has to look at it."""
        return self.state is PullState.FAILED

    @property
    def is_read(self) -> bool:
        """Whether there was anything to read: the tenant used the source that day, and was active."""
        return self.state not in (PullState.NOT_USED, PullState.NOT_ACTIVE)

    def __str__(self) -> str:
        who = self.tenant_id or "unattributed"
        why = f": {self.cause or self.accepted}" if self.cause or self.accepted else ""
        return f"{who} {self.usage_date} {self.source} {self.state}{why}"


@dataclass(frozen=True)
class AccountDay:
    """One provider account's UTC day: what is read once, whoever shares the account.

    `account` is a tenant's id or 'platform'. `tenants` are those that asked for it; none, when it is read only for what
    routes to nobody.
    """

    source: str
    account: str
    usage_date: date
    tenants: tuple[str, ...]

    @property
    def tenant_id(self) -> str | None:
        """The tenant that owns the account; None for the platform's."""
        return None if self.account == PLATFORM else self.account

    @property
    def key(self) -> PullKey:
        """The ledger's name of this day."""
        return PullKey(self.source, self.account, self.tenant_id, self.usage_date)

    def outcomes(self, state: PullState, **facts: Any) -> list[PullOutcome]:
        """How the day ended, for each tenant that asked; for nobody, where none did."""
        asked: tuple[str | None, ...] = self.tenants or (None,)
        return [PullOutcome(tenant, self.usage_date, self.source, self.account, state, **facts) for tenant in asked]

    def __str__(self) -> str:
        return f"{self.source} of {self.account} on {self.usage_date}"
