"""A row that breaks its source's contract is set aside by itself; the rest of its day is published without it."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from sources.errors import ContractBroken

MOST_ALONE = 5
"""So many odd rows may be the majority of a day: of more, the answer as a whole is of another contract."""

TOO_DEEP = "its JSON is nested too deep to be read"
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)


@dataclass(frozen=True)
class Quarantined:
    """A row set aside. `item` names it: the provider's id where that can be read, else a digest of `content`.

    `content` is what makes it the same row in a later answer. `scopes` (kind to value) may say whose it is, `at` when
    it happened. `payload` is its JSON as a row of nobody's is stored; None where it cannot be read as JSON. `totals` is
    what of it can be counted. `length_from`: of a call that breaks nothing but the bounds of its length, when it began.
    """

    item: str
    reason: str
    content: bytes
    scopes: Mapping[str, str] = field(default_factory=dict)
    payload: str | None = None
    at: datetime | None = None
    totals: Mapping[str, Decimal] = field(default_factory=dict)
    length_from: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """The same for the same row, wrong in the same way."""
        return hashlib.sha256(self.content + self.reason.encode()).hexdigest()


def digest(content: bytes) -> str:
    """A name for a row that has none."""
    return f"row-{hashlib.sha256(content).hexdigest()[:12]}"


def each_named_once(rows: Iterable[Quarantined]) -> tuple[Quarantined, ...]:
    """The rows, those of one name told apart by a number."""
    seen: dict[str, int] = {}
    named = []
    for row in rows:
        seen[row.item] = seen.get(row.item, 0) + 1
        named.append(row if seen[row.item] == 1 else replace(row, item=f"{row.item} ({seen[row.item]})"))
    return tuple(named)


def refuse_another_contract(provider: str, odd: Sequence[Quarantined], good: int) -> None:
    """Raise ContractBroken where odd rows are the rule: a good day must not be replaced by what is left of it."""
    if len(odd) > max(MOST_ALONE, good):
        raise ContractBroken(
            f"{provider}: {len(odd)} of {len(odd) + good} rows are not as documented, the first of them {odd[0].item}:"
            f" {odd[0].reason}"
        )


def elements(array: bytes) -> list[bytes] | None:
    """The elements of a JSON array as they stand, whatever is wrong inside of one. None if it is no whole array."""
    text = array.strip()
    depth, start = 0, 1
    found: list[bytes] = []
    for token in _TOKEN.finditer(text) if text.startswith(b"[") else ():
        if token[0] in b"[{":
            depth += 1
        elif token[0] == b"," and depth == 1:
            found.append(text[start : token.start()].strip())
            start = token.end()
        elif token[0] in b"]}":
            depth -= 1
            if depth == 0:
                last = text[start : token.start()].strip()
                return ([*found, last] if last or found else []) if token.end() == len(text) else None
    return None
