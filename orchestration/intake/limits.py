"""How many requests and events a tenant may push, and the headers that say so.

Counted by this process; several behind one proxy have a share each.
"""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from orchestration.intake.answers import QUOTA, Problem
from orchestration.web.server.bounds import Pace

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


REQUESTS = Limit("requests", 100, 2)
EVENTS = Limit("events", 60_000, 60)


class Limits:
    """Requests and events of each tenant, and the bytes of bodies that are being read."""

    def __init__(self, requests: Limit = REQUESTS, events: Limit = EVENTS) -> None:
        self._all = {limit: limit.pace() for limit in (requests, events)}
        self._requests, self._events = requests, events
        self._bodies: Counter[str] = Counter()
        self.addresses = Pace(200, 2_000)

    def take_address(self, request: Request) -> bool:
        """Whether an address asks no more often than any number of clients behind it would."""
        return self.addresses.take(request.client.host if request.client else "")

    def begin(self, tenant: str) -> None:
        """Count a request. Raises Problem 429 where there were too many requests, or too many events."""
        if not self._all[self._requests].take(tenant):
            raise self._too_many(self._requests, tenant)
        if self._all[self._events].left(tenant) < 1:
            raise self._too_many(self._events, tenant)

    def spend(self, tenant: str, events: int) -> None:
        """Count events that were stored or refused; repeated ones cost nothing, so that who repeats is not shut out."""
        self._all[self._events].spend(tenant, events)

    def headers(self, tenant: str) -> dict[str, str]:
        """RateLimit-Policy and RateLimit, as structured fields of draft-ietf-httpapi-ratelimit-headers."""
        policy = ", ".join(f'"{one.name}";q={one.count};w={one.seconds}' for one in self._all)
        left = ", ".join(
            f'"{one.name}";r={max(0, math.floor(pace.left(tenant)))};t={math.ceil(pace.full_in(tenant))}'
            for one, pace in self._all.items()
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

    def _too_many(self, limit: Limit, tenant: str) -> Problem:
        seconds = max(1, math.ceil(self._all[limit].next_in(tenant)))
        return Problem(
            429,
            f"More than {limit.count} {limit.name} in {limit.seconds} s: wait, then repeat.",
            {"Retry-After": str(seconds)},
            QUOTA,
            **{"violated-policies": [limit.name]},
        )
