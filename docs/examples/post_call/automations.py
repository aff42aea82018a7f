"""Workflows for Minutebook to run itself (docs/automations.md): MINUTEBOOK_AUTOMATIONS=automations.

AUTOMATIONS_SEND_URL takes messages, each under an Idempotency-Key; AUTOMATIONS_REPLIES_URL/WHOM answers 200 for who
has replied.
"""

import os
from datetime import UTC, datetime
from typing import Any

import campaign
import graph
import httpx

VERSION = "1"


def draft(call: dict[str, Any], what: str) -> str:
    """Ask a model here; its key comes as another variable AUTOMATIONS_…"""
    return f"Sorry that we missed you ({what}). Shall we call you back?"


def send(key: str, to: str, text: str) -> None:
    """The same key again sends nothing."""
    sent = {"to": to, "text": text}
    answer = httpx.post(os.environ["AUTOMATIONS_SEND_URL"], json=sent, headers={"Idempotency-Key": key}, timeout=30)
    answer.raise_for_status()


def has_replied(whom: str) -> bool:
    """Whether somebody answered a message."""
    return httpx.get(f"{os.environ['AUTOMATIONS_REPLIES_URL']}/{whom}", timeout=30).status_code == httpx.codes.OK


AUTOMATIONS = {
    graph.AUTOMATION: lambda: graph.build(draft, send),
    campaign.AUTOMATION: lambda: campaign.build(send, has_replied, lambda: datetime.now(UTC)),
}
