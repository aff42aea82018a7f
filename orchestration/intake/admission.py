"""Who pushes: the key of a request, whose events it may push, and how many of them.

What is known of a key or a tenant is asked again after at most ten seconds, so a revoked key is refused by then.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import psycopg
from starlette.requests import Request

from orchestration.intake.answers import Problem
from orchestration.intake.limits import PLATFORM
from sources.personal import Choices, Keep
from warehouse.intake import keys
from warehouse.intake.keys import Key, Owner

KNOWN_SECONDS = 10.0
_MOST_KNOWN = 10_000
_NOTED_EVERY = timedelta(minutes=1)

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")
Lender = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


@dataclass(frozen=True)
class Admitted:
    """A request with a valid key. tenant_id None: a key of the platform. events_per_minute: of the tenant's plan."""

    key_id: str
    tenant_id: str | None
    is_backfill: bool
    events_per_minute: int | None = None

    @property
    def counted_as(self) -> str:
        """Whose requests are counted together."""
        return self.tenant_id or PLATFORM


class NotKnown(Exception):
    """It would have to be asked of the database."""


class Known(Generic[Name, Value]):
    """What was asked in the last ten seconds, of at most ten thousand names; clock gives seconds."""

    def __init__(self, ask: Callable[[Name], Value], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._found: OrderedDict[Name, tuple[float, Value]] = OrderedDict()

    def get(self, name: Name, *, may_ask: bool = True) -> Value:
        """The value, asked now unless it is known. May be called from any thread. Raises NotKnown."""
        found = self._found.get(name)
        if found is not None and self._clock() < found[0]:
            return found[1]
        if not may_ask:
            raise NotKnown
        until = self._clock() + KNOWN_SECONDS
        value = self._ask(name)
        self._found[name] = until, value
        while len(self._found) > _MOST_KNOWN:
            self._found.popitem(last=False)
        return value


class Admission:
    """Tells who pushes. lend: a connection as role intake that names no tenant. Its methods ask the database, in the
    thread that calls them; those that may not ask raise NotKnown instead.
    """

    def __init__(self, lend: Lender, clock: Callable[[], float] = time.monotonic) -> None:
        self._lend = lend
        self._keys: Known[str, Key | None] = Known(self._key, clock)
        self._owners: Known[str, Owner | None] = Known(self._owner, clock)
        self._noted: dict[str, datetime] = {}

    def admit(self, request: Request, now: datetime, *, may_ask: bool = True) -> Admitted:
        """Who asks. Raises Problem: 401 for no valid key, 403 where its tenant is closed."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key_id = keys.public_part(token.strip())
        key = self._keys.get(key_id, may_ask=may_ask) if key_id and scheme.lower() == "bearer" else None
        if key_id is None or key is None or not key.opens(token.strip(), now):
            raise Problem(
                401,
                "Send a valid API key: Authorization: Bearer mbk_…",
                {"WWW-Authenticate": 'Bearer realm="minutebook"'},
            )
        a_minute = None
        if key.tenant_id is not None:
            owner = self._owners.get(key.tenant_id, may_ask=may_ask)
            if owner is None or owner.is_closed(now):
                raise Problem(403, "The tenant of this key is closed: nothing is taken for it any more.")
            a_minute = owner.events_per_minute
        self._note_use(key_id, now, may_ask=may_ask)
        return Admitted(key_id, key.tenant_id, "backfill" in key.scopes, a_minute)

    def tenant_of(self, admitted: Admitted, named: str | None, now: datetime, *, may_ask: bool = True) -> str:
        """Whose an event is, given the tenant that it names. Raises LookupError with the reason."""
        if admitted.tenant_id is not None:
            if named not in (None, admitted.tenant_id):
                raise LookupError("it names a tenant that the key is not of; leave `tenant` out")
            return admitted.tenant_id
        if named is None:
            raise LookupError("a key of the platform pushes for many: name the tenant in the attribute `tenant`")
        owner = self._owners.get(named, may_ask=may_ask)
        if owner is None or owner.is_closed(now):
            raise LookupError("there is no such tenant, or it is closed")
        return named

    def owner_of(
        self, admitted: Admitted, now: datetime, named: str | None, *, may_ask: bool = True
    ) -> tuple[str, Choices]:
        """Whose an event is, given the tenant that it names, and what that one wants kept. Raises LookupError."""
        tenant_id = self.tenant_of(admitted, named, now, may_ask=may_ask)
        owner = self._owners.get(tenant_id, may_ask=may_ask)
        if owner is None:
            raise LookupError("there is no such tenant")
        kept = (owner.phone_numbers, owner.transcripts, owner.recordings)
        return tenant_id, Choices(*map(Keep, kept))

    def events_per_minute(self, tenant_id: str, *, may_ask: bool = True) -> int | None:
        """How many events the plan of a tenant allows; None without a plan."""
        owner = self._owners.get(tenant_id, may_ask=may_ask)
        return None if owner is None else owner.events_per_minute

    def _note_use(self, key_id: str, now: datetime, *, may_ask: bool) -> None:
        noted = self._noted.get(key_id)
        if noted is None or now - noted >= _NOTED_EVERY:
            if not may_ask:
                raise NotKnown
            self._noted[key_id] = now
            with self._lend() as connection:
                keys.used(connection, key_id, now)

    def _key(self, key_id: str) -> Key | None:
        with self._lend() as connection:
            return keys.key_of(connection, key_id)

    def _owner(self, tenant_id: str) -> Owner | None:
        with self._lend() as connection:
            return keys.owner_of(connection, tenant_id)
