"""Anthropic: what an organisation was charged, by workspace, description and UTC day.

GET /organizations/cost_report, one day by workspace and description ──▶ costs (pages, bucket, lines) ──┐
GET /organizations/usage_report/messages, what ran on the priority tier ──▶ priority (unknown cost) ────┴─▶ Reading
"""

from sources.anthropic import costs
from sources.anthropic.client import AnthropicClient
from sources.anthropic.contract import FACTS, LINE
from sources.day import Access, Day, Scope
from sources.reading import Reading
from sources.source import ScopeKind, Source

__all__ = ["SOURCES", "connect", "read", "verify"]

BASE_URL = "https://api.anthropic.com/v1"
# "Polling once per minute is supported for sustained use"; short bursts are for a few days at once.
CONCURRENCY = 2
PER_SECOND = 0.5


def connect(access: Access) -> AnthropicClient:
    """A client of one admin key."""
    budget = access.budget(CONCURRENCY, PER_SECOND, BASE_URL)
    return AnthropicClient(access.address or BASE_URL, access.key, budget)


def read(client: AnthropicClient, day: Day) -> Reading:
    """The lines of the UTC day's bill. Raises SourceFailure; NotYetReported where the day is not given yet."""
    return costs.read(COSTS, client, day)


def verify(client: AnthropicClient, scopes: tuple[Scope, ...]) -> str:
    """Whether the key reads costs, and which organisation it is of, by name. Raises SourceFailure."""
    return costs.verify(client, scopes)


COSTS = Source(
    name="anthropic_costs",
    provider="anthropic",
    table="costs",
    contract="costs",
    bills=False,
    description="What Anthropic charged an organisation, by workspace and description.",
    connect=connect,
    read=read,
    verify=verify,
    scope_kinds=(ScopeKind("anthropic_workspace", column="scope_ref"),),
    stored=LINE,
    facts=FACTS,
    minimised=None,
    at_once=CONCURRENCY,
)
SOURCES = (COSTS,)
