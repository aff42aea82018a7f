"""How many requests and events a tenant may push, and the headers that say so.

Requests are the same for all; events are as the tenant's plan says. Counted by this process; of several behind one
proxy each allows its share.
"""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from starlette.requests import Request

from orchestration.intake.answers import QUOTA, Problem
from orchestration.web.server.bounds import Pace

PLATFORM = "platform"
"""Who is counted where a key is the platform's; no tenant is named so."""
LARGEST_BODY_BYTES = 4 * 2**20
_TOGETHER_BYTES, _OF_A_TENANT_BYTES = 128 * 2**20, 32 * 2**20


@dataclass(frozen=True)
class Limit:
    """So many at once, and as many again within `seconds`."""

    name: str
    count: int
    seconds: int

    def pace(self) -> Pace:
        """What counts it."""
        return Pace(self.count / self.seconds, self.count)

    def shared(self, servers: int) -> "Limit":
        """The share of one of so many servers."""
        return replace(self, count=max(1, self.count // servers))


REQUESTS = Limit("requests", 100, 2)
EVENTS = Limit("events", 60_000, 60)


class Limits:
    """Requests and events of each tenant, and the bytes of bodies that are being read."""

    def __init__(self, requests: Limit = REQUESTS, events: Limit = EVENTS, servers: int = 1) -> None:
        self._servers = servers
        self._requests, self._events = requests.shared(servers), events
        self._paces: dict[Limit, Pace] = {}
        self._bodies: Counter[str] = Counter()
        self.addresses = Pace(200, 2_000)

    def take_address(self, request: Request) -> bool:
        """Whether an address asks no more often than any number of clients behind it would."""
        return self.addresses.take(request.client.host if request.client else "")

    def begin(self, tenant: str) -> None:
        """Count a request. Raises Problem 429 where there were too many."""
        if not self._pace(self._requests).take(tenant):
            raise self._too_many(self._requests, tenant)

    def require_events(self, tenant: str, a_minute: int | None) -> None:
        """Raises Problem 429 where a tenant has pushed as many events as its plan allows."""
        limit = self._of_plan(a_minute)
        if self._pace(limit).left(tenant) < 1:
            raise self._too_many(limit, tenant)

    def spend(self, tenant: str, a_minute: int | None, events: int) -> None:
        """Count events that were stored or refused; repeated ones cost nothing, so that who repeats is not shut out."""
        self._pace(self._of_plan(a_minute)).spend(tenant, events)

    def headers(self, tenant: str, a_minute: int | None) -> dict[str, str]:
        """RateLimit-Policy and RateLimit, as structured fields of draft-ietf-httpapi-ratelimit-headers. The platform's
        key has no events of its own: each is its tenant's.
        """
        limits = [self._requests] if tenant == PLATFORM else [self._requests, self._of_plan(a_minute)]
        policy = ", ".join(f'"{one.name}";q={one.count};w={one.seconds}' for one in limits)
        left = ", ".join(
            f'"{one.name}";r={max(0, math.floor(pace.left(tenant)))};t={math.ceil(pace.full_in(tenant))}'
            for one, pace in ((one, self._pace(one)) for one in limits)
        )
        return {"RateLimit-Policy": policy, "RateLimit": left}

    @contextmanager
    def room(self, tenant: str) -> Iterator[bytearray]:
        """A body that is being read, which `grow` fills; its room is given back at the end."""
        body = bytearray()
        try:
            yield body
        finally:
            self._bodies[tenant] -= len(body)
            if self._bodies[tenant] <= 0:
                del self._bodies[tenant]

    def grow(self, tenant: str, body: bytearray, part: bytes, largest: int = LARGEST_BODY_BYTES) -> None:
        """Add to a body. Raises Problem: 413 where it is too large, 503 where bodies together are."""
        if len(body) + len(part) > largest:
            raise Problem(413, f"At most {largest // 2**20} MiB are taken at once.", {"Connection": "close"})
        of_all = self._bodies.total() + len(part)
        if self._bodies[tenant] + len(part) > _OF_A_TENANT_BYTES or of_all > _TOGETHER_BYTES:
            raise Problem(503, "Too much is being sent at once: repeat it soon.", {"Retry-After": "2"})
        self._bodies[tenant] += len(part)
        body += part

    def _of_plan(self, a_minute: int | None) -> Limit:
        events = self._events if a_minute is None else Limit(self._events.name, a_minute, 60)
        return events.shared(self._servers)

    def _pace(self, limit: Limit) -> Pace:
        return self._paces.setdefault(limit, limit.pace())

    def _too_many(self, limit: Limit, tenant: str) -> Problem:
        seconds = max(1, math.ceil(self._pace(limit).next_in(tenant)))
        return Problem(
            429,
            f"More than {limit.count} {limit.name} in {limit.seconds} s: wait, then repeat.",
            {"Retry-After": str(seconds)},
            QUOTA,
            **{"violated-policies": [limit.name]},
        )
