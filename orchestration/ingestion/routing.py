"""What control says of a day: whose projects and agents to ask for, and what of their callers may be stored.

Read once per run and asked by reading threads; nothing here changes after it is built. Which tenant a call belongs to
is decided by dbt alone; here the same rule (the first kind that is attached) only decides what may be stored.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

import psycopg

from orchestration.ingestion.outcomes import PLATFORM
from sources.personal import NOBODYS, Choices, ChoicesOf, Keep
from sources.voiceflow import Project
from warehouse.database.queries import load

QUERIES = load("ingestion/planning")

Versions: TypeAlias = tuple[list[date], list[str | None]]


@dataclass(frozen=True)
class Routing:
    """Timelines of control data, as they stood when the run began."""

    attachments: dict[tuple[str, str], Versions]
    projects: dict[str, list[tuple[Project, date, date | None]]]
    choices: dict[str, Choices]
    usage_agents_of: dict[str, frozenset[str]]  # by tenant, ever attached

    @classmethod
    def load(cls, connection: psycopg.Connection[Any]) -> "Routing":
        """Read the timelines: one row per attachment version and project."""
        attachments: dict[tuple[str, str], Versions] = defaultdict(lambda: ([], []))
        usage_agents: dict[str, set[str]] = defaultdict(set)
        for kind, value, valid_from, tenant_id in connection.execute(QUERIES["attachments"]):
            starts, owners = attachments[kind, value]
            starts.append(valid_from)
            owners.append(tenant_id)
            if kind == "usage_agent" and tenant_id is not None:
                usage_agents[tenant_id].add(value)
        projects: dict[str, list[tuple[Project, date, date | None]]] = defaultdict(list)
        for tenant_id, project_id, environment, valid_from, valid_to in connection.execute(
            QUERIES["voiceflow_projects"]
        ):
            projects[tenant_id].append((Project(project_id, environment), valid_from, valid_to))
        choices = {
            tenant_id: Choices(*map(Keep, kept)) for tenant_id, *kept in connection.execute(QUERIES["personal_choices"])
        }
        agents = {tenant_id: frozenset(values) for tenant_id, values in usage_agents.items()}
        return cls(dict(attachments), dict(projects), choices, agents)

    def ever_projects_of(self, tenant_id: str) -> list[Project]:
        """The Voiceflow projects that a tenant has or had, each once."""
        return list(dict.fromkeys(project for project, _, _ in self.projects.get(tenant_id, ())))

    def projects_of(self, tenant_id: str, usage_date: date) -> list[Project]:
        """The Voiceflow projects of a tenant that are live on a day."""
        return [
            project
            for project, valid_from, valid_to in self.projects.get(tenant_id, ())
            if valid_from <= usage_date and (valid_to is None or usage_date < valid_to)
        ]

    def usage_agents(self, usage_date: date, tenant_id: str | None = None) -> frozenset[str]:
        """Agent ids of the usage metrics attached on a day: to this tenant, or to any."""
        tenants = self.usage_agents_of if tenant_id is None else (tenant_id,)
        return frozenset(
            value
            for tenant in tenants
            for value in self.usage_agents_of.get(tenant, ())
            if self._owner("usage_agent", value, usage_date) == tenant
        )

    def choices_of_tenant(self, tenant_id: str) -> Choices:
        """What a tenant chose to have stored; the defaults where it chose nothing."""
        return self.choices.get(tenant_id, Choices())

    def choices_of(self, account: str, usage_date: date) -> ChoicesOf:
        """What the tenant of a call of an account's day chose, given what the call may be attached by."""
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
        starts, owners = self.attachments.get((kind, value), ([], []))
        position = bisect_right(starts, usage_date)
        # A call is attached by hand, for its own day.
        is_over = kind == "vapi_call" and position > 0 and starts[position - 1] != usage_date
        return owners[position - 1] if position and not is_over else None
