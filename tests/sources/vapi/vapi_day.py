"""A day of Vapi calls, small enough to know by heart."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sources import vapi
from sources.http import ProviderClient
from sources.personal import Choices
from sources.reading import Reading
from sources.window import MILLISECOND, instant

DAY = date(2026, 2, 18)
MIDNIGHT = datetime(2026, 2, 18, tzinfo=UTC)


def call(number: int, milliseconds: int = 0, **fields: Any) -> dict[str, Any]:
    """A call created so long after midnight; a field given as None is left out."""
    at = MIDNIGHT + milliseconds * MILLISECOND
    reported: dict[str, Any] = {
        "id": f"call-{number}",
        "orgId": "org",
        "createdAt": instant(at),
        "updatedAt": instant(at + timedelta(minutes=9)),
        "startedAt": instant(at + timedelta(seconds=2)),
        "endedAt": instant(at + timedelta(seconds=63)),
        "status": "ended",
        "type": "inboundPhoneCall",
        "cost": 0.1,
        "costs": [{"type": "vapi", "cost": 0.1}],
    }
    return {name: value for name, value in (reported | fields).items() if value is not None}


def choices_of(scopes: Mapping[str, str]) -> Choices:
    return Choices()


def read(client: ProviderClient, day: date = DAY) -> Reading:
    return vapi.read_day(client, day, choices_of=choices_of)
