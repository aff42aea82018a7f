"""OpenAI: what an organisation was charged, by project, line item and UTC day.

GET /organization/costs, one day by project and line item ──▶ costs (pages, bucket, lines) ──▶ Reading
GET /organization/projects ──▶ whose key it is, when a credential is verified
"""

from sources.day import Access, Day, Scope
from sources.openai import costs
from sources.openai.client import OpenAIClient
from sources.openai.contract import FACTS, LINE
from sources.reading import Reading
from sources.source import ScopeKind, Setting, Source

__all__ = ["SOURCES", "connect", "read", "verify"]

BASE_URL = "https://api.openai.com/v1"
# OpenAI publishes no rate of its administration endpoints; one day is one question.
CONCURRENCY = 2
PER_SECOND = 1.0


def connect(access: Access) -> OpenAIClient:
    """A client of one admin key."""
    budget = access.budget(CONCURRENCY, PER_SECOND, BASE_URL)
    return OpenAIClient(access.address or BASE_URL, access.key, access.settings.get("organization"), budget)


def read(client: OpenAIClient, day: Day) -> Reading:
    """The lines of the UTC day's bill. Raises SourceFailure; NotYetReported where OpenAI gives no bucket of the day."""
    return costs.read(COSTS, client, day)


def verify(client: OpenAIClient, scopes: tuple[Scope, ...]) -> str:
    """Whether the key reads costs, and which organisation it is of, by its projects. Raises SourceFailure."""
    return costs.verify(client, scopes)


COSTS = Source(
    name="openai_costs",
    provider="openai",
    table="costs",
    contract="costs",
    bills=False,
    description="What OpenAI charged an organisation, by project and line item.",
    connect=connect,
    read=read,
    verify=verify,
    scope_kinds=(ScopeKind("openai_project", column="scope_ref"),),
    stored=LINE,
    facts=FACTS,
    minimised=None,
    settings={"organization": Setting("the id of the organisation: org- and letters or digits", r"org-[A-Za-z0-9]+")},
    at_once=CONCURRENCY,
)
SOURCES = (COSTS,)
