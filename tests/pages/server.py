"""The pages over real HTTP on loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import uvicorn
from sqlalchemy.engine import make_url

from orchestration.pages import application
from orchestration.settings import Settings
from warehouse import access
from warehouse.access import Access
from warehouse.connect import Role, connect

MASTER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@contextmanager
def served_by(url: str) -> Iterator[str]:
    """The database's URL for a login that may serve the pages and nothing else, as a deployment should have one."""
    with connect(url, Role.OWNER) as owner:
        login = access.grant(owner, Access.SERVER)
    try:
        yield (
            make_url(url)
            .set(username=login.login, password=login.password.reveal())
            .render_as_string(hide_password=False)
        )
    finally:
        with connect(url, Role.OWNER) as owner:
            access.revoke(owner, login.login)


@contextmanager
def serving(url: str, home: Path, today: date) -> Iterator[str]:
    """The address of the pages of that database, as on that day, for as long as the context lasts."""
    with served_by(url) as served, socket.socket() as listening:
        pages = application(Settings(home=home, database_url=served, master_keys=MASTER_KEY), today=lambda: today)
        server = uvicorn.Server(uvicorn.Config(pages, log_level="critical", lifespan="on"))
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
