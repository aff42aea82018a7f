"""Lines of a workspace's day. Which of the two modes it is billed in, it does not say: it is asked for credits, which
is refused from the day on which it is billed by cost.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from sources.bills import bill, bill_line, checked, literal, number
from sources.checks.undocumented import Undocumented
from sources.day import Day
from sources.elevenlabs.client import ElevenLabsClient
from sources.elevenlabs.tables import MONEY, Found, Table, bucket, found_in, parse, rows_of
from sources.errors import ProviderRefused
from sources.reading import Reading
from sources.rows import Row
from sources.source import Source
from sources.text import said_day, said_moment
from sources.window import Window

CREDITS_PATH = "/v1/workspace/analytics/query/usage-by-product-over-time"
COST_PATH = "/v1/workspace/analytics/usage"
SCOPES = {
    "key": ("elevenlabs_key", "hashed_xi_api_key"),
    "workspace": ("elevenlabs_workspace", "reporting_workspace_id"),
    "billing_group": ("elevenlabs_billing_group", "billing_group_id"),
}
"""By what a line finds its tenant: the kind of scope, and the dimension that holds it."""
DAY_SECONDS = 86_400
_OF_WORD = {"agent": "platform", "convai": "platform", "scribe": "stt", "speech_to_text": "stt", "stt": "stt"}


def read(source: Source, client: ElevenLabsClient, day: Day) -> Reading:
    """The lines of the day. Raises SourceFailure."""
    table, is_money = _table(client, day.usage_date)
    found = found_in(table, MONEY, "total_cost") if is_money else found_in(table, frozenset({"credits"}))
    return bill(source, checked(lambda row: _line(client, found, row, day), _of_day(table, found, day)), day)


def verify(client: ElevenLabsClient) -> str:
    """Whether analytics can be read: one question, or two, about a day of long ago."""
    _, is_money = _table(client, date(2024, 1, 1))
    return f"usage of the workspace can be read, in {'money' if is_money else 'credits'} as of 2024-01-01"


def _table(client: ElevenLabsClient, usage_date: date) -> tuple[Table, bool]:
    """The day's table, and whether it is in money. ProviderRefused, in the words of both, where both refuse."""
    _, dimension = SCOPES[client.scope]
    in_credits: ProviderRefused | None = None
    if client.by_cost_from is None or usage_date < client.by_cost_from:
        try:
            asked = _asked(usage_date, dimension, "product_type") | {"time_zone": "UTC"}
            return client.post(CREDITS_PATH, parse, asked), False
        except ProviderRefused as refused:
            if refused.status not in (400, 409, 422):
                raise
            in_credits = refused
    try:
        # Of the dimensions that bound each other one may be asked for; the model can always be added.
        table = client.post(COST_PATH, parse, _asked(usage_date, dimension, "model"))
    except ProviderRefused as refused:
        raise ProviderRefused(f"{refused}; and in credits: {in_credits}") from None
    client.by_cost_from = min(usage_date, client.by_cost_from or usage_date)
    return table, True


def _asked(usage_date: date, *group_by: str) -> dict[str, Any]:
    window = Window.of_day(usage_date)
    start, end = (int(at.timestamp()) * 1000 for at in (window.start, window.end))
    return {"start_time": start, "end_time": end, "interval_seconds": DAY_SECONDS, "group_by": list(group_by)}


def _of_day(table: Table, found: Found, day: Day) -> Iterator[Mapping[str, Any]]:
    """Rows but those of the next day: nothing says whether the end of a range is in it."""
    for row in rows_of(table):
        try:
            is_of_next = bucket(row[found.at]) == day.window.end
        except (KeyError, TypeError, ValueError, ArithmeticError):
            is_of_next = False
        if not is_of_next:
            yield {**row, "unit": found.unit}


def _line(client: ElevenLabsClient, found: Found, row: Mapping[str, Any], day: Day) -> Row:
    if (at := bucket(row[found.at])) not in day.window:
        raise Undocumented(f"its bucket begins on {said_moment(at)}, and {said_day(day.usage_date)} was asked for")
    kind, dimension = SCOPES[client.scope]
    name = str(row.get("product_type") or row.get("model") or "not named")
    told = row[found.amount]
    is_money = found.unit in MONEY
    used = row.get("total_charge_count") if is_money else told
    return bill_line(
        row,
        scope=(kind, row[dimension]),
        service=next((service for word, service in _OF_WORD.items() if word in name.casefold()), "tts"),
        line_item=name,
        amount=number(told) if is_money else None,
        currency=found.unit if is_money else None,
        amount_told=literal(told),
        amount_unit="dollars" if is_money else "credits",
        quantity=None if used is None else number(used),
        quantity_unit="charges" if is_money else "credits",
    )
