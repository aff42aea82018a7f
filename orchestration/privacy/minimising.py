"""Bringing raw rows that stand to what their tenant chose, by the rule they land by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import psycopg

from orchestration.ingestion.routing import Routing
from sources.personal import Document
from sources.registry import all_sources
from sources.source import Source
from warehouse.database.connect import Role, connect
from warehouse.privacy import personal

_BATCH = 2_000
_DECODE = msgspec.json.Decoder(Document).decode
_ENCODE = msgspec.json.encode


@dataclass(frozen=True)
class Applied:
    """How many rows of raw of a tenant changed. is_final: no pull by the former choice is under way."""

    rows_changed: int
    is_final: bool


def apply_choices(url: str, actor: str, on_progress: Callable[[str, int], None] | None = None) -> dict[str, Applied]:
    """Apply every tenant's choice that is due; by tenant, what that did. Safe to interrupt and to repeat.

    What is not final stays due, and the next time ends it. Raises WarehouseError.
    """
    done: dict[str, Applied] = {}
    with connect(url, Role.LOADER, actor=actor, autocommit=True) as loader, connect(url, Role.LOADER) as reader:
        for tenant_id, chosen_at in personal.choices_due(loader):
            is_final = not personal.is_pulled_as_before(loader, chosen_at)
            changed = 0
            routing = Routing.load(loader)
            for source in all_sources().values():
                over = _changed(reader, routing, source, tenant_id)
                while rows := list(islice(over, _BATCH)):
                    minimised = personal.minimise(loader, source, rows)
                    is_final = is_final and minimised == len(rows)
                    changed += minimised
                    if on_progress is not None:
                        on_progress(tenant_id, changed)
            reader.commit()
            if is_final:
                personal.choice_applied(loader, tenant_id, chosen_at, changed)
            done[tenant_id] = Applied(changed, is_final)
    return done


def _changed(
    reader: psycopg.Connection[Any], routing: Routing, source: Source, tenant_id: str
) -> Iterator[tuple[str, str]]:
    """Where each row is that holds more than was chosen, and its payload as it may be stored."""
    if source.minimised is None:
        return
    for row in personal.rows_of(reader, source, tenant_id):
        document = _DECODE(row.payload)
        scopes = {kind: value for kind, value in row.scopes.items() if value}
        stored = source.minimise(document, routing.choices_of(row.account, row.usage_date)(scopes))
        if stored != document:
            yield row.row_id, _ENCODE(stored).decode()
