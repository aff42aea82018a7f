"""Voiceflow: usage counts of one tenant's projects, by the generation of its API that the credential names.

v2      POST /v2/query/usage, per project and metric ──▶ v2 (pages) ──▶ answers (types) ──┐
stable  POST /v1/stable/analytics/query/…, per project and metric ──▶ stable ─────────────┴─▶ rows ──▶ Reading

Beside the counts, the conversations themselves (`transcripts`), a source of their own that bills nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import files

from sources.checks.quarantine import each_named_once, refuse_another_contract
from sources.contracts import Column, Kind
from sources.day import Access, Day, Scope
from sources.errors import ProviderRefused
from sources.http import ProviderClient
from sources.http.budget import Budget
from sources.personal import Choices
from sources.reading import Reading, hash_rows
from sources.source import Account, Recount, ScopeKind, Source
from sources.voiceflow import stable, transcripts, v2
from sources.voiceflow.contract import FACTS_OF_USAGE, TRANSCRIPT, USAGE
from sources.voiceflow.hook import HOOK
from sources.voiceflow.rows import Project, ProjectUsage, table
from sources.voiceflow.transcripts import FACTS, TranscriptApi, kept_of
from sources.window import Window

HORIZON_DAYS: int | None = None
# Each transcript tells when it expires; six months is what one that is kept by default lives.
TRANSCRIPTS_HORIZON_DAYS = 180
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
    daily_counts: Callable[[ProviderClient, Project, Window], dict[date, int]]
    transcripts: TranscriptApi


GENERATIONS = {
    # The key stands alone: Voiceflow refuses it with "Bearer" before it.
    "v2": Generation(
        "https://analytics-api.voiceflow.com",
        "{key}",
        v2.read_project,
        v2.verify_project,
        v2.daily_counts,
        transcripts.V2,
    ),
    "stable": Generation(
        "https://realtime-api.voiceflow.com",
        "Bearer {key}",
        stable.read_project,
        stable.verify_project,
        stable.daily_counts,
        transcripts.STABLE,
    ),
}

__all__ = [
    "GENERATIONS", "HORIZON_DAYS", "SOURCES", "TRANSCRIPTS_HORIZON_DAYS", "Project", "VoiceflowClient", "client",
    "daily_counts", "kept_of", "read_day", "read_transcripts_day", "verify", "verify_transcripts",
]  # fmt: skip


class VoiceflowClient(ProviderClient):
    """Asks with one key, in the generation the key is of."""

    def __init__(self, base_url: str, headers: Mapping[str, str], budget: Budget, generation: Generation) -> None:
        super().__init__("Voiceflow", base_url, headers, budget)
        self.generation = generation


def client(
    secret: str, base_url: str | None = None, budget: Budget | None = None, *, generation: str = "v2"
) -> VoiceflowClient:
    """One per key, shared by all threads that use it. `base_url`: None is the generation's own.

    ProviderRefused for a generation that is none.
    """
    chosen = _generation(generation)
    headers = {"authorization": chosen.authorization.format(key=secret)}
    return VoiceflowClient(base_url or chosen.base_url, headers, budget or Budget(CONCURRENCY), chosen)


def read_day(client: VoiceflowClient, usage_date: date, projects: Sequence[Project]) -> Reading:
    """All metrics of the projects in the UTC day, of every environment; columns of raw_voiceflow.usage, whose
    `environment_id` is the project's configured alias where Voiceflow says that it is meant. Raises SourceFailure."""
    day = Window.of_day(usage_date)
    usages = [client.generation.read_project(client, project, day) for project in projects]
    rows = [row for usage in usages for row in usage.rows]
    odd = each_named_once(row for usage in usages for row in usage.odd)
    refuse_another_contract("Voiceflow", odd, len(rows))
    interactions = sum(row.quantity for row in rows if row.metric == "interactions")
    totals = {"rows": Decimal(len(rows)), "interactions": Decimal(interactions)}
    if costs := [row.cost for row in rows if row.cost is not None]:
        totals["cost"] = sum(costs, Decimal())
    if outside := sum(usage.outside for usage in usages):
        totals["rows_outside_window"] = Decimal(outside)
    new_fields: set[str] = set()
    return Reading(
        table=table(rows, new_fields),
        keys=frozenset("/".join(row.key) for row in rows),
        content_hash=hash_rows([*(row.content() for row in rows), *(row.fingerprint.encode() for row in odd)]),
        is_incomplete=False,
        windows=(day,),
        requests=sum(usage.requests for usage in usages),
        totals=totals,
        new_fields=frozenset(new_fields),
        quarantined=odd,
    )


def daily_counts(client: VoiceflowClient, project: Project, window: Window) -> dict[date, int]:
    """Interactions of a project by UTC day, of every environment. Raises SourceFailure."""
    return client.generation.daily_counts(client, project, window)


def read_transcripts_day(
    client: VoiceflowClient, usage_date: date, projects: Sequence[Project], choices: Choices
) -> Reading:
    """The projects' transcripts created in the UTC day, with as much as is kept by the choices; columns of
    raw_voiceflow.transcripts. Raises SourceFailure.
    """
    api = client.generation.transcripts
    return transcripts.read_transcripts(client, api, projects, Window.of_day(usage_date), choices)


