"""ElevenLabs: what a workspace used by UTC day, in credits, or in money where it is billed by cost.

POST /v1/workspace/analytics/query/usage-by-product-over-time ─┐ refused: the workspace is billed by cost
POST /v1/workspace/analytics/usage ◀───────────────────────────┘
        └─▶ tables (columns by name and unit) ──▶ costs (lines) ──▶ Reading
"""

from sources.day import Access, Day, Scope
from sources.elevenlabs import costs
from sources.elevenlabs.client import ElevenLabsClient
from sources.elevenlabs.contract import FACTS, LINE
from sources.reading import Reading
from sources.source import ScopeKind, Source

__all__ = ["SOURCES", "connect", "read", "verify"]


def connect(access: Access) -> ElevenLabsClient:
    """A client of one key."""
    return ElevenLabsClient(access)


def read(client: ElevenLabsClient, day: Day) -> Reading:
    """What was used on the UTC day, in credits or money. Raises SourceFailure."""
    return costs.read(COSTS, client, day)


def verify(client: ElevenLabsClient, scopes: tuple[Scope, ...]) -> str:
    """Whether the key reads the workspace's analytics, and in which mode it is billed."""
    return costs.verify(client)


COSTS = Source(
    name="elevenlabs_costs",
    provider="elevenlabs",
    table="costs",
    contract="costs",
    bills=False,
    description="What a workspace used, in credits or money, by key and product.",
    connect=connect,
    read=read,
    verify=verify,
    scope_kinds=tuple(ScopeKind(kind, column="scope_ref") for kind, _ in costs.SCOPES.values()),
    stored=LINE,
    facts=FACTS,
    minimised=None,
    settings={"scope": tuple(costs.SCOPES)},
    look_back_days=2,
)
SOURCES = (COSTS,)
