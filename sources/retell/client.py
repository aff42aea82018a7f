"""A key of Retell, and what its refusals mean."""

from collections.abc import Mapping
from typing import Any

from sources.day import Access
from sources.http import ProviderClient

BASE_URL = "https://api.retellai.com"
# Retell publishes no rate of reading calls; these are few enough to be well received.
CONCURRENCY = 4
PER_SECOND = 5.0


class RetellClient(ProviderClient):
    """Asks with one key, which opens one workspace."""

    def __init__(self, access: Access) -> None:
        budget = access.budget(CONCURRENCY, PER_SECOND, BASE_URL)
        headers = {"authorization": f"Bearer {access.key}"}
        super().__init__("Retell", access.address or BASE_URL, headers, budget)

    def meaning_of(self, status: int, answer: Mapping[str, Any]) -> str | None:
        """As of the client of every provider."""
        return "the key is not accepted: it may be revoked" if status in (401, 403) else None
