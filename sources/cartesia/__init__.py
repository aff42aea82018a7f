"""Cartesia: the credits that an account used, by API key and UTC day. Credits are no money.

GET /usage/credits, a day in all and by key ──▶ costs (buckets, control) ──▶ Reading
"""

from sources.cartesia import costs
from sources.cartesia.client import CartesiaClient
from sources.day import Access, Day, Scope
from sources.reading import Reading
from sources.source import ScopeKind, Source

__all__ = ["SOURCES", "connect", "read", "verify"]


def connect(access: Access) -> CartesiaClient:
    """A client of one admin key."""
    return CartesiaClient(access)


def read(client: CartesiaClient, day: Day) -> Reading:
    """The credits of the UTC day. Raises SourceFailure; NotYetReported where no bucket of the day is there."""
    return costs.read(CREDITS, client, day)


def verify(client: CartesiaClient, scopes: tuple[Scope, ...]) -> str:
    """Whether the key reads usage."""
    return costs.verify(client)


CREDITS = Source(
    name="cartesia_credits",
    provider="cartesia",
    table="credits",
    contract="costs",
    bills=False,
    description="Credits that an account used, by API key; they have a cost where a unit cost is given.",
    connect=connect,
    read=read,
    verify=verify,
    scope_kinds=(ScopeKind(costs.KEY, column="scope_ref"),),
    stored=costs.LINE,
    facts=costs.FACTS,
    minimised=None,
)
SOURCES = (CREDITS,)
