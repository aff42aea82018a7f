"""Deepgram: what a project was charged, by line item, key, tags and day.

GET /projects/{id}/billing/breakdown, a day in its groups ──▶ costs (lines) ──▶ Reading
"""

from sources.day import Access, Day, Scope
from sources.deepgram import costs
from sources.deepgram.client import DeepgramClient
from sources.deepgram.contract import FACTS, LINE
from sources.reading import Reading
from sources.source import ScopeKind, Setting, Source

__all__ = ["SOURCES", "connect", "read", "verify"]


def connect(access: Access) -> DeepgramClient:
    """A client of one key. NotConfigured where the credential names no project."""
    return DeepgramClient(access)


def read(client: DeepgramClient, day: Day) -> Reading:
    """The lines of the day's bill. Raises SourceFailure; NotYetReported where the answer does not reach the day."""
    return costs.read(COSTS, client, day)


def verify(client: DeepgramClient, scopes: tuple[Scope, ...]) -> str:
    """Whether the key reads the project's bill."""
    return costs.verify(client)


COSTS = Source(
    name="deepgram_costs",
    provider="deepgram",
    table="costs",
    contract="costs",
    bills=False,
    description="What Deepgram charged a project, by line item, key and tags.",
    connect=connect,
    read=read,
    verify=verify,
    scope_kinds=tuple(ScopeKind(kind, column="scope_ref") for kind in costs.KINDS.values()),
    stored=LINE,
    facts=FACTS,
    minimised=None,
    settings={
        "project_id": Setting("the id of the project", r"[A-Za-z0-9-]{1,64}", is_required=True),
        "scope": tuple(costs.KINDS),
    },
    look_back_days=2,
)
SOURCES = (COSTS,)
