"""The API over real HTTP on loopback, as a deployment serves it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from orchestration.intake import application
from orchestration.intake.limits import Limit, Limits
from orchestration.settings import Settings
from orchestration.web.server.bounds import Pace
from orchestration.web.server.readers import Readers
from orchestration.web.server.serving import server_of
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.intake import keys
from warehouse.security import database_logins
from warehouse.security.database_logins import Access


def unlimited() -> Limits:
    """Limits that nobody meets."""
    limits = Limits(Limit("requests", 1_000_000, 1), Limit("events", 100_000_000, 1))
    limits.addresses = Pace(1_000_000, 1_000_000)
    return limits


@contextmanager
def serving(
    url: str, home: Path, *, limits: Limits | None = None, now: Callable[[], datetime] = clock.now
) -> Iterator[str]:
    """The address of the API of that database, for as long as the context lasts; it has the logins it should have."""
    generous = limits or unlimited()
    with (
        login_of(url, Access.SERVER) as server_url,
        login_of(url, Access.INTAKE) as intake_url,
        socket.socket() as listening,
    ):
        urls = {Role.SERVER: server_url, Role.TENANT: server_url, Role.INTAKE: intake_url}
        settings = replace(Settings.from_environment(), home=home, database_url=url, process_urls=urls)
        readers = Readers(settings)
        server = server_of(application(settings, readers, limits=generous, now=now), log_level="critical")
        listening.bind(("127.0.0.1", 0))
        listening.listen(256)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            readers.close()


@contextmanager
def login_of(url: str, access: Access) -> Iterator[str]:
    """The database's URL for a login of its own."""
    with connect(url, Role.OWNER) as owner:
        granted = database_logins.grant(owner, access)
    try:
        yield (
            make_url(url)
            .set(username=granted.login, password=granted.password.reveal())
            .render_as_string(hide_password=False)
        )
    finally:
        with connect(url, Role.OWNER) as owner:
            database_logins.revoke(owner, granted.login)


def add_tenants(connection: psycopg.Connection[Any], *names: str) -> None:
    """Tenants that were active long before anything was pushed."""
    for name in names:
        connection.execute(
            "insert into control.tenants (tenant_id, name, currency) values (%s, %s, 'USD')", [name, name]
        )
        connection.execute(
            "insert into control.tenant_statuses (tenant_id, valid_from, status) values (%s, '2020-01-01', 'active')",
            [name],
        )


def key(url: str, tenant_id: str | None, *more: str, expires_at: datetime | None = None) -> str:
    """A new API key of a tenant."""
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        token, _ = keys.create(operator, tenant_id, ["events", *more], clock.now(), expires_at)
    return token.reveal()


def event(event_id: str, **more: Any) -> dict[str, Any]:
    """An event of now."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/ocr/eu-1",
        "type": "ocr.scan",
        "time": clock.now().isoformat(),
        **more,
    }
