"""What a source is: one kind of data of a provider, declared once. Everything outside `sources/` works from this."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from sources.checks.allowed import Allowed
from sources.contracts import CONTRACTS, Column
from sources.day import Access, Day, Scope
from sources.hooks import Hook
from sources.personal import Choices, Document, minimised
from sources.reading import Reading
from sources.source.declared import LAST_DAY_OF_ALL_MONTHS, SETTING_OF_ALL, faults_of
from sources.source.discovery import Campaign, Held
from sources.window import Window

NIGHT_DAYS = 3
"""Days that the night reads of every source, ending yesterday."""

Client: TypeAlias = Any
"""What `connect` gives: shared by the threads of a run and by the provider's other sources; it has `close()`."""
Counts: TypeAlias = Mapping[date, Mapping[str, Decimal]]


class InvalidSource(ValueError):
    """A declaration that cannot be right; the message names the source and the fault."""


@dataclass(frozen=True)
class Setting:
    """A setting whose value is a text: what it means, and the regular expression that the whole of it fits."""

    meaning: str
    form: str
    is_required: bool = False


class Account(StrEnum):
    """Whose account a tenant's days are read from.

    SHARED: the tenant's own where it has a credential, from the day it is used on; else the platform's, where a scope
    of the tenant's is attached. OWN: always the tenant's, on the days on which a scope is attached. PUSHED: the
    tenant's, on the days of which something was pushed to us; such a source reads our own database.
    """

    SHARED = "shared"
    OWN = "own"
    PUSHED = "pushed"


@dataclass(frozen=True)
class ScopeKind:
    """An id by which a row finds its tenant. `column` of the raw table holds it, or `field` of its payload, or the
    contract's `scopes`, where neither is named. `is_of_one_row`: it is the row's own id, attached for one day by hand.
    `live_environments`: it holds several environments, of which a tenant's scope names one; the first is the default,
    and what runs in a scope that names another is a test. None: it has none.
    """

    name: str
    column: str | None = None
    field: str | None = None
    is_of_one_row: bool = False
    live_environments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Updates:
    """The provider reports what it changed: `changed_days(client, updated, before)` gives days before `before` that
    were changed within the window; `daily_totals(client, window)` what it counts by day, None where it does not say.
    """

    changed_days: Callable[[Client, Window, date], frozenset[date]]
    daily_totals: Callable[[Client, Window], Counts | None]


