"""A service principal of Azure: a token for an hour, and questions to one scope's cost management."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from sources.day import Access
from sources.errors import ContractBroken, CredentialRejected, NotConfigured, ProviderRefused
from sources.http import ProviderClient
from sources.rows import parser

T = TypeVar("T")
LOGIN = "https://login.microsoftonline.com"
MANAGEMENT = "https://management.azure.com"
VERSION = "2025-03-01"
AUDIENCE = "https://management.azure.com/.default"
# About four questions to a scope in a minute are answered.
PER_SECOND = 4 / 60
RENEWED_BEFORE = 300.0  # seconds before a token ends
ROLE = "Cost Management Reader"
_AT_LOGIN = {
    400: "the directory of tenant_id or the application of client_id is not known",
    401: "the client secret is wrong or has expired, or is no secret of client_id",
}
_AT_COSTS = {
    401: "the token is not accepted: the directory of tenant_id may not be that of the subscription",
    403: f"the application needs the role {ROLE} on the scope",
    404: "there is no such subscription or resource group, or not for this directory",
}


class Token(msgspec.Struct):
    access_token: str
    expires_in: int


parse_token = parser(Token)


class _Login(ProviderClient):
    def meaning_of(self, status: int, answer: Mapping[str, Any]) -> str | None:
        return _AT_LOGIN.get(status)


class _Management(ProviderClient):
    def meaning_of(self, status: int, answer: Mapping[str, Any]) -> str | None:
        return _AT_COSTS.get(status)


class AzureClient:
    """Asks one scope with one service principal; shared by any number of threads. A token is asked for when the first
    question is, and again before it ends.
    """

    def __init__(self, access: Access) -> None:
        settings = access.settings
        self.scope, self.tenant_id = access.setting("scope"), access.setting("tenant_id")
        self.services = tuple(part.strip() for part in str(settings.get("services", "")).split(",") if part.strip())
        self.attribute_by, self.tag = str(settings.get("attribute_by", "resource_group")), settings.get("tag")
        if (self.attribute_by == "tag") != (self.tag is not None):
            raise NotConfigured(
                "the settings attribute_by=tag and tag go together; store the credential again with both"
            )
        self._form = {
            "grant_type": "client_credentials",
            "client_id": access.setting("client_id"),
            "client_secret": access.key,
            "scope": AUDIENCE,
        }
        self._base = (access.address or MANAGEMENT).rstrip("/")
        self._budget = access.budget(1, PER_SECOND, MANAGEMENT)
        self._login = _Login("Azure", access.address or LOGIN, {}, access.budget(1), secrets=[access.key])
        self._opened: list[_Management] = []
        self._ends_at = 0.0
        self._lock = Lock()

    def query(self, parse: Callable[[bytes], T], body: object, next_link: str | None) -> T:
        """A page of an answer: the first, or the one that a link names, for which the same body is sent again.

        Raises SourceFailure; ContractBroken for a link to elsewhere, which would carry the token there.
        """
        if next_link is None:
            path = f"{self.scope}/providers/Microsoft.CostManagement/query"
            return self._management().post(path, parse, body, params={"api-version": VERSION})
        link, base = urlsplit(next_link), urlsplit(self._base)
        if (link.scheme, link.netloc) != (base.scheme, base.netloc) or not link.path.startswith(f"{base.path}/"):
            raise ContractBroken(f"Azure POST query: the next page is at {link.netloc}, and not where the first was")
        return self._management().post(f"{link.path.removeprefix(base.path)}?{link.query}", parse, body)

    def close(self) -> None:
        """Close all connections."""
        for client in (self._login, *self._opened):
            client.close()

    def _management(self) -> _Management:
        with self._lock:
            if not self._opened or self._budget.clock() >= self._ends_at:
                token = self._token()
                self._ends_at = self._budget.clock() + token.expires_in - RENEWED_BEFORE
                headers = {"authorization": f"Bearer {token.access_token}"}
                self._opened.append(_Management("Azure", self._base, headers, self._budget))
            return self._opened[-1]

    def _token(self) -> Token:
        try:
            return self._login.post_form(f"/{self.tenant_id}/oauth2/v2.0/token", parse_token, self._form)
        except ProviderRefused as refused:
            if refused.status == 400:
                raise CredentialRejected(str(refused)) from None
            raise
