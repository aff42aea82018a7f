"""What is asked of every session: its role, UTC, no search path. It is set and read back, whatever stands in between.

A pooler may refuse startup options, drop them without a word, or give each transaction to another session. The first
two are made good here; in the third nothing holds, neither a role nor a lock, so it is refused.
"""

from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composable, Identifier, Literal

from warehouse.database import queries
from warehouse.database.errors import DatabaseUnsuitable

_SQL = queries.load("database/session")
_ROUNDS = 4

_known_to_hold: set[Hashable] = set()


@dataclass(frozen=True)
class Session:
    """Who a session is to be; role '' keeps the login's own."""

    role: str = ""
    actor: str = ""
    search_path: str = ""

    def settings(self) -> dict[str, str]:
        """The same as startup options, which RESET ALL cannot undo."""
        role = {"role": self.role} if self.role else {}
        return {**role, "timezone": "UTC", "search_path": self.search_path, "minutebook.actor": self.actor}

    def establish(self, cursor: Any) -> None:
        """Make the session what it is to be, through a cursor of any driver, whose transaction is to be committed.

        Raises:
            DatabaseUnsuitable: it is not, though it was asked for.
        """
        if self._is_as_asked(_first(cursor, _SQL["seen"])):
            return
        if not self.role:
            cursor.execute(_SQL["login_role"].as_string())
        role = Literal(self.role) if self.role else SQL("current_user")
        _first(cursor, _SQL["ask"].format(role=role, actor=Literal(self.actor), search_path=Literal(self.search_path)))
        seen = _first(cursor, _SQL["seen"])
        if not self._is_as_asked(seen):
            raise DatabaseUnsuitable(
                f"Asked to act as {self.role or 'the login'} in UTC with search path {self.search_path!r}, the session"
                f" acts as {seen[0]} in {seen[1]} with search path {seen[2]!r}: a pooler or a setting of the server"
                " undoes it. Connect to the server itself, or to a pooler in session mode."
            )

    def _is_as_asked(self, seen: Sequence[Any]) -> bool:
        role, *settings = seen
        return role == (self.role or role) and settings == ["UTC", self.search_path, self.actor]


def for_dbt(role: str, work_mem: str) -> str:
    """What dbt's profile names as its role: dbt has no other place for what each of its connections is asked for."""
    asked = {"role": Identifier(role), "name": Literal(role), "work_mem": Literal(work_mem)}
    _, _, statements = _SQL["dbt"].format(**asked).as_string().partition("\n")
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
            raise DatabaseUnsuitable(f"Whether {text} keeps sessions cannot be told: {reason}") from None
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
