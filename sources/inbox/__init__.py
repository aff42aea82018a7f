"""What was pushed to us as events, read like any provider's answer: one tenant, one UTC day.

stored events ──▶ those that stand ──▶ rows of usage ──▶ Reading, with the sums by which a day is known to be due
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from sources.checks.allowed import OPEN, PLAIN, Allowed
from sources.checks.bounds import LONGEST_TEXT
from sources.day import Access, Day, Scope
from sources.errors import NotConfigured, ProviderRefused
from sources.reading import Reading
from sources.rows import Row, reading
from sources.source import Account, ScopeKind, Source

SUBJECT = ScopeKind("event_subject", column="scope_ref", field="subject")
DEFAULT_UNIT = "event"
RESERVED = frozenset({"quantity", "quantities", "unit", "cost", "currency"})
"""Members of data that are no attributes."""
_DECODE = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


def _connect(access: Access) -> Any:
    if access.pushed is None:
        raise NotConfigured("what was pushed is read by the warehouse's own processes only")
    return access.pushed


def _read(inbox: Any, day: Day) -> Reading:
    """The day's events that stand. ProviderRefused where they are not kept any more: the day stays as it was read."""
    with inbox.day(EVENTS.name, day.tenant_id, day.usage_date) as (sums, events):
        if sums.stored != sums.events:
            raise ProviderRefused(
                f"{sums.events} events arrived of that day and {sums.stored} are stored: older ones are not kept any"
                " more, and the day stays as it was read"
            )
        found = reading(EVENTS, _rows(events), day)
    return replace(found, totals={**found.totals, "events": sums.events, "content": sums.content})


def _rows(events: Iterator[Any]) -> Iterator[Row]:
    for event in events:
        facts = _DECODE(event.facts)
        data = facts | (_DECODE(event.personal) if event.personal else {})
        cost = facts.get("cost")
        values = {
            "item": event.type,
            "unit": facts.get("unit") or DEFAULT_UNIT,
            "scope_kind": None if event.subject is None else SUBJECT.name,
            "scope_ref": event.subject,
            "recorded_at": event.happened_at,
            "reference": event.event_id,
            "cost": None if cost is None else Decimal(cost),
            "currency": facts.get("currency"),
        }
        answer = {
            "id": event.event_id,
            "source": event.source,
            "type": event.type,
            "subject": event.subject,
            "time": event.happened_at,
            "data": data,
        }
        attributes = {**_attributes(facts), "event_source": event.source}
        for kind, quantity in _quantities(facts):
            if event.is_replacement and not quantity:
                continue  # it voids what it replaces
            yield Row({**values, "quantity": quantity, "attributes": {**attributes, **kind}}, answer)


def _quantities(facts: dict[str, Any]) -> Iterator[tuple[dict[str, str], Decimal]]:
    """Each quantity of an event with the attribute that tells it from the others; the one that has none of its own."""
    if (kinds := facts.get("quantities")) is None:
        yield {}, Decimal(facts.get("quantity", 1))
        return
    for kind, count in kinds.items():
        yield {"kind": kind}, Decimal(count)


def _attributes(facts: dict[str, Any]) -> dict[str, str]:
    """Members of data that tell usage apart: plain ones, as text."""
    return {
        name: text
        for name, value in facts.items()
        if name not in RESERVED and (text := _text(value)) is not None and len(text) <= LONGEST_TEXT
    }


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | Decimal) else None


def _verify(inbox: Any, scopes: tuple[Scope, ...]) -> None:
    """There is no key to be tried."""


EVENTS = Source(
    name="events",
    provider="inbox",
    table="events",
    contract="usage",
    description="Usage that tenants push as events (POST /v1/events).",
    connect=_connect,
    read=_read,
    verify=_verify,
    needs_credential=False,
    account=Account.PUSHED,
    scope_kinds=(SUBJECT,),
    stored=Allowed({"id": PLAIN, "source": PLAIN, "type": PLAIN, "subject": PLAIN, "time": PLAIN, "data": {"*": OPEN}}),
    facts=("id", "source", "type", "subject", "time"),
)
SOURCES = (EVENTS,)
