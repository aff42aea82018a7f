"""One HTTP client for all providers: bounded retries, one budget per provider and key, no secret in what it says."""

import ipaddress
import ssl
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

import httpx
import msgspec
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from sources.errors import (
    AnswerTooLarge,
    ContractBroken,
    CredentialRejected,
    ProviderDown,
    ProviderRefused,
    ProviderUnreachable,
    RateLimited,
    SourceFailure,
    TransientFailure,
)
from sources.http.answers import is_page, message_of, object_of, readable, reported_status, retry_after, shape_of
from sources.http.budget import Budget
from sources.reading import storable
from sources.text import clean

T = TypeVar("T")
Params: TypeAlias = Mapping[str, str | int | Sequence[str]]
"""Of a query; a list is a parameter that is repeated."""

ATTEMPTS = TransientFailure.most_attempts
LONGEST_WAIT = 60.0
# A Retry-After beyond this fails the read instead of holding the run: the next one heals it.
LONGEST_RETRY_AFTER = 300.0
LONGEST_ANSWER_SECONDS = 300.0
LARGEST_ANSWER_BYTES = 256 * 1024 * 1024
USER_AGENT = "minutebook/0.1"  # A bot protection before a provider turns away clients without one.


class _Made(threading.local):
    count = 0
    replaced = 0


_made = _Made()


def requests_made() -> int:
    """How many requests this thread has sent so far, with any client: repeated and unanswered ones too."""
    return _made.count


def characters_replaced() -> int:
    """How many characters of answers this thread has read so far that were no UTF-8, and were replaced by U+FFFD."""
    return _made.replaced


