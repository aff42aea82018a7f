"""The current pull of a day as it was read: what another pull of the same rows is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from warehouse.database import queries
from warehouse.ingestion.pulls import PullKey

FILE = "ingestion/stored"


@dataclass(frozen=True)
class Stored:
    """A published pull as it was read. totals and provider_totals: numbers as texts; windows: pairs of moments."""

    pull_id: int
    content_hash: str
    results_hash: str | None
    is_incomplete: bool
    windows: Sequence[tuple[str, str]]
    totals: Mapping[str, str]
    provider_totals: Mapping[str, str] | None
    sets_rows_aside: bool


def stored(connection: psycopg.Connection[Any], key: PullKey) -> Stored | None:
    """The current pull of an account-day that was read whole, with what it counted; None where there is none."""
    asked = {"source": key.source, "account": key.account, "usage_date": key.usage_date}
    return queries.first_typed(connection, Stored, FILE, "stored", **asked)
