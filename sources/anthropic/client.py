"""An admin key of Anthropic, and what its refusals mean."""

from collections.abc import Mapping
from typing import Any

from sources.http import ProviderClient
from sources.http.budget import Budget

VERSION = "2023-06-01"
_MEANINGS = {
    401: "it takes an admin key (sk-ant-admin…), which an admin of the organisation makes; another key reads no costs",
    403: "the admin key may not read this: an admin of the organisation has to make one",
    404: "costs are of organisations alone: an individual account has none",
}


class AnthropicClient(ProviderClient):
    """Asks with one admin key, as a header of its own: as a bearer it would read as a wrong one."""

    def __init__(self, base_url: str, key: str, budget: Budget) -> None:
        super().__init__("Anthropic", base_url, {"x-api-key": key, "anthropic-version": VERSION}, budget)

    def meaning_of(self, status: int, answer: Mapping[str, Any]) -> str | None:
        """As of the client of every provider."""
        return _MEANINGS.get(status)
