"""What is asked of every session: its role, UTC, no search path, how long it may wait. It is set and read back.

A pooler may refuse startup options, drop them without a word, or give each transaction to another session. The first
two are made good here; in the third nothing holds, neither a role nor a lock, so it is refused.
"""

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import Composable, Identifier, Literal

from warehouse.database import queries
from warehouse.database.errors import DatabaseUnsuitable
from warehouse.database.limits import LONGEST, OF_ROLES, Limits

_SQL = queries.load("database/session")
_ROUNDS = 4

_known_to_hold: set[Hashable] = set()


@dataclass(frozen=True)
class Session:
    """Who a session is to be; role '' keeps the login's own. limits: the role's, unless others are given."""

    role: str = ""
    actor: str = ""
    search_path: str = ""
    limits: Limits | None = None

    @property
    def bounds(self) -> Limits:
        """How long it may wait and hold."""
        return self.limits or OF_ROLES[self.role]

    def settings(self) -> dict[str, str]:
        """The same as startup options, which RESET ALL cannot undo."""
        role = {"role": self.role} if self.role else {}
        return {**role, **self._asked()}

    def establish(self, cursor: Any) -> None:
        """Make the session what it is to be, through a cursor of any driver, whose transaction is to be committed.

        Raises:
            DatabaseUnsuitable: it is not, though it was asked for.
        """
        if not self._differences(self._seen(cursor)):
            return
        if not self.role:
            cursor.execute(_SQL["login_role"].as_string())
        cursor.execute(_SQL["ask"].format(settings=Literal(json.dumps(self.settings()))).as_string())
        cursor.fetchall()
        if differences := self._differences(self._seen(cursor)):
            raise DatabaseUnsuitable(
                f"Asked to act as {self.role or 'the login'}, the session has {'; '.join(differences)}: a pooler or a"
                " setting of the server undoes it. Connect to the server itself, or to a pooler in session mode."
            )

    def _asked(self) -> dict[str, str]:
        named = {"TimeZone": "UTC", "search_path": self.search_path, "minutebook.actor": self.actor}
        return {**named, **self.bounds.settings()}

    def _seen(self, cursor: Any) -> Mapping[str, str]:
        names, longest = Literal(list(self._asked())), Literal(self.bounds.longest)
        role, settings, transaction = _first(cursor, _SQL["seen"].format(names=names, longest=longest))
        return {
            **{name: value or "" for name, value in json.loads(settings).items()},
            "role": role,
            LONGEST: transaction,
        }

    def _differences(self, seen: Mapping[str, str]) -> list[str]:
        asked = {**self.settings(), LONGEST: self.bounds.longest}
        return [f"{name} {seen[name]!r} instead of {value!r}" for name, value in asked.items() if seen[name] != value]


def for_dbt(role: str, work_mem: str) -> str:
    """What dbt's profile names as its role: dbt has no other place for what each of its connections is asked for."""
    limits = OF_ROLES[role]
    lock, statement, pause = limits.settings().values()
    asked = {"name": role, "work_mem": work_mem, "longest": limits.longest}
    asked |= {"wait": lock, "statement_timeout": statement, "pause": pause}
    formatted = _SQL["dbt"].format(role=Identifier(role), **{name: Literal(value) for name, value in asked.items()})
    _, _, statements = formatted.as_string().partition("\n")
    return statements


def backend_of(connection: psycopg.Connection[Any]) -> int:
    """The id of the backend that answers the connection now."""
    ((pid,),) = connection.execute(_SQL["backend"]).fetchall()
    return int(pid)


def require_sessions(place: Hashable, text: str, open_plain: Callable[[], psycopg.Connection[Any]]) -> None:
    """Refuse a pooler that does not keep a session for a client; asked once of a place, which text names.

    Two clients take turns: one that keeps its backend while the other works between is served by session. Whichever of
    the free backends a pooler gives out first, the oldest or the newest, one of them would change.
    """
    if place in _known_to_hold:
        return
    with ExitStack() as stack:
        try:
            first, second = (stack.enter_context(open_plain()) for _ in range(2))
            changed = _changes_backends(first, second)
        except psycopg.Error as error:
            # In statement mode a transaction is refused; then and otherwise the pooler says it best.
            reason = " ".join(str(error).split())
            raise DatabaseUnsuitable(f"Whether {text} keeps sessions cannot be seen: {reason}") from None
    if changed:
        raise DatabaseUnsuitable(
            f"{text} is a pooler in transaction mode: each transaction meets another session, so neither roles nor"
            " locks hold. Point MINUTEBOOK_DATABASE_URL at the server itself, or at a pooler in session mode"
            " (pool_mode = session; Supabase: port 5432)."
        )
    _known_to_hold.add(place)


def _changes_backends(first: psycopg.Connection[Any], second: psycopg.Connection[Any]) -> bool:
    seen: dict[int, set[int]] = {0: set(), 1: set()}
    for turn in range(_ROUNDS):
        order = [(0, first), (1, second)] if turn in (0, 3) else [(1, second), (0, first)]
        # Both hold a backend at once; then the second lets go before the first, so the newest free is the first's.
        for number, connection in order:
            seen[number].add(backend_of(connection))
        second.rollback()
        first.rollback()
    return len(seen[0]) > 1 or len(seen[1]) > 1 or bool(seen[0] & seen[1])


def _first(cursor: Any, statement: Composable) -> Sequence[Any]:
    cursor.execute(statement.as_string())
    return tuple(cursor.fetchone())
