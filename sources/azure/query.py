"""One question to cost management: its body, all of its pages, and its rows by the names of their columns.

https://learn.microsoft.com/en-us/rest/api/cost-management/query/usage
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from sources.azure.client import AzureClient
from sources.bills import every_page
from sources.errors import ContractBroken
from sources.rows import parser

MOST_GROUPS = 2
MOST_DAYS = 31
WHAT = "Azure POST query"


class Column(msgspec.Struct):
    name: str


class Properties(msgspec.Struct, rename="camel"):
    columns: list[Column]
    rows: list[list[Any]]
    next_link: str | None = None


class Page(msgspec.Struct):
    properties: Properties

    @property
    def has_more(self) -> bool:
        return bool(self.properties.next_link)

    @property
    def next_page(self) -> str | None:
        return self.properties.next_link


parse_page = parser(Page)


def question(
    groups: Sequence[tuple[str, str]],
    *,
    days: tuple[date, date] | None = None,
    timeframe: str = "Custom",
    services: Sequence[str] = (),
) -> dict[str, Any]:
    """Costs as they are charged, by day and at most two groups (kind, name); `days` are both included, 31 at most."""
    dataset: dict[str, Any] = {
        "granularity": "Daily",
        "aggregation": {"cost": {"name": "Cost", "function": "Sum"}},
        "grouping": [{"type": kind, "name": name} for kind, name in groups],
    }
    if services:
        dataset["filter"] = {"dimensions": {"name": "ServiceName", "operator": "In", "values": list(services)}}
    body: dict[str, Any] = {"type": "ActualCost", "timeframe": timeframe, "dataset": dataset}
    if days:
        body["timePeriod"] = {"from": f"{days[0]}T00:00:00Z", "to": f"{days[1]}T23:59:59Z"}
    return body


def answered(client: AzureClient, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every row of every page, as column to value. ContractBroken for a row that has other columns than are named."""
    for page in every_page(WHAT, lambda link: client.query(parse_page, body, link)):
        names = [column.name for column in page.properties.columns]
        if len(set(names)) < len(names):
            raise ContractBroken(f"{WHAT}: a column is named twice")
        for row in page.properties.rows:
            if len(row) != len(names):
                raise ContractBroken(f"{WHAT}: a row has {len(row)} values for {len(names)} columns")
            yield dict(zip(names, row, strict=True))


def day_of(row: dict[str, Any]) -> date | None:
    """The row's day, which is told as a number: 20180331. None where it is none."""
    told = row.get("UsageDate")
    if isinstance(told, bool) or not isinstance(told, int | Decimal | str):
        return None
    try:
        return date.fromisoformat(f"{int(told)}")
    except (ValueError, ArithmeticError):
        return None
