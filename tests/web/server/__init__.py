"""The pages over real HTTP on loopback."""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from sqlalchemy.engine import make_url
from starlette.routing import BaseRoute

from orchestration.mail import Mailer
from orchestration.settings import Settings
from orchestration.web import application
from orchestration.web.server.bounds import Pace
from orchestration.web.server.serving import server_of
from warehouse.database.connect import Role, connect
from warehouse.security import database_logins
from warehouse.security.database_logins import Access

MAILED = "https://bills.example.com"
MASTER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@contextmanager
def served_by(url: str) -> Iterator[str]:
    """The database's URL for a login that may serve the pages and nothing else, as a deployment should have one."""
    with connect(url, Role.OWNER) as owner:
        login = database_logins.grant(owner, Access.SERVER)
    try:
        yield (
            make_url(url)
            .set(username=login.login, password=login.password.reveal())
            .render_as_string(hide_password=False)
        )
    finally:
        with connect(url, Role.OWNER) as owner:
            database_logins.revoke(owner, login.login)


@contextmanager
def serving(
    url: str,
    home: Path,
    today: date,
    *,
    is_patient: bool = True,
    beside: Sequence[BaseRoute] = (),
    addresses: Mapping[str, str] | None = None,
    mailer: Mailer | None = None,
    hosts: tuple[str, ...] = (),
) -> Iterator[str]:
    """The address of the pages of that database, as on that day, for as long as the context lasts.

    is_patient: no client asks too often, as tests do. addresses: where providers are. mailer: sends links, which lead
    to MAILED. hosts: names of ours besides this machine's.
    """
    with served_by(url) as served, socket.socket() as listening:
        pages = application(
            Settings(
                home=home,
                database_url=served,
                master_keys=MASTER_KEY,
                addresses=addresses or {},
                mailer=mailer,
                public_url=mailer and MAILED,
                hosts=hosts,
            ),
            today=lambda: today,
            beside=beside,
        )
        if is_patient:
            pages.state.paces.strangers = pages.state.paces.people = Pace(1e6, 1_000_000)
        server = server_of(pages, log_level="critical")
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
