"""Signatures of Standard Webhooks: HMAC-SHA256 over id, timestamp and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from warehouse.security.vault import Secret

PREFIX = "whsec_"


def headers(secrets: Sequence[Secret], event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that identify and sign a body as sent at that moment: one signature by each secret."""
    timestamp = str(int(at.timestamp()))
    signed = f"{event_id}.{timestamp}.".encode() + body
    keys = [base64.b64decode(secret.reveal().removeprefix(PREFIX)) for secret in secrets]
    signatures = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
