"""A key of ElevenLabs, and what its refusals mean."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sources.day import Access
from sources.http import ProviderClient

BASE_URL = "https://api.elevenlabs.io"
CONCURRENCY = 2
PER_SECOND = 2.0


class ElevenLabsClient(ProviderClient):
    """Asks with one key. `scope`: by what lines find their tenants. `by_cost_from`: the first day that was refused in
    credits, so that later ones are not asked for in vain.
    """

    def __init__(self, access: Access) -> None:
        self.by_cost_from: date | None = None
        self.scope = str(access.settings.get("scope", "key"))
        budget = access.budget(CONCURRENCY, PER_SECOND, BASE_URL)
        super().__init__("ElevenLabs", access.address or BASE_URL, {"xi-api-key": access.key}, budget)

    def meaning_of(self, status: int, answer: Mapping[str, Any]) -> str | None:
        """As of the client of every provider. A missing permission comes as a 401, like a wrong key."""
        detail = answer.get("detail")
        if isinstance(detail, dict) and detail.get("status") == "missing_permissions":
            return "the key is right, and may not read this: allow it to read the workspace's analytics"
        if status == 401:
            return "the key is not accepted: it may be revoked"
        return "the key, or its owner's role, may not read the workspace" if status == 403 else None
