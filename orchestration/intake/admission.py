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
from sources.personal import Choices, Keep
from warehouse.intake import keys
from warehouse.intake.keys import Key, Owner

KNOWN_SECONDS = 10.0
_MOST_KNOWN = 10_000
_NOTED_EVERY = timedelta(minutes=1)
PLATFORM = "platform"

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")
Lender = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


@dataclass(frozen=True)
class Admitted:
    """A request with a valid key. tenant_id None: a key of the platform."""

    key_id: str
    tenant_id: str | None
    is_backfill: bool

    @property
    def counted_as(self) -> str:
        """Whose requests are counted together."""
        return self.tenant_id or PLATFORM


class Known(Generic[Name, Value]):
    """What was asked in the last ten seconds, of at most ten thousand names; clock gives seconds."""

    def __init__(self, ask: Callable[[Name], Value], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._found: OrderedDict[Name, tuple[float, Value]] = OrderedDict()

    def get(self, name: Name) -> Value:
        """The value, asked now unless it is known. May be called from any thread."""
        found = self._found.get(name)
        if found is not None and self._clock() < found[0]:
            return found[1]
        until = self._clock() + KNOWN_SECONDS
        value = self._ask(name)
        self._found[name] = until, value
        while len(self._found) > _MOST_KNOWN:
            self._found.popitem(last=False)
        return value


class Admission:
    """Tells who pushes. lend: a connection as role intake that names no tenant. Its methods ask the database, in the
    thread that calls them.
    """

    def __init__(self, lend: Lender, clock: Callable[[], float] = time.monotonic) -> None:
        self._lend = lend
        self._keys: Known[str, Key | None] = Known(self._key, clock)
        self._owners: Known[str, Owner | None] = Known(self._owner, clock)
        self._noted: dict[str, datetime] = {}

    def admit(self, request: Request, now: datetime) -> Admitted:
        """Who asks. Raises Problem: 401 for no valid key, 403 where its tenant is closed."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        key_id = keys.public_part(token.strip())
        key = self._keys.get(key_id) if key_id and scheme.lower() == "bearer" else None
        if key_id is None or key is None or not key.opens(token.strip(), now):
            raise Problem(
                401,
                "Send a valid API key: Authorization: Bearer mbk_…",
                {"WWW-Authenticate": 'Bearer realm="minutebook"'},
            )
        if key.tenant_id is not None and self._is_closed(key.tenant_id, now):
            raise Problem(403, "The tenant of this key is closed: nothing is taken for it any more.")
        self._note_use(key_id, now)
        return Admitted(key_id, key.tenant_id, "backfill" in key.scopes)

    def tenant_of(self, admitted: Admitted, named: str | None, now: datetime) -> str:
        """Whose an event is, given the tenant that it names. Raises LookupError with the reason."""
        if admitted.tenant_id is not None:
            if named not in (None, admitted.tenant_id):
                raise LookupError("it names a tenant that the key is not of; leave `tenant` out")
            return admitted.tenant_id
        if named is None:
            raise LookupError("a key of the platform pushes for many: name the tenant in the attribute `tenant`")
        if self._owners.get(named) is None or self._is_closed(named, now):
            raise LookupError("there is no such tenant, or it is closed")
        return named

    def owner_of(self, admitted: Admitted, now: datetime, named: str | None) -> tuple[str, Choices]:
        """Whose an event is, given the tenant that it names, and what that one wants kept. Raises LookupError."""
        tenant_id = self.tenant_of(admitted, named, now)
        owner = self._owners.get(tenant_id)
        if owner is None:
            raise LookupError("there is no such tenant")
        kept = (owner.phone_numbers, owner.transcripts, owner.recordings)
        return tenant_id, Choices(*map(Keep, kept))

    def _is_closed(self, tenant_id: str, now: datetime) -> bool:
        owner = self._owners.get(tenant_id)
        return owner is None or (owner.closed_from is not None and owner.closed_from <= now.date())

    def _note_use(self, key_id: str, now: datetime) -> None:
        noted = self._noted.get(key_id)
        if noted is None or now - noted >= _NOTED_EVERY:
            self._noted[key_id] = now
            with self._lend() as connection:
                keys.used(connection, key_id, now)

    def _key(self, key_id: str) -> Key | None:
        with self._lend() as connection:
            return keys.key_of(connection, key_id)

    def _owner(self, tenant_id: str) -> Owner | None:
        with self._lend() as connection:
            return keys.owner_of(connection, tenant_id)
