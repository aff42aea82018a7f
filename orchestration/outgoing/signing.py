"""Signatures of Standard Webhooks: HMAC-SHA256 over id, timestamp and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from datetime import datetime

from warehouse.security.vault import Secret

PREFIX = "whsec_"


def headers(secret: Secret, event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that identify and sign a body as sent at that moment."""
    timestamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.reveal().removeprefix(PREFIX))
    signature = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }
