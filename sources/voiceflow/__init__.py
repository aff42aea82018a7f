"""Voiceflow: hourly usage counts of one tenant's projects.

POST /v2/query/usage, per project and metric ──▶ v2 (pages) ──▶ answers (types) ──▶ rows ──▶ Reading
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sources.budget import Budget
from sources.errors import ProviderRefused
from sources.http import ProviderClient
from sources.reading import Reading, hash_rows
from sources.voiceflow import v2
from sources.voiceflow.rows import Project, ProjectUsage, table
from sources.window import Window

HORIZON_DAYS: int | None = None
# Voiceflow publishes no rate: a cautious one, for its own address only.
CONCURRENCY = 4
PER_SECOND = 5.0


@dataclass(frozen=True)
class Generation:
    """One of the generations of Voiceflow's usage API that live side by side: where it is, how its key is sent, how
    it is read.
    """

    base_url: str
    authorization: str
    read_project: Callable[[ProviderClient, Project, Window], ProjectUsage]
    verify_project: Callable[[ProviderClient, Project], None]


GENERATIONS = {
    # The key stands alone: Voiceflow refuses it with "Bearer" before it.
    "v2": Generation("https://analytics-api.voiceflow.com", "{key}", v2.read_project, v2.verify_project),
}

__all__ = ["GENERATIONS", "HORIZON_DAYS", "Project", "client", "read_day", "verify"]


def client(
    secret: str, base_url: str | None = None, budget: Budget | None = None, *, generation: str = "v2"
) -> ProviderClient:
    """One per key, shared by all threads that use it. `base_url`: None is the generation's own, whose rate is then
    kept.
    """
    chosen = _generation(generation)
    authorization = chosen.authorization.format(key=secret)
    limits = budget or Budget(CONCURRENCY, PER_SECOND if base_url is None else None)
    return ProviderClient("Voiceflow", base_url or chosen.base_url, {"authorization": authorization}, limits)


def read_day(
    client: ProviderClient, usage_date: date, projects: Sequence[Project], *, generation: str = "v2"
) -> Reading:
    """All metrics of the projects in the UTC day, of every environment; columns of raw_voiceflow.usage, whose
    `environment_id` is the project's configured alias where Voiceflow says that it is meant. Raises SourceFailure."""
    day = Window.of_day(usage_date)
    usages = [_generation(generation).read_project(client, project, day) for project in projects]
    rows = [row for usage in usages for row in usage.rows]
    interactions = sum(row.quantity for row in rows if row.metric == "interactions")
    totals = {"rows": Decimal(len(rows)), "interactions": Decimal(interactions)}
    if outside := sum(usage.outside for usage in usages):
        totals["rows_outside_window"] = Decimal(outside)
    return Reading(
        table=table(rows),
        keys=frozenset("/".join(row.key) for row in rows),
        content_hash=hash_rows(row.content() for row in rows),
        is_incomplete=False,
        windows=(day,),
        requests=sum(usage.requests for usage in usages),
        totals=totals,
    )


def verify(client: ProviderClient, projects: Sequence[Project], *, generation: str = "v2") -> None:
    """Whether the key reads each of the projects. CredentialRejected if not; ProviderRefused where there is none to
    ask about, since every question to Voiceflow names a project."""
    if not projects:
        raise ProviderRefused("Voiceflow: a key can only be verified against a project, and the tenant has none yet")
    for project in projects:
        _generation(generation).verify_project(client, project)


def _generation(name: str) -> Generation:
    try:
        return GENERATIONS[name]
    except KeyError:
        raise ProviderRefused(
            f"Voiceflow: generation {name!r} is not known; there is {', '.join(GENERATIONS)}"
        ) from None
