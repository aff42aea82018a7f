"""What was used on one completed UTC day, by workspace, model and endpoint.

https://openrouter.ai/docs/api-reference/analytics/get-user-activity
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from sources.bills import bill, bill_line, checked, literal, number
from sources.checks.undocumented import Undocumented, day_in
from sources.day import Day
from sources.openrouter.client import OpenRouterClient
from sources.reading import Reading
from sources.rows import Row, parser
from sources.source import Source
from sources.text import said_day

PATH = "/activity"
WORKSPACE = "openrouter_workspace"
SHOWN_WORKSPACES = 10
_BY_WORKSPACE = {"group_by": "workspace"}


class Answer(msgspec.Struct):
    data: list[dict[str, Any]]


parse_answer = parser(Answer)


def read(source: Source, client: OpenRouterClient, day: Day) -> Reading:
    """The day's lines: what is on OpenRouter's bill, and apart from it what another bill has by a key of one's own."""
    answer = client.get(PATH, parse_answer, {"date": day.usage_date.isoformat(), **_BY_WORKSPACE})
    return bill(source, _lines(answer.data, day.usage_date), day)


def verify(client: OpenRouterClient) -> str:
    """The workspaces with any activity in the days that OpenRouter remembers."""
    rows = client.get(PATH, parse_answer, _BY_WORKSPACE).data
    names = sorted({str(row.get("workspace_id") or "the default one") for row in rows})
    shown = ", ".join(names[:SHOWN_WORKSPACES]) + (" …" if len(names) > SHOWN_WORKSPACES else "")
    return f"its account was used lately in workspaces: {shown or 'none'}"


def _lines(rows: Iterable[Mapping[str, Any]], usage_date: date) -> Iterator[Row]:
    for row in rows:
        (on_the_bill,) = checked(lambda one: _on_the_bill(one, usage_date), [row])
        yield on_the_bill
        if on_the_bill.fault is None:
            (elsewhere,) = checked(_elsewhere, [row])
            if elsewhere.fault or elsewhere.values["amount"]:
                yield elsewhere


def _on_the_bill(row: Mapping[str, Any], usage_date: date) -> Row:
    """What OpenRouter takes from the account's credits. ValueError for a row of another day."""
    if str(row["date"])[:10] != usage_date.isoformat():
        raise Undocumented(f"it is of {day_in(row['date'])}, and {said_day(usage_date)} was asked for")
    tokens = [row.get(name) for name in ("prompt_tokens", "completion_tokens")]
    used = None if None in tokens else sum((number(count) for count in tokens), Decimal(0))
    return _line(row, "usage", _named(row), "provider_account", used)


def _elsewhere(row: Mapping[str, Any]) -> Row:
    """What the model's provider charges for it, by a key of the account's owner."""
    return _line(row, "byok_usage_inference", f"{_named(row)}, by a key of one's own", "external", None)


def _line(row: Mapping[str, Any], field: str, line_item: str, payer: str, used: Decimal | None) -> Row:
    told = row[field]
    return bill_line(
        row,
        scope=(WORKSPACE, row.get("workspace_id")),
        service="llm",
        line_item=line_item,
        amount=None if told is None else number(told),
        currency="USD",
        amount_told=None if told is None else literal(told),
        amount_unit="dollars",
        quantity=used,
        quantity_unit="tokens",
        payer=payer,
    )


def _named(row: Mapping[str, Any]) -> str:
    return f"{row.get('model_permaslug') or row['model']} at {row['provider_name']} ({row['endpoint_id']})"
