"""Credits of a day: in all, which says that the day is there, and by key, which says whose they are."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from sources.bills import bill, bill_line, checked, fields_of_lines, literal, number
from sources.cartesia.client import CartesiaClient
from sources.checks.undocumented import Undocumented
from sources.day import Day
from sources.errors import AnswerMoved, ContractBroken, NotYetReported
from sources.reading import Reading
from sources.rows import Row, moment, parser
from sources.source import Source
from sources.text import said_day
from sources.window import Window, instant

KEY = "cartesia_key"
LINE, FACTS = fields_of_lines("id start_ts end_ts credits")
PATH = "/usage/credits"


class Buckets(msgspec.Struct):
    """Buckets of a range, or of each group of it."""

    data: list[dict[str, Any]]


_parse = parser(Buckets)


def read(source: Source, client: CartesiaClient, day: Day) -> Reading:
    """A line for each key that used credits, and one for what is of none. Raises SourceFailure; NotYetReported where
    the day has no bucket, and AnswerMoved where the keys used more than all.
    """
    whole = [bucket for bucket in _asked(client, day.usage_date).data if _is_of(day, bucket)]
    if not whole:
        raise NotYetReported(f"Cartesia has no bucket of {said_day(day.usage_date)}: what was used is unknown")
    if len(whole) > 1:
        raise ContractBroken(f"Cartesia has several buckets of {said_day(day.usage_date)}")
    total = number(whole[0].get("credits"))
    rows = list(checked(_line, _by_key(client, day)))
    of_keys = sum((row.values["quantity"] for row in rows if not row.fault), Decimal(0))
    if of_keys > total:
        raise AnswerMoved(
            f"Cartesia: keys used {of_keys} credits on {said_day(day.usage_date)}, and all together {total}"
        )
    if of_keys < total:
        rows.append(_line({**whole[0], "id": None, "credits": total - of_keys}))
    return bill(source, rows, day)


def verify(client: CartesiaClient) -> str:
    """Whether usage can be read: one question about a day of long ago."""
    _asked(client, date(2026, 1, 1))
    return "the credits of the account can be read"


def _asked(client: CartesiaClient, usage_date: date, **group: str) -> Buckets:
    window = Window.of_day(usage_date)
    span = {"start_ts": instant(window.start), "end_ts": instant(window.end), "interval": "day"}
    return client.get(PATH, _parse, span | group)


def _by_key(client: CartesiaClient, day: Day) -> Iterator[Mapping[str, Any]]:
    """Buckets of the day that hold credits, each with the key's id; what the key is called is not taken."""
    for group in _asked(client, day.usage_date, group_by="api_key").data:
        for bucket in group.get("buckets") or [{}]:
            if not bucket or (_is_of(day, bucket) and bucket.get("credits") != 0):
                yield {**bucket, "id": group.get("id")}


def _is_of(day: Day, bucket: Mapping[str, Any]) -> bool:
    """Whether a bucket begins within the day: ranges are rounded to whole days, and more may come than asked for."""
    try:
        at = moment(bucket.get("start_ts"))
    except (TypeError, ValueError):
        return True  # what cannot be placed is set aside by itself
    return at is None or at in day.window


def _line(answer: Mapping[str, Any]) -> Row:
    if moment(answer["start_ts"]) is None:
        raise Undocumented("it names no time")
    used = number(answer["credits"])
    return bill_line(
        answer,
        scope=(KEY, answer["id"]),
        service="tts",
        line_item="credits",
        amount=None,
        currency=None,
        amount_told=literal(answer["credits"]),
        amount_unit="credits",
        quantity=used,
        quantity_unit="credits",
    )
