"""What reading one account's UTC day gives, whichever the source."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

import pyarrow as pa

from sources.checks.quarantine import Quarantined
from sources.window import Window

REPLACED = "characters_replaced"
"""The total of what was no UTF-8 in the answers of a reading; missing where all of it was."""
SUMMED = "lines_summed"
"""The total of lines of a bill that nothing tells from another one, and that were added to it; missing where none was.
In the payload, the list of such lines as they were answered.
"""
BEYOND_TOTAL = "lines_beyond_total"
"""The total of lines of a bill that add up to more than the provider's own total, which was taken in their place."""

CAMPAIGN_CALLS = "campaign_calls"
"""The total of calls that a campaign made, of a source that lists its campaigns; missing where none did."""
ADOPTED = "rows_adopted"
"""The total of rows that were reported, and that a person adopted; missing where there is none."""


@dataclass(frozen=True)
class Reading:
    """One account's UTC day, complete.

    `table` has the columns of the raw table without account, tenant_id, usage_date, pull_id and _dlt_load_id;
    `payload` is JSON text. `keys` are the natural keys of its rows: a key that a later reading lacks was lost by the
    provider. `content_hash` covers what billing depends on, whatever the order of the rows; `results_hash` what rows of
    calls say beside it, as it may be stored, None for nothing: where it alone changes, no day is billed again.
    `totals` are counted from the rows; `provider_totals` were told by the provider, by the same names, where it
    tells any. `quarantined` are rows of the day that are in no table: they break the contract; totals count what of
    them can be counted. `new_fields` are paths of what was told, is of no contract and was not stored.
    `is_in_progress`: the day was not over when it was read.
    """

    table: pa.Table
    keys: frozenset[str]
    content_hash: str
    is_incomplete: bool
    windows: tuple[Window, ...]
    requests: int
    totals: dict[str, Decimal]
    provider_totals: dict[str, Decimal] | None = None
    new_fields: frozenset[str] = frozenset()
    quarantined: tuple[Quarantined, ...] = ()
    is_in_progress: bool = False
    results_hash: str | None = None

    @property
    def of_a_day_in_progress(self) -> "Reading":
        """The same of a day that is not over: incomplete, no claim of the provider's to be held against, and never the
        same as what the whole day will be.
        """
        return replace(
            self,
            content_hash=f"{self.content_hash} in progress",
            is_incomplete=True,
            is_in_progress=True,
            provider_totals=None,
        )

    def with_adopted(self, adopted: "Reading") -> "Reading":
        """The same with rows that were reported and that a person adopted, none of which it has. What the provider
        counts, and what is compared with that, stays.
        """
        results = [one.encode() for one in (self.results_hash, adopted.results_hash) if one is not None]
        return replace(
            self,
            table=pa.concat_tables([self.table, adopted.table]),
            keys=self.keys | adopted.keys,
            content_hash=hash_rows([self.content_hash.encode(), adopted.content_hash.encode()]),
            is_incomplete=self.is_incomplete or adopted.is_incomplete,
            totals=self.totals | {ADOPTED: Decimal(len(adopted.keys))},
            results_hash=hash_rows(results) if adopted.results_hash is not None else self.results_hash,
        )

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the day is still under way, and nothing of it was set aside."""
        return not (self.is_incomplete or self.quarantined)


def hash_rows(rows: Iterable[bytes]) -> str:
    """SHA-256, in hex, of a bag of rows: their order does not matter, how often one occurs does."""
    whole = hashlib.sha256()
    for digest in sorted(hashlib.sha256(row).digest() for row in rows):
        whole.update(digest)
    return whole.hexdigest()


_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u(?:0000|[dD][89a-fA-F]..)|.)", re.DOTALL)


def storable(json_text: bytes) -> bytes:
    r"""The same JSON without `\u0000` and unpaired surrogates, each replaced by U+FFFD.

    Both are legal JSON, but Postgres refuses to read any field of a document that holds one: a single caller's name
    could stop every build. https://www.postgresql.org/docs/current/datatype-json.html
    """
    if not _UNSTORABLE.search(json_text):
        return json_text
    return _ESCAPE.sub(lambda found: rb"\ufffd" if _is_lone(found[0]) else found[0], json_text)


def _is_lone(escape: bytes) -> bool:
    return len(escape) == len(rb"\u0000") and bool(_UNSTORABLE.match(escape))
