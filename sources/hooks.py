"""What a provider tells us of single rows as they happen: how a delivery is proven, and what it says.

    delivery ──▶ is it the provider's? (raw body, constant time) ──▶ message ──▶ report of one row, without secrets

A report is a hint and never a bill: it makes its day due, and what is then pulled is the record.
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sources.day import Day
from sources.reading import Reading

TOLERANCE = timedelta(seconds=300)
"""How old a signed delivery may be, and how far ahead: clocks differ, and a provider repeats within minutes."""


class Method(StrEnum):
    """How a delivery is proven: by a secret in a header, by a signature with it, or by the address alone."""

    BEARER = "bearer"
    HMAC = "hmac"
    ADDRESS = "address"


class NoMessage(ValueError):
    """The body is none of the provider's messages."""


@dataclass(frozen=True)
class Delivery:
    """One request as it came: names of headers are in lower case, `url` is the one that the provider was given."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime

    def header(self, name: str) -> str:
        """A header's value, empty where there is none."""
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True)
class Report:
    """What a message says of one row, which counts on the UTC day that it was created. `row` is the row's JSON as far
    as the message says it, in the shape that its source lists it and without what is personal; `hash` tells whether two
    reports say the same. is_final: it ended, and must be listed. is_gone: the provider deleted it.
    """

    row_id: str
    kind: str
    status: str
    created_at: datetime
    ended_at: datetime | None
    cost: Decimal | None
    is_final: bool
    is_gone: bool
    hash: bytes
    row: str


@dataclass(frozen=True)
class Message:
    """What a delivery says: a report; or what somebody has to know: code and whom it is about; or nothing of use."""

    kind: str
    report: Report | None = None
    notice: tuple[str, str] | None = None


@dataclass(frozen=True)
class Setting:
    """A setting of a hook: what it means, and the regular expression that the whole of its value fits."""

    meaning: str
    form: str


@dataclass(frozen=True, kw_only=True)
class Hook:
    """How a provider tells us of single rows. methods: how its deliveries can be proven, the usual one first.

    is_genuine(delivery, secret, method, settings): whether the provider sent it, asked of the raw body and before it is
    parsed. read(body): what it says; raises NoMessage. steps(url, method, settings): what a person enters at the
    provider. secret_is_given: a person gives the secret, which is not ours to choose.
    row_column, ended_column: the columns of the raw table that hold a row's id and end; cost_field: the field of its
    payload that holds what it cost. Without them a report names no row that is listed: it makes its day due once.
    rows(reported, day): what `Report.row` of some rows of a day says, as a reading that holds them alone.
    """

    methods: tuple[Method, ...]
    is_genuine: Callable[[Delivery, str, Method, Mapping[str, str]], bool]
    read: Callable[[bytes], Message]
    steps: Callable[[str, Method, Mapping[str, str]], str]
    secret_is_given: bool = False
    row_column: str | None = None
    ended_column: str | None = None
    cost_field: str | None = None
    rows: Callable[[Sequence[str], Day], Reading] | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def fault_of_settings(self, settings: Mapping[str, Any]) -> str | None:
        """What is wrong with a hook's settings, in words."""
        for name, value in settings.items():
            allowed = self.settings.get(name)
            if allowed is None:
                return f"there is no setting '{name}'; there is {', '.join(self.settings) or 'none'}"
            if not re.fullmatch(allowed.form, value):
                return f"'{name}' is {allowed.meaning}, not '{value}'"
        return None


def is_same(given: str, wanted: str) -> bool:
    """Whether two texts are the same, in a time that tells nothing about where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode("utf-8", "surrogateescape"))


def is_fresh(stamp: str, at: datetime) -> bool:
    """Whether a time in seconds (10 digits) or milliseconds (13) since 1970 is within the tolerance of `at`."""
    if not re.fullmatch(r"\d{10}|\d{13}", stamp, flags=re.ASCII):
        return False
    seconds = Decimal(stamp) / (1 if len(stamp) == 10 else 1000)
    return abs(Decimal(str(at.timestamp())) - seconds) <= Decimal(TOLERANCE.total_seconds())
