"""A provider that nobody has heard of, as somebody else's package brings it: calls, and what they cost at its bill."""

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

URL = "https://api.toy.example"
CALL_FIELDS = Allowed(
    {**fields("id number state created started ended dollars caller"), "parts": [fields("what dollars")]}
)
LINE_FIELDS = Allowed(fields("workspace what dollars"))


class Page(msgspec.Struct):
    rows: list[dict[str, Any]]
    next: str | None


parse_page = parser(Page)


def connect(access: Access) -> ProviderClient:
    headers = {"authorization": f"Bearer {access.key}"}
    return ProviderClient("Toy", access.address or URL, headers, access.budget(at_once=2, per_second=5))


def pages(client: ProviderClient, path: str, day: Day) -> Iterator[Mapping[str, Any]]:
    """Every page, or a failure: a page that names itself as the next one would go on for ever."""
    seen: set[str | None] = set()
    page: str | None = "1"
    while page:
        if page in seen:
            raise ContractBroken(f"Toy GET {path}: page {page} is told twice")
        seen.add(page)
        answer = client.get(path, parse_page, {"day": day.usage_date.isoformat(), "page": page})
        yield from answer.rows
        page = answer.next


def call(reported: Mapping[str, Any]) -> Row:
    try:
        return Row(
            {
                "call_id": reported["id"],
                "created_at": moment(reported["created"]),
                "started_at": moment(reported["started"]),
                "ended_at": moment(reported["ended"]),
                "state": "ended" if reported["state"] == "done" else "in progress",
                "direction": "inbound",
                "scopes": {"toy_number": reported["number"]},
                "cost": Decimal(reported["dollars"]),
                "currency": "USD",
                "cost_items": [
                    {"component": part["what"], "cost": Decimal(part["dollars"])} for part in reported["parts"]
                ],
            },
            reported,
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        return Row({}, reported, fault=fault_of(error))


def line(reported: Mapping[str, Any]) -> Row:
    try:
        return Row(
            {
                "grain": "day",
                "scope_kind": "toy_workspace" if reported["workspace"] else None,
                "scope_ref": reported["workspace"],
                "service": "llm",
                "line_item": reported["what"],
                "amount": Decimal(reported["dollars"]),
                "currency": "USD",
                "amount_told": reported["dollars"],
                "amount_unit": "dollars",
                "payer": "provider_account",
            },
            reported,
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        return Row({}, reported, fault=fault_of(error))


def read_calls(client: ProviderClient, day: Day) -> Reading:
    return reading(VOICE, map(call, pages(client, "/calls", day)), day)


def read_bill(client: ProviderClient, day: Day) -> Reading:
    return reading(BILL, map(line, pages(client, "/bill", day)), day)


def verify(client: ProviderClient, scopes: tuple[Scope, ...]) -> None:
    client.get("/me", parse_page, {})


VOICE = Source(
    name="toy_calls",
    provider="toy",
    table="calls",
    contract="calls",
    connect=connect,
    read=read_calls,
    verify=verify,
    scope_kinds=(ScopeKind("toy_number"),),
    stored=CALL_FIELDS,
    facts=("id", "number", "state", "created", "started", "ended", "dollars", "parts"),
    description="Calls of one Toy account.",
)
BILL = Source(
    name="toy_bill",
    provider="toy",
    table="bill",
    contract="costs",
    bills=False,
    connect=connect,
    read=read_bill,
    verify=verify,
    scope_kinds=(ScopeKind("toy_workspace", column="scope_ref"),),
    stored=LINE_FIELDS,
    facts=("workspace", "what", "dollars"),
    minimised=None,
    description="What Toy charges, by workspace.",
)
SOURCES = (VOICE, BILL)
