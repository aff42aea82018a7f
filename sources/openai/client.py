"""An admin key of OpenAI, and what its refusals mean."""

from collections.abc import Mapping
from typing import Any

from sources.http import ProviderClient
from sources.http.budget import Budget

PERMISSION = "api.usage.read"
_MEANINGS = {
    401: "it takes an admin key (sk-admin-…), which an owner of the organisation makes; a project's key reads no costs",
    403: f"the admin key lacks the permission {PERMISSION}",
    404: "there is no such organisation for this key",
}


class OpenAIClient(ProviderClient):
    """Asks with one admin key. `organization`: the one that the key must be of; OpenAI refuses a key of another."""

    def __init__(self, base_url: str, key: str, organization: str | None, budget: Budget) -> None:
        of_one = {} if organization is None else {"openai-organization": organization}
        super().__init__("OpenAI", base_url, {"authorization": f"Bearer {key}", **of_one}, budget)
        self.organization = organization

    def meaning_of(self, status: int, answer: Mapping[str, Any]) -> str | None:
        """As of the client of every provider."""
        return _MEANINGS.get(status)
