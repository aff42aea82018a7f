"""Bringing raw rows that stand to the fields of their source's contract, by the rule they land by."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec

from sources.checks.allowed import Allowed
from sources.personal import Document
from sources.registry import all_sources
from warehouse.database.connect import Role, connect
from warehouse.sources import fields

_BATCH = 2_000
_DECODE = msgspec.json.Decoder(Document).decode
_ENCODE = msgspec.json.encode


def clean(url: str, actor: str, on_progress: Callable[[str, int, int], None] | None = None) -> dict[str, int]:
    """Take out of every raw row what is of no contract; rows changed, by source. Safe to interrupt and to repeat;
    it is recorded as done unless a row changed while it was looked at, which the next time finds.

    `on_progress` is given source, rows looked at and rows changed so far. Raises WarehouseError.
    """
    done: dict[str, int] = {}
    left_alone = 0
    with connect(url, Role.LOADER, actor=actor, autocommit=True) as loader, connect(url, Role.LOADER) as reader:
        for source in all_sources().values():
            if source.stored is None:
                continue
            looked_at = changed = 0
            rows = fields.payloads(reader, source)
            while batch := list(islice(rows, _BATCH)):
                if found := list(_to_clean(source.stored, batch)):
                    cleaned = fields.clean(loader, source.name, found)
                    changed += cleaned
                    left_alone += len(found) - cleaned
                looked_at += len(batch)
                if on_progress is not None:
                    on_progress(source.name, looked_at, changed)
            done[source.name] = changed
            reader.commit()
        if not left_alone:
            fields.cleaned(loader, sum(done.values()))
    return done


def _to_clean(contract: Allowed, rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Where each row is that holds more than its contract, and its payload as it may be stored."""
    for row_id, payload in rows:
        document = _DECODE(payload)
        stored = contract.kept(document, set())
        if _differs(stored, document):
            yield row_id, _ENCODE(stored).decode()


def _differs(stored: Document, document: Document) -> bool:
    """Whether more than the spaces between differs."""
    if stored.keys() != document.keys():
        return True
    return any(
        value != document[name] and msgspec.json.decode(value) != msgspec.json.decode(document[name])
        for name, value in stored.items()
    )
