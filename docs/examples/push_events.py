"""Push usage with the CloudEvents SDK, safely repeated: pip install cloudevents httpx.

An event gets its id once, when it happens. Keep events until `push` returns: whatever is sent again counts once.
"""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent


def scan(scan_id: str, pages: int) -> CloudEvent:
    """What was used, as an event."""
    return CloudEvent(
        {"id": scan_id, "source": "/ocr/eu-1", "type": "ocr.scan", "time": datetime.now(UTC)},
        {"quantity": pages, "unit": "page"},
    )


def push(address: str, key: str, events: Sequence[CloudEvent], patience: float = 3600) -> list[dict[str, Any]]:
    """Push up to 1,000 events; returns the refused ones, each with its code: all others are stored.

    Repeats for `patience` seconds where there is no answer. Raises httpx.HTTPError where repeating does not help.
    """
    body = b"[" + b",".join(JSONFormat().write(event) for event in events) + b"]"
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents-batch+json"}
    wait, until = 0.5, time.monotonic() + patience
    while True:
        try:
            answer = httpx.post(f"{address}/v1/events", content=body, headers=headers, timeout=30)
            if answer.status_code in (202, 422):
                return list(json.loads(answer.content).get("rejected", []))
            if answer.status_code != 429 and answer.status_code < 500:
                answer.raise_for_status()
            asked = answer.headers.get("Retry-After", "")
            wait = float(asked) if asked.isdecimal() and int(asked) else wait
        except httpx.TransportError:
            if time.monotonic() + wait > until:
                raise
        else:
            if time.monotonic() + wait > until:
                answer.raise_for_status()
        time.sleep(wait)
        wait = min(2 * wait, 60)