@dataclass(frozen=True)
class Recount:
    """Days are counted again each night, `days_back` days: `counts(client, day, window)` gives by day what a reading's
    totals name, `rows` the name of the number that says whether rows are missing. All but the day's usage date holds.
    """

    counts: Callable[[Client, Day, Window], Counts]
    days_back: int
    rows: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """One kind of data of a provider. A folder is a provider: it exports its SOURCES.

    name, table: what people type and the ledger keeps; the raw table is raw_<provider>.<table>.
    provider, needs_credential: whose stored credential opens it, and whether it needs one.
    contract: the shape its rows map to, None for none. `maps_in_sql`: dbt maps them (staging/<provider>), and the
    columns are declared here; else the columns are the contract's and nothing more has to be written.
    key: columns that tell one row from another. `Reading.keys` are their texts, those there are, with / between,
    without times; what a later reading misses of them was lost by the provider.
    bills: whether a line of a statement can depend on it. account, scope_kinds: whose account is read, and by which ids
    rows route, the deciding kind first. reads_rest: the platform's account holds what no tenant's has, and is read too.
    facts: fields of the payload that no choice, no retention period and no cleaning touches. stored: the fields that
    are stored at all. minimised: the payload as it may be stored under a tenant's choices; None: nothing in it is
    personal.
    verify: whether the key reads what is attached, by cheap questions; what it opened, in words, where that says more.
    settings: what a credential may carry, by name with the values it may have, or as a `Setting`. enabled_by: (name,
    value) of the setting without which the source is not read.
    address: the environment variable of the provider's address, without MINUTEBOOK_, by default <PROVIDER>_URL.
    horizon_days: how long the provider remembers; None: it forgets nothing. look_back_days: days after which a day is
    final; so far back the night reads again. changes: how a change to an older day is noticed besides.
    settles_on: the day of a month on which the month before is settled: its days that were read last before that are
    read once more.
    components: of a source of calls, its cost items' components and the service that each is of: what may be covered by
    the bill of another provider. details_calls: of a source of costs, that rows of grain call are among its rows.
    cost_is_of_scope: of usage, what a row says it cost covers all that its scope used that day, and not itself alone.
    counts_itself: the provider has a total of its own by which a list that lost rows can be confirmed.
    hook: how its provider tells us of single rows as they happen, where it does; one source of a provider has it.
    discover: what an account holds that its usage may route by, ids and names only. campaigns: its campaigns, counted.
    recording: where a call's recording is, by its id, for minutes and never stored; None where there is none any more.
    at_once: account-days read at once. compared: what `pull diff` compares, as a query (pull_id, item, field, value,
    number) over {raw}; without one, all columns by key.
    """

    name: str
    provider: str
    table: str
    contract: str | None
    read: Callable[[Client, Day], Reading]
    connect: Callable[[Access], Client]
    verify: Callable[[Client, tuple[Scope, ...]], str | None]
    maps_in_sql: bool = False
    columns: tuple[Column, ...] = ()
    key: tuple[str, ...] = ()
    bills: bool = True
    needs_credential: bool = True
    account: Account = Account.SHARED
    scope_kinds: tuple[ScopeKind, ...] = ()
    reads_rest: bool = False
    stored: Allowed | None = None
    facts: tuple[str, ...] = ()
    minimised: Callable[[Document, Choices], Document] | None = minimised
    settings: Mapping[str, tuple[str, ...] | Setting] = field(default_factory=dict)
    enabled_by: tuple[str, str] | None = None
    address: str = ""
    horizon_days: int | None = None
    look_back_days: int = NIGHT_DAYS
    settles_on: int | None = None
    changes: Updates | Recount | None = None
    components: Mapping[str, str] = field(default_factory=dict)
    details_calls: bool = False
    cost_is_of_scope: bool = False
    counts_itself: bool = False
    hook: Hook | None = None
    discover: Callable[[Client], list[Held]] | None = None
    campaigns: Callable[[Client], list[Campaign]] | None = None
    recording: Callable[[Client, str], str | None] | None = None
    at_once: int = 4
    compared: str | None = None
    description: str = ""

    def __post_init__(self) -> None:
        if not self.address:
            object.__setattr__(self, "address", f"{str(self.provider).upper()}_URL")
        if self.contract in CONTRACTS and not self.maps_in_sql and not self.columns:
            object.__setattr__(self, "columns", CONTRACTS[self.contract].columns)
            object.__setattr__(self, "key", self.key or CONTRACTS[self.contract].key)
        for fault in faults_of(self):
            raise InvalidSource(f"source {self.name!r}: {fault}")

    @property
    def schema(self) -> str:
        """The schema of its raw table."""
        return f"raw_{self.provider}"

    @property
    def is_contract_shaped(self) -> bool:
        """Whether its raw rows are rows of its contract, so that the contract's view reads them as they are."""
        return self.contract is not None and not self.maps_in_sql

    @property
    def late_changes(self) -> str:
        """How a change to an older day is noticed, and how far back, in words."""
        again = f"the last {self.look_back_days} days, which each night reads again"
        if self.settles_on is not None:
            again += f", and on each month, read once more from day {self.settles_on} of the next one on"
        match self.changes:
            case Updates():
                how = f"by what {self.provider} says it changed and counts, {self.horizon_days} days back; all else on"
            case Recount(days_back=days_back, rows=rows):
                how = f"by {rows} counted by day, {days_back} days back; all else on"
            case None:
                how = "only on"
        return f"{how} {again}"

    def final_after(self, usage_date: date) -> datetime:
        """When a day is treated as final: once it was looked back at for the last time, and its month is settled."""
        last = usage_date + timedelta(days=1 + self.look_back_days)
        if self.settles_on is not None:
            in_the_next_month = usage_date.replace(day=LAST_DAY_OF_ALL_MONTHS) + timedelta(days=4)
            last = max(last, in_the_next_month.replace(day=self.settles_on))
        return datetime.combine(last, time(), UTC)

    def is_enabled(self, settings: Mapping[str, Any]) -> bool:
        """Whether a credential with these settings has the source read."""
        return self.enabled_by is None or settings.get(self.enabled_by[0]) == self.enabled_by[1]

    def fault_of_settings(self, settings: Mapping[str, Any]) -> str | None:
        """What is wrong with a credential's settings, in words: one unknown, of another form, or missing."""
        for name, value in settings.items():
            allowed = self.settings.get(name)
            if name == SETTING_OF_ALL:
                continue
            if allowed is None:
                return (
                    f"{self.provider} has no setting '{name}'; there is {', '.join((*self.settings, SETTING_OF_ALL))}"
                )
            if isinstance(allowed, Setting):
                if not isinstance(value, str) or not re.fullmatch(allowed.form, value):
                    return f"'{name}' is {allowed.meaning}, not '{value}'"
            elif value not in allowed:
                return f"'{name}' is one of {', '.join(allowed)}, not '{value}'"
        for name, allowed in self.settings.items():
            if isinstance(allowed, Setting) and allowed.is_required and name not in settings:
                return f"{self.provider} needs the setting '{name}': {allowed.meaning}"
        return None

    def minimise(self, document: Document, choices: Choices) -> Document:
        """The payload as it may be stored under a tenant's choices; its facts stay byte for byte. Safe to repeat."""
        if self.minimised is None:
            return document
        facts = {name: value for name, value in document.items() if name in self.facts}
        besides = {name: value for name, value in document.items() if name not in self.facts}
        return facts | self.minimised(besides, choices)
