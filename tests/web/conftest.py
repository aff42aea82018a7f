"""Pages over a warehouse with a story: seven tenants, some of them with unfriendly names, and a login for each role."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from orchestration.web.access.auth import SESSION
from tests.conftest import TEMPLATE, administer, database_of
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.web import world
from tests.web.server import serving
from tests.web.signing import PASSWORD
from warehouse.database.connect import Role, connect
from warehouse.security import web_logins

STORY = "pages_story"


@pytest.fixture(scope="session")
def story_template(postgres_server: str) -> str:
    """A database with the story, to be copied."""
    administer(postgres_server, "create database {} template {}", STORY, TEMPLATE)
    url = database_of(postgres_server, STORY)
    tenants = world.build(url, 7, (*world.NAMES[:4], *world.UNFRIENDLY[:3]))
    with connect(url, Role.SERVER) as connection:
        add_staff(connection)
        for login, tenant in (("tina", tenants[0]), ("theo", tenants[1])):
            web_logins.add_login(connection, login, "tenant", tenant)
            start_session(connection, login)
    return STORY


def add_staff(connection: psycopg.Connection[Any]) -> None:
    """Finance's ana and the operator's otto, signed in; one password serves whoever types one: hashing is slow."""
    web_logins.add_login(connection, "ana", "finance", None)
    web_logins.add_login(connection, "otto", "operator", None)
    web_logins.set_password(connection, "ana", PASSWORD)
    for login in ("ana", "otto"):
        start_session(connection, login)


@pytest.fixture
def story_url(postgres_server: str, story_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Superuser's URL of a copy of the story of this test's own."""
    name = f"story_{abs(hash(request.node.nodeid)):x}"
    administer(postgres_server, "create database {} template {}", name, story_template)
    try:
        yield database_of(postgres_server, name)
    finally:
        administer(postgres_server, "drop database {} with (force)", name)


@pytest.fixture
def visit(story_url: str, tmp_path: Path) -> Iterator[Callable[[str], httpx.Client]]:
    """Opens the pages as somebody: visit("ana") signs in, visit("") does not."""
    with serving(story_url, tmp_path, world.TODAY) as address, ExitStack() as clients:
        yield lambda login: signed_in(clients, address, login)


def signed_in(clients: ExitStack, address: str, login: str) -> httpx.Client:
    """A client with the session of one of the story's logins; of a stranger for an empty one."""
    client = clients.enter_context(httpx.Client(base_url=address, timeout=60))
    if login:
        client.cookies.set(SESSION, _token_of(login))
    return client


def _token_of(login: str) -> str:
    return f"a-session-of-{login}"


def start_session(connection: psycopg.Connection[Any], login: str) -> None:
    """A session that gave its second factor, without a password."""
    connection.execute(
        "insert into control.sessions (token_hash, login_id, expires_at, second_factor_at)"
        " values (%s, %s, now() + interval '1 hour', now())",
        [sha256(_token_of(login).encode()).digest(), login],
    )
