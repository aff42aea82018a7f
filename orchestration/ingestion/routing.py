"""What control says of a day: whose projects and agents to ask for, and what of their callers may be stored.

Read once per run and asked by reading threads; nothing here changes after it is built. Which tenant a call belongs to
is decided by dbt alone; here the same rule (the first kind that is attached) only decides what may be stored.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import psycopg

from sources.day import PLATFORM, Attachment, Scope, Scopes
from sources.personal import NOBODYS, Choices, ChoicesOf, Keep
from sources.source import Source
from warehouse.ingestion import planning

Versions: TypeAlias = tuple[list[date], list[Attachment]]


@dataclass(frozen=True)
class Routing:
    """Timelines of control data, as they stood when the run began: of each scope, and of each tenant (None: of all)."""

    versions: Mapping[tuple[str, str], Versions]
    of_tenants: Mapping[str | None, tuple[Attachment, ...]]
    choices: Mapping[str, Choices]
    _of_sources: dict[tuple[str, str | None], Scopes] = field(default_factory=dict)

    @classmethod
    def load(cls, connection: psycopg.Connection[Any]) -> "Routing":
        """Read the timelines: one row per version of a scope."""
        versions: dict[tuple[str, str], Versions] = defaultdict(lambda: ([], []))
        of_tenants: dict[str | None, list[Attachment]] = defaultdict(list)
        for row in planning.scopes(connection):
            scope = Scope(row.kind, row.value, row.environment)
            one = Attachment(scope, row.tenant_id, row.valid_from, row.valid_to)
            starts, attached = versions[row.kind, row.value]
            starts.append(row.valid_from)
            attached.append(one)
            of_tenants[row.tenant_id].append(one)
            of_tenants[None].append(one)
        choices = {tenant_id: Choices(*map(Keep, kept)) for tenant_id, *kept in planning.personal_choices(connection)}
        return cls(dict(versions), {tenant: tuple(found) for tenant, found in of_tenants.items()}, choices)

    def scopes_of(self, source: Source, tenant_id: str | None) -> Scopes:
        """What is or was attached of the source's kinds: to this tenant, or to any where it is None."""
        asked = (source.name, tenant_id)
        if asked not in self._of_sources:
            kinds = {kind.name for kind in source.scope_kinds}
            attached = self.of_tenants.get(tenant_id, ())
            self._of_sources[asked] = Scopes(tuple(one for one in attached if one.scope.kind in kinds))
        return self._of_sources[asked]

    def choices_of_tenant(self, tenant_id: str) -> Choices:
        """What a tenant chose to have stored; the defaults where it chose nothing."""
        return self.choices.get(tenant_id, Choices())

    def choices_of(self, account: str, usage_date: date) -> ChoicesOf:
        """What the tenant of a row of an account's day chose, given what the row may be attached by."""
        if account != PLATFORM:
            choices = self.choices_of_tenant(account)
            return lambda scopes: choices

        def of_shared_account(scopes: Mapping[str, str]) -> Choices:
            for kind, value in scopes.items():
                tenant_id = self._owner(kind, value, usage_date)
                if tenant_id is not None:
                    return self.choices_of_tenant(tenant_id)
            return NOBODYS

        return of_shared_account

    def _owner(self, kind: str, value: str, usage_date: date) -> str | None:
        starts, attached = self.versions.get((kind, value), ([], []))
        position = bisect_right(starts, usage_date)
        if not position or not attached[position - 1].holds_on(usage_date):
            return None
        return attached[position - 1].tenant_id
