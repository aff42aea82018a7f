"""A provider of language models that nobody has heard of, as somebody else's package brings it: tokens and messages."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from sources.checks.allowed import Allowed, fields
from sources.checks.undocumented import fault_of
from sources.day import Access, Day, Scope
from sources.errors import ContractBroken
from sources.http import ProviderClient
from sources.reading import Reading
from sources.rows import Row, moment, parser, reading
from sources.source import ScopeKind, Source

URL = "https://api.toymodel.example"
FIELDS = "key what model count at cents user"


class Page(msgspec.Struct):
    rows: list[dict[str, Any]]
    next: str | None


parse_page = parser(Page)


def connect(access: Access) -> ProviderClient:
    headers = {"authorization": f"Bearer {access.key}"}
    return ProviderClient("Toymodel", access.address or URL, headers, access.budget(at_once=2, per_second=5))


def pages(client: ProviderClient, day: Day) -> Iterator[Mapping[str, Any]]:
    seen: set[str | None] = set()
    page: str | None = "1"
    while page:
        if page in seen:
            raise ContractBroken(f"Toymodel GET /usage: page {page} is told twice")
        seen.add(page)
        answer = client.get("/usage", parse_page, {"day": day.usage_date.isoformat(), "page": page})
        yield from answer.rows
        page = answer.next


def row(reported: Mapping[str, Any]) -> Row:
    try:
        cost = None if reported["cents"] is None else Decimal(reported["cents"]) / 100
        return Row(
            {
                "item": f"{reported['what']}s",
                "unit": reported["what"],
                "quantity": Decimal(reported["count"]),
                "scope_kind": "toymodel_key",
                "scope_ref": reported["key"],
                "recorded_at": moment(reported["at"]),
                "attributes": {"model": reported["model"]} if reported["model"] else {},
                "cost": cost,
                "currency": None if cost is None else "USD",
            },
            reported,
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        return Row({}, reported, fault=fault_of(error))


def read(client: ProviderClient, day: Day) -> Reading:
    return reading(MODELS, map(row, pages(client, day)), day)


def verify(client: ProviderClient, scopes: tuple[Scope, ...]) -> None:
    client.get("/me", parse_page, {})


MODELS = Source(
    name="toymodel",
    provider="toymodel",
    table="usage",
    contract="usage",
    connect=connect,
    read=read,
    verify=verify,
    scope_kinds=(ScopeKind("toymodel_key", column="scope_ref"),),
    stored=Allowed(fields(FIELDS)),
    facts=("key", "what", "model", "count", "at", "cents"),
    description="Tokens and messages of one Toymodel account, by API key.",
)
SOURCES = (MODELS,)
