"""A key of Deepgram, and what its refusals mean."""

from collections.abc import Mapping
from typing import Any

from sources.day import Access
from sources.http import ProviderClient

BASE_URL = "https://api.deepgram.com"
# Deepgram publishes no rate of its management endpoints; one day is one question.
CONCURRENCY = 2
PER_SECOND = 2.0
_MEANINGS = {
    401: "the key is not accepted: it may be revoked, or of another kind",
    403: "the key may not read billing: give it the scope billing:read",
    404: "the project is not there, or not this key's: compare project_id with the console's address",
}


class DeepgramClient(ProviderClient):
    """Asks with one key, which opens `project`. `scope`: by what its lines find their tenants."""

    def __init__(self, access: Access) -> None:
        self.project = access.setting("project_id")
        self.scope = str(access.settings.get("scope", "tags"))
        budget = access.budget(CONCURRENCY, PER_SECOND, BASE_URL)
        # The scheme is Token: a Bearer is taken for a short-lived one, and refused.
        super().__init__("Deepgram", access.address or BASE_URL, {"authorization": f"Token {access.key}"}, budget)

    def meaning_of(self, status: int, answer: Mapping[str, Any]) -> str | None:
        """As of the client of every provider."""
        return _MEANINGS.get(status)
