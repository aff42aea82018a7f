"""Bringing calls, transcripts and metrics that stand to what their tenant chose, by the rule they land by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import psycopg

from orchestration.ingestion.routing import Routing
from sources import usage_metrics, vapi, voiceflow
from sources.personal import Document, minimised
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
            for over, minimise in (
                (_changed(reader, routing, tenant_id), personal.minimise),
                (_changed_transcripts(reader, routing, tenant_id), personal.minimise_transcripts),
                (_changed_metrics(reader, routing, tenant_id), personal.minimise_metrics),
            ):
                while rows := list(islice(over, _BATCH)):
                    changed += minimise(loader, rows)
                    if on_progress is not None:
                        on_progress(tenant_id, changed)
            reader.commit()
            if is_final:
                personal.choice_applied(loader, tenant_id, chosen_at, changed)
            done[tenant_id] = Applied(changed, is_final)
    return done


def _changed(reader: psycopg.Connection[Any], routing: Routing, tenant_id: str) -> Iterator[tuple[int, str, str]]:
    """Pull, call and payload of each call that holds more than was chosen."""
    for call in personal.calls_of(reader, tenant_id):
        document = _DECODE(call.payload)
        choices = routing.choices_of(call.account, call.usage_date)(vapi.scopes_of(document))
        stored = minimised(document, choices)
        if stored != document:
            yield call.pull_id, call.call_id, _ENCODE(stored).decode()


def _changed_transcripts(
    reader: psycopg.Connection[Any], routing: Routing, tenant_id: str
) -> Iterator[tuple[int, str, str]]:
    """Pull, transcript and payload of each transcript that holds more than was chosen."""
    choices = routing.choices_of_tenant(tenant_id)
    for transcript in personal.transcripts_of(reader, tenant_id):
        document = _DECODE(transcript.payload)
        stored = voiceflow.kept_of(document, choices)
        if stored != document:
            yield transcript.pull_id, transcript.transcript_id, _ENCODE(stored).decode()


def _changed_metrics(
    reader: psycopg.Connection[Any], routing: Routing, tenant_id: str
) -> Iterator[tuple[int, str, str]]:
    """Pull, payload as it stands and as it may stand, of each row of metrics that holds more than was chosen."""
    choices = routing.choices_of_tenant(tenant_id)
    for pull_id, payload in personal.metrics_of(reader, tenant_id):
        document = _DECODE(payload)
        stored = usage_metrics.kept_of(document, choices)
        if stored != document:
            yield pull_id, payload, _ENCODE(stored).decode()