class ProviderClient:
    """Asks one provider with one key; shared by any number of threads. Every request here only reads, so each may be
    repeated.

    `headers` carry the key: their values never appear in an error, nor do `secrets`. ValueError for a base URL that is
    not plain http(s), CredentialRejected for a key that no header can carry.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        headers: Mapping[str, str],
        budget: Budget,
        *,
        timeout: httpx.Timeout | None = None,
        largest_answer: int = LARGEST_ANSWER_BYTES,
        secrets: Collection[str] = (),
    ) -> None:
        url = _base(base_url)
        for value in headers.values():
            # Said here, because the HTTP library would say it with the value.
            if not (value.isascii() and value.isprintable()) or value != value.strip() or not value:
                raise CredentialRejected(f"{provider}: the key holds characters that no HTTP header can carry")
        self.provider = provider
        self._base = str(url).rstrip("/")
        self._secrets = tuple(
            {part for value in (*headers.values(), *secrets) for part in (value, *value.split()) if len(part) >= 8}
        )
        self._budget = budget
        self._largest_answer = largest_answer
        self._http = httpx.Client(
            headers={**headers, "user-agent": USER_AGENT, "accept": "application/json", "accept-encoding": "gzip"},
            timeout=timeout or httpx.Timeout(60, connect=10, pool=None),
            limits=httpx.Limits(max_connections=None),
            verify=_trusted_certificates(),
            follow_redirects=False,  # a redirect would carry the key wherever the answer says
            trust_env=not _is_loopback(url.host),
        )

    def get(self, path: str, parse: Callable[[bytes], T], params: Params | None, *, attempts: int = ATTEMPTS) -> T:
        """What `parse` makes of the answer's JSON. Without `params` the path is sent as it stands, its query included.
        SourceFailure, after `attempts` tries or what its kind is worth.
        """
        return self._ask("GET", path, parse, attempts, params=params)

    def post(
        self,
        path: str,
        parse: Callable[[bytes], T],
        body: object,
        *,
        params: Params | None = None,
        attempts: int = ATTEMPTS,
    ) -> T:
        """As `get`, sending `body` as JSON."""
        content, kind = msgspec.json.encode(body), {"content-type": "application/json"}
        return self._ask("POST", path, parse, attempts, params=params, content=content, headers=kind)

    def post_form(self, path: str, parse: Callable[[bytes], T], form: Mapping[str, str]) -> T:
        """As `post`, sending the fields of a form: what a token is asked for with."""
        return self._ask("POST", path, parse, ATTEMPTS, data=dict(form))

    def location(self, path: str) -> str | None:
        """Where a redirect leads, which is not followed: None where there is nothing at the path any more. Asked once.
        SourceFailure for any other answer.
        """
        asked = f"{self.provider} GET {path}"
        _made.count += 1
        try:
            with self._budget.slot(), self._http.stream("GET", self._base + path) as response:
                if response.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
                    return None
                if response.has_redirect_location:
                    return str(httpx.URL(self._base + path).join(response.headers["location"]))
                body = b"" if response.is_success else self._body(asked, response)
        except httpx.HTTPError as error:
            raise ProviderUnreachable(f"{asked}: no answer ({type(error).__name__})") from None
        except httpx.InvalidURL:
            raise ProviderDown(f"{asked}: the answer leads nowhere") from None
        raise self._refusal(asked, response.status_code, response, body)

    def meaning_of(self, status: int, answer: Mapping[str, Any]) -> str | None:
        """What a refusal means to whoever has to act, where its words do not say so: which permission is missing."""
        return None

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ask(self, method: str, path: str, parse: Callable[[bytes], T], attempts: int, **request: Any) -> T:
        retrying = Retrying(
            stop=lambda state: state.attempt_number >= min(attempts, _worth(state)),
            wait=self._wait,
            retry=retry_if_exception(_may_be_repeated),
            sleep=self._budget.sleep,
            reraise=True,
        )
        answer: T = retrying(self._once, method, path, parse, request)
        return answer

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, TransientFailure) and error.retry_after:
            self._budget.pause(error.retry_after)
        return wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT)(state)

    def _once(self, method: str, path: str, parse: Callable[[bytes], T], request: dict[str, Any]) -> T:
        asked = f"{self.provider} {method} {path.partition('?')[0]}"
        _made.count += 1
        try:
            with self._budget.slot(), self._http.stream(method, self._base + path, **request) as response:
                body = self._body(asked, response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise ProviderUnreachable(f"{asked}: no connection ({self._clean(str(error))})") from None
        except httpx.HTTPError as error:
            raise ProviderDown(
                f"{asked}: the answer broke off ({type(error).__name__}: {self._clean(str(error))})"
            ) from None
        if response.status_code not in (httpx.codes.OK, httpx.codes.CREATED):
            raise self._refusal(asked, response.status_code, response, body)
        try:
            text, replaced = readable(body)
            _made.replaced += replaced
            return parse(storable(text))
        except msgspec.ValidationError as error:
            raise self._misshapen(asked, response, body, str(error)) from None
        except RecursionError:
            raise ContractBroken(f"{asked}: the answer is JSON nested too deep to be read") from None
        except msgspec.DecodeError as error:
            raise ProviderDown(f"{asked}: the answer is no JSON ({self._clean(str(error))})") from None

    def _body(self, asked: str, response: httpx.Response) -> bytes:
        # One layer makes at most a thousand bytes of one; a second makes gigabytes of a packet before they are counted.
        if (coding := response.headers.get("content-encoding", "").lower()) not in ("", "identity", "gzip"):
            raise ContractBroken(f"{asked}: the answer is encoded as {self._clean(coding)}, which was not asked for")
        chunks: list[bytes] = []
        size = 0
        deadline = self._budget.clock() + LONGEST_ANSWER_SECONDS
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > self._largest_answer:
                raise AnswerTooLarge(f"{asked}: the answer is larger than {self._largest_answer:,} bytes")
            if self._budget.clock() > deadline:
                raise ProviderDown(f"{asked}: the answer took longer than {LONGEST_ANSWER_SECONDS:.0f} s")
            chunks.append(chunk)
        return b"".join(chunks)

    def _refusal(self, asked: str, status: int, response: httpx.Response, body: bytes) -> SourceFailure:
        failure = self._failure_of(asked, status, response, body)
        failure.status = status
        return failure

    def _failure_of(self, asked: str, status: int, response: httpx.Response, body: bytes) -> SourceFailure:
        inside = "" if status == response.status_code else f"{response.status_code} with an error "
        said = f"{asked} answered {inside}{status}: {self._said(body)}"
        if meaning := self.meaning_of(status, object_of(body)):
            said += f"; {meaning}"
        if status in (401, 403):
            # A page is of something in between: whoever reads the key answers an API's caller in text or JSON.
            return ProviderDown(said) if is_page(body) else CredentialRejected(said)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return RateLimited(said, retry_after(response.headers))
        if status < 300 or status in (407, 408, 409, 425) or status >= 500:
            return ProviderDown(said, retry_after(response.headers))
        if response.has_redirect_location:
            return ProviderRefused(f"{asked} answered {status}: a redirect, which is not followed")
        return ProviderRefused(said)

    def _misshapen(self, asked: str, response: httpx.Response, body: bytes, problem: str) -> SourceFailure:
        """What a 200 is that is not of the shape we know: an error of theirs, nothing at all, or another contract."""
        status = reported_status(body)
        if status is not None:
            return self._refusal(asked, status, response, body)
        if body.strip() in (b"null", b"{}"):
            return ProviderDown(f"{asked}: the answer is empty")
        message = message_of(body)
        answered = self._clean(message) if message else shape_of(body)
        return ContractBroken(f"{asked}: {self._clean(problem)}; it answered {answered}")

    def _said(self, body: bytes) -> str:
        """The provider's own words, on one short line."""
        return self._clean(message_of(body) or body[:1000].decode(errors="replace")) or "nothing"

    def _clean(self, text: str) -> str:
        text = " ".join(clean(text).split())
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        return text if len(text) <= 200 else text[:199] + "…"


def _may_be_repeated(error: BaseException) -> bool:
    if isinstance(error, TransientFailure):
        return (error.retry_after or 0) <= LONGEST_RETRY_AFTER
    return isinstance(error, SourceFailure)


def _worth(state: RetryCallState) -> int:
    """How many attempts the failure is worth."""
    error = state.outcome.exception() if state.outcome else None
    return error.most_attempts if isinstance(error, SourceFailure) else 1


@cache
def _trusted_certificates() -> ssl.SSLContext:
    """Read once: it takes longer than a request, and a night has a client per tenant."""
    return httpx.create_ssl_context()


def _base(base_url: str) -> httpx.URL:
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("a provider's base URL is http(s)://host[:port][/path], with no user, query or fragment")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