def verify(client: VoiceflowClient, projects: Sequence[Project]) -> None:
    """Whether the key reads each of the projects. CredentialRejected if not; ProviderRefused where there is none to ask
    about, since every question to Voiceflow names a project.
    """
    if not projects:
        raise ProviderRefused("Voiceflow: a key can only be verified against a project, and the tenant has none yet")
    for project in projects:
        client.generation.verify_project(client, project)


def verify_transcripts(client: VoiceflowClient, projects: Sequence[Project]) -> None:
    """Whether the key reads the projects' transcripts. Raises SourceFailure."""
    for project in projects:
        transcripts.verify_transcripts(client, client.generation.transcripts, project)


def _generation(name: str) -> Generation:
    try:
        return GENERATIONS[name]
    except KeyError:
        raise ProviderRefused(
            f"Voiceflow: generation {name!r} is not known; there is {', '.join(GENERATIONS)}"
        ) from None


def _connect(access: Access) -> VoiceflowClient:
    generation = str(access.settings.get("generation", "v2"))
    return client(access.key, access.address, access.budget(CONCURRENCY, PER_SECOND), generation=generation)


def _projects(scopes: Sequence[Scope]) -> list[Project]:
    return [Project(scope.value, scope.environment or "production") for scope in scopes]


def _counts(client: VoiceflowClient, day: Day, window: Window) -> dict[date, dict[str, Decimal]]:
    """Interactions by day, of the projects that were the account's on it."""
    counts: dict[date, dict[str, Decimal]] = {}
    for scope in day.scopes.ever:
        (project,) = _projects([scope])
        for usage_date, count in daily_counts(client, project, window).items():
            if scope in day.scopes.on(usage_date):
                known = counts.setdefault(usage_date, {"interactions": Decimal(0)})
                known["interactions"] += count
    return counts


_PROJECT = (ScopeKind("voiceflow_project", column="project_id", field="projectID", live_environments=("production",)),)
_SETTINGS = {"generation": tuple(GENERATIONS), "transcripts": ("yes", "no")}
USAGE_OF_PROJECTS = Source(
    name="voiceflow",
    provider="voiceflow",
    table="usage",
    contract="usage",
    maps_in_sql=True,
    description="Interactions and other counts of a tenant's projects, by the hour or the day.",
    connect=_connect,
    read=lambda client, day: read_day(client, day.usage_date, _projects(day.attached)),
    verify=lambda client, scopes: verify(client, _projects(scopes)),
    columns=(
        Column("project_id", Kind.TEXT, is_required=True),
        Column("environment_id", Kind.TEXT),
        Column("metric", Kind.TEXT, is_required=True),
        Column("period_at", Kind.TIMESTAMP),
        Column("usage_type", Kind.TEXT),
        Column("quantity", Kind.BIGINT, is_required=True),
    ),
    key=("project_id", "environment_id", "metric", "period_at", "usage_type"),
    account=Account.OWN,
    scope_kinds=_PROJECT,
    stored=USAGE,
    facts=FACTS_OF_USAGE,
    minimised=None,
    settings=_SETTINGS,
    horizon_days=HORIZON_DAYS,
    changes=Recount(_counts, days_back=31, rows="interactions"),
    hook=HOOK,
    # It names what a project's conversations cost, and not what each of their rows did.
    cost_is_of_scope=True,
    at_once=8,
    compared=files(__package__).joinpath("compared_usage.sql").read_text(),
)
TRANSCRIPTS = Source(
    name="voiceflow_transcripts",
    provider="voiceflow",
    table="transcripts",
    contract=None,
    description="Conversations of a tenant's projects, where its credential says transcripts=yes. They bill nothing.",
    connect=_connect,
    read=lambda client, day: read_transcripts_day(client, day.usage_date, _projects(day.attached), day.choices),
    verify=lambda client, scopes: verify_transcripts(client, _projects(scopes)),
    columns=(
        Column("transcript_id", Kind.TEXT, is_required=True),
        Column("project_id", Kind.TEXT, is_required=True),
        Column("environment_id", Kind.TEXT),
        Column("created_at", Kind.TIMESTAMP, is_required=True),
        Column("updated_at", Kind.TIMESTAMP),
        Column("ended_at", Kind.TIMESTAMP),
        Column("message_count", Kind.BIGINT, "Null where what was said was not asked for."),
    ),
    key=("transcript_id",),
    bills=False,
    account=Account.OWN,
    scope_kinds=_PROJECT,
    stored=TRANSCRIPT,
    facts=FACTS,
    minimised=kept_of,
    settings=_SETTINGS,
    enabled_by=("transcripts", "yes"),
    horizon_days=TRANSCRIPTS_HORIZON_DAYS,
    compared=files(__package__).joinpath("compared_transcripts.sql").read_text(),
)
SOURCES = (USAGE_OF_PROJECTS, TRANSCRIPTS)
