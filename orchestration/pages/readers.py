"""Connections of the pages, one pool for each role; nothing of one request is left on a connection for the next."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

from orchestration.settings import Settings
from warehouse.connect import Role, connect, url_as
from warehouse.preflight import require_isolation

Connection = psycopg.Connection[Any]
_PER_ROLE = 8
_SETTING = "select set_config('minutebook.actor', %s, true), set_config('minutebook.tenant_id', %s, true)"


class Readers:
    """Lends connections that act as a role for one transaction. The database is held from the first loan to `close`.

    A role's first loan raises IsolationBroken while a reader could see what is not its own.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held = ExitStack()
        self._pools: dict[Role, ConnectionPool[Connection]] = {}
        self._lock = Lock()
        self._url: str | None = None

    @contextmanager
    def operator(self, actor: str = "pages") -> Iterator[Connection]:
        """Control, ledger and marts; actor is the person named in the audit log."""
        with self._lent(Role.OPERATOR, actor, "") as connection:
            yield connection

    @contextmanager
    def analyst(self) -> Iterator[Connection]:
        """The marts of all tenants, and nothing else."""
        with self._lent(Role.ANALYST, "", "") as connection:
            yield connection

    @contextmanager
    def tenant(self, tenant_id: str) -> Iterator[Connection]:
        """The marts' rows of one tenant: row-level security leaves no others."""
        with self._lent(Role.TENANT, "", tenant_id) as connection:
            yield connection

    def close(self) -> None:
        """Return everything; the next loan starts anew."""
        with self._lock:
            self._pools.clear()
            self._url = None
            self._held.close()

    @contextmanager
    def _lent(self, role: Role, actor: str, tenant_id: str) -> Iterator[Connection]:
        # Local to the transaction, so a connection cannot carry one tenant's name to another's request.
        with self._pool(role).connection() as connection, connection.transaction():
            connection.execute(_SETTING, [actor, tenant_id])
            yield connection

    def _pool(self, role: Role) -> ConnectionPool[Connection]:
        with self._lock:
            if role not in self._pools:
                if self._url is None:
                    self._url = self._held.enter_context(self._settings.database())
                # Nobody is served over a connection that policies do not bind, nor while any way past them is open.
                with connect(self._url, role) as probe:
                    require_isolation(probe)
                self._pools[role] = self._held.enter_context(
                    ConnectionPool(
                        url_as(self._url, role),
                        min_size=1,
                        max_size=_PER_ROLE,
                        # Planned for what is asked each time: one statement, or all of a month by the same query.
                        kwargs={"prepare_threshold": None},
                        open=True,
                        name=f"pages-{role.name.lower()}",
                    )
                )
            return self._pools[role]
