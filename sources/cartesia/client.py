"""An admin key of Cartesia, and what its refusals mean."""

from collections.abc import Mapping
from typing import Any

from sources.day import Access
from sources.http import ProviderClient

BASE_URL = "https://api.cartesia.ai"
VERSION = "2026-03-01"
CONCURRENCY = 2
PER_SECOND = 2.0
_ADMIN = "it takes an admin key (sk_car_admin_…); a key that makes speech reads no usage"
_MEANINGS = {401: _ADMIN, 403: _ADMIN, 404: "this version of Cartesia's API has no usage of credits"}


class CartesiaClient(ProviderClient):
    """Asks with one admin key."""

    def __init__(self, access: Access) -> None:
        headers = {"authorization": f"Bearer {access.key}", "cartesia-version": VERSION}
        budget = access.budget(CONCURRENCY, PER_SECOND, BASE_URL)
        super().__init__("Cartesia", access.address or BASE_URL, headers, budget)

    def meaning_of(self, status: int, answer: Mapping[str, Any]) -> str | None:
        """As of the client of every provider."""
        return _MEANINGS.get(status)
