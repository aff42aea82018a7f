"""A management key of OpenRouter, and what its refusals mean."""

from collections.abc import Mapping
from typing import Any

from sources.http import ProviderClient
from sources.http.budget import Budget

_OTHER_KEY = "it takes a management key, which can call no model; an ordinary key reads no activity"
_MEANINGS = {
    401: _OTHER_KEY,
    403: _OTHER_KEY,
    400: "OpenRouter gives one completed day of the last 30",
    404: "the account has no such activity",
}


class OpenRouterClient(ProviderClient):
    """Asks with one management key."""

    def __init__(self, base_url: str, key: str, budget: Budget) -> None:
        super().__init__("OpenRouter", base_url, {"authorization": f"Bearer {key}"}, budget)

    def meaning_of(self, status: int, answer: Mapping[str, Any]) -> str | None:
        """As of the client of every provider."""
        return _MEANINGS.get(status)
