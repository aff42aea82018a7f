"""How the official library reaches Stripe: kept connections, bounded answers without our key, and no redirects.

The library's own transports follow redirects and read answers of any size. This one speaks urllib3, which they speak
through requests, and so costs a fifth less of a core per call.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import stripe
import urllib3

from orchestration import answers

CONNECTIONS = 64
"""Kept open at most; more threads than that would open and close their own."""

_AT_ONCE = 65_536
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Transport(stripe.HTTPClient):
    """For every thread of a run. The environment's proxies are asked for once, not at each call."""

    name = "urllib3"

    def __init__(self, api_key: str, url: str, timeout: float, largest: int = answers.LARGEST_BYTES) -> None:
        """timeout: seconds to connect and between bytes. largest: bytes of an answer."""
        super().__init__()
        self._key = api_key
        self._largest = largest
        self._timeout = urllib3.Timeout(connect=timeout, read=timeout)
        self._connections = _connections(url)

    def request(  # type: ignore[override]  # the library's own transports answer bytes, as this does
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """The answer, its status and headers. Raises stripe.APIConnectionError."""
        body = post_data.encode() if isinstance(post_data, str) else post_data
        try:
            answer = self._connections.urlopen(
                method.upper(), url, body=body, headers=headers, timeout=self._timeout, redirect=False, retries=False,
                preload_content=False,
            )  # fmt: skip
            try:
                content = answers.read(answer.stream(_AT_ONCE), self._key, largest=self._largest)
            except BaseException:
                answer.close()
                raise
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            is_final = isinstance(error, urllib3.exceptions.SSLError)
            said = "Stripe's certificate is not good" if is_final else "Stripe cannot be reached"
            cause = answers.scrubbed(str(error).encode(), self._key).decode()
            raise _unreachable(f"{said}: {type(error).__name__}: {cause}", may_retry=not is_final) from None
        except answers.AnswerRefused as error:
            raise _unreachable(f"Stripe: {error}") from None
        if answer.get_redirect_location():
            raise _unreachable(
                f"Stripe's address answered {answer.status}: a redirect, which is not followed."
                " Check MINUTEBOOK_STRIPE_URL."
            )
        reported = {
            name: answers.scrubbed(value.encode(), self._key).decode() for name, value in answer.headers.items()
        }
        return content, answer.status, urllib3.HTTPHeaderDict(reported)

    def close(self) -> None:
        """Close the kept connections."""
        self._connections.clear()


def _unreachable(message: str, *, may_retry: bool = False) -> stripe.APIConnectionError:
    return stripe.APIConnectionError(message, should_retry=may_retry)  # type: ignore[no-untyped-call]


def _connections(url: str) -> urllib3.PoolManager:
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = None if host in _LOOPBACK or proxy_bypass(host) else getproxies().get(parts.scheme)
    options: dict[str, Any] = {"maxsize": CONNECTIONS, "ca_certs": stripe.ca_bundle_path}
    if not proxy:
        return urllib3.PoolManager(**options)
    login = urlsplit(proxy)
    named = f"{login.username}:{login.password or ''}" if login.username else None
    return urllib3.ProxyManager(proxy, proxy_headers=urllib3.make_headers(proxy_basic_auth=named), **options)
