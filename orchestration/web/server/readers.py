"""The one place that gives out connections to what is served: a pool for each role and kind of work.

A loan lasts one transaction of bounded age; nothing of one request is left on a connection for the next. When the
database went away and came back, elsewhere even, the next loan finds it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from orchestration.settings import Settings
from orchestration.web.server.ages import Ages
from orchestration.web.server.turns import DOOR, INTAKE, PAGE, WEBHOOK, Crowded, Kind
from warehouse.database.connect import Role, connect, opener
from warehouse.database.errors import DatabaseUnreachable
from warehouse.database.limits import OF_PEOPLE
from warehouse.security.isolation import require_isolation

Connection = psycopg.Connection[Any]
_LONGEST_LOCK_SECONDS = 5
_IDLE_SECONDS = 60
_SETTINGS = """
select
    set_config('minutebook.actor', %(actor)s, true),
    set_config('minutebook.tenant_id', %(tenant_id)s, true),
    set_config('lock_timeout', %(lock)s, true),
    set_config('statement_timeout', %(statement)s, true),
    set_config('idle_in_transaction_session_timeout', %(idle)s, true),
    case when current_setting('server_version_num')::int >= 170000
        then set_config('transaction_timeout', %(age)s, true)
    end
"""
_END_OLD_READERS = "select ledger.end_old_readers(make_interval(secs => %(seconds)s))"
_PROBE = "select set_config('lock_timeout', %(lock)s, true), set_config('statement_timeout', '60s', true)"


class Readers:
    """Lends connections that act as a role for one transaction. The database is held from the first loan to `close`.

    A role's first loan raises IsolationBroken while a reader could see what is not its own. Any loan raises Crowded
    when all connections of its kind are out, DatabaseUnreachable when there is no database.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held = ExitStack()
        self._pools: dict[tuple[Role, Kind], ConnectionPool[Connection]] = {}
        self._examined: set[Role] = set()
        self._examining = {role: Lock() for role in Role}
        self._ages = Ages(self._end_old_readers)
        self._lock = Lock()
        self._url: str | None = None

    @contextmanager
    def operator(self, actor: str = "pages", kind: Kind = PAGE) -> Iterator[Connection]:
        """Control, ledger and marts; actor is the person named in the audit log."""
        with self._loan(Role.OPERATOR, kind, actor, "") as connection:
            yield connection

    @contextmanager
    def door(self, actor: str = "pages") -> Iterator[Connection]:
        """What tells who is looking; never waits for what anybody looks at."""
        with self._loan(Role.SERVER, DOOR, actor, "") as connection:
            yield connection

    @contextmanager
    def webhook(self) -> Iterator[Connection]:
        """The events of Stripe."""
        with self._loan(Role.BILLING, WEBHOOK, "stripe webhook", "") as connection:
            yield connection

    @contextmanager
    def intake(self, tenant_id: str = "") -> Iterator[Connection]:
        """What is pushed, of one tenant; without one, only whose a key is."""
        with self._loan(Role.INTAKE, INTAKE, "", tenant_id) as connection:
            yield connection

    @contextmanager
    def analyst(self, kind: Kind = PAGE) -> Iterator[Connection]:
        """The marts of all tenants, and nothing else."""
        with self._loan(Role.ANALYST, kind, "", "") as connection:
            yield connection

    @contextmanager
    def tenant(self, tenant_id: str, kind: Kind = PAGE) -> Iterator[Connection]:
        """The marts' rows of one tenant: row-level security leaves no others."""
        with self._loan(Role.TENANT, kind, "", tenant_id) as connection:
            yield connection

    def close(self) -> None:
        """Stop what still runs on a connection and return everything; the next loan starts again."""
        self._ages.close()
        self._forget(self._url)

    @contextmanager
    def _loan(self, role: Role, kind: Kind, actor: str, tenant_id: str) -> Iterator[Connection]:
        pool, url = self._pool(role, kind)
        # Local to the transaction, so a connection cannot carry one tenant's name to another's request.
        settings = {
            "actor": actor,
            "tenant_id": tenant_id,
            "lock": f"{_LONGEST_LOCK_SECONDS}s",
            "statement": f"{kind.statement_seconds}s",
            "idle": f"{min(_IDLE_SECONDS, kind.age_seconds)}s",
            "age": f"{kind.age_seconds}s",
        }
        with ExitStack() as loan:
            try:
                connection = loan.enter_context(pool.connection(timeout=kind.wait_seconds))
            except (PoolTimeout, PoolClosed):
                raise self._why_none(url, role) from None
            loan.enter_context(connection.transaction())
            loan.enter_context(self._ages.lent(connection, kind.age_seconds))
            connection.execute(_SETTINGS, settings)
            yield connection

    def _end_old_readers(self) -> None:
        if self._url is not None:
            with self.door("serve") as connection:
                connection.execute(_END_OLD_READERS, {"seconds": OF_PEOPLE.transaction})

    def _why_none(self, url: str, role: Role) -> Exception:
        """All are out, or the database went away: then what is known of it is forgotten."""
        try:
            connect(url, role).close()
        except DatabaseUnreachable as error:
            self._forget(url)
            return error
        return _crowded()

    def _forget(self, url: str | None) -> None:
        with self._lock:
            if self._url is not url:
                return  # somebody did already
            pools, held = self._pools, self._held
            self._pools, self._held, self._url = {}, ExitStack(), None
            self._examined.clear()
            for pool in pools.values():
                pool.close(timeout=1)
            held.close()

    def _pool(self, role: Role, kind: Kind) -> tuple[ConnectionPool[Connection], str]:
        with self._lock:
            if self._url is None:
                self._url = self._held.enter_context(self._settings.database())
            url = self._url
        self._examine(url, role, kind)
        with self._lock:
            if (role, kind) not in self._pools:
                self._pools[role, kind] = ConnectionPool(
                    connection_class=opener(url, role),
                    min_size=0,
                    max_size=kind.at_once,
                    num_workers=1,
                    max_idle=120,
                    # One that broke while it lay here is thrown away instead of lent.
                    check=ConnectionPool.check_connection,
                    # Planned for what is asked each time: one statement, or all of a month by the same query.
                    kwargs={"prepare_threshold": None},
                    open=True,
                    name=f"{kind.name}-{role.name.lower()}",
                )
            return self._pools[role, kind], url

    def _examine(self, url: str, role: Role, kind: Kind) -> None:
        """Nobody is served over a connection that policies do not bind, nor while any way past them is open."""
        # Nobody reads over the connection of a webhook, nor over one that keeps what is pushed.
        if role in (Role.BILLING, Role.INTAKE) or role in self._examined:
            return
        if not self._examining[role].acquire(timeout=kind.wait_seconds):
            raise _crowded()
        try:
            if role not in self._examined:
                with connect(url, role) as probe:
                    probe.execute(_PROBE, {"lock": f"{_LONGEST_LOCK_SECONDS}s"})
                    require_isolation(probe)
                self._examined.add(role)
        finally:
            self._examining[role].release()


def _crowded() -> Crowded:
    return Crowded(503, "Too many people are at this at once: try again soon.")
