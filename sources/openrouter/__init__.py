"""OpenRouter: what an account used, by workspace, model and endpoint of a UTC day, and on whose bill it is.

GET /activity?date=…&group_by=workspace ──▶ activity (two payers) ──▶ Reading
"""

from sources.day import Access, Day, Scope
from sources.openrouter import activity
from sources.openrouter.client import OpenRouterClient
from sources.openrouter.contract import FACTS, LINE
from sources.reading import Reading
from sources.source import ScopeKind, Source

__all__ = ["SOURCES", "connect", "read", "verify"]

BASE_URL = "https://openrouter.ai/api/v1"
# "A single UTC date in the last 30 days": what is older is refused, and cannot be had any more.
HORIZON_DAYS = 30
CONCURRENCY = 2
PER_SECOND = 1.0


def connect(access: Access) -> OpenRouterClient:
    """A client of one management key."""
    return OpenRouterClient(access.address or BASE_URL, access.key, access.budget(CONCURRENCY, PER_SECOND, BASE_URL))


def read(client: OpenRouterClient, day: Day) -> Reading:
    """What was used on the UTC day, one line for each payer. Raises SourceFailure."""
    return activity.read(ACTIVITY, client, day)


def verify(client: OpenRouterClient, scopes: tuple[Scope, ...]) -> str:
    """Whether the key reads activity, and of which workspaces there is any. Raises SourceFailure."""
    return activity.verify(client)


ACTIVITY = Source(
    name="openrouter_activity",
    provider="openrouter",
    table="activity",
    contract="costs",
    bills=False,
    description="What was used at OpenRouter, by workspace, model and endpoint.",
    connect=connect,
    read=read,
    verify=verify,
    scope_kinds=(ScopeKind("openrouter_workspace", column="scope_ref"),),
    stored=LINE,
    facts=FACTS,
    minimised=None,
    horizon_days=HORIZON_DAYS,
    at_once=CONCURRENCY,
)
SOURCES = (ACTIVITY,)
