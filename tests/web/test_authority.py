"""Who may do what: every route that is served, with each of its methods, for every kind of visitor, from one table.

`authority.txt` says it, a line for each method and route: what is new fails until it is written there. `ok` is a page,
or a form that is taken: what is wrong with an empty one is told to whom it is for. What is no
page has its status.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import get_args

import httpx
import psycopg
import pytest
from starlette.routing import BaseRoute, Route

from orchestration.operations.metrics import Metrics
from orchestration.settings import Settings
from orchestration.stripe_billing.webhooks import webhook_app
from orchestration.web import application
from tests.web import world
from tests.web.conftest import signed_in
from tests.web.server import serving
from tests.web.signing import PASSWORD, form_token, give_password, sign_in
from tests.web.test_isolation import ANOTHERS
from warehouse.database.connect import Role, connect
from warehouse.security import second_factors, web_logins
from warehouse.security.web_logins import LoginRole

TABLE = Path(__file__).with_name("authority.txt")
OWN = ANOTHERS | {"tenant": "acme-dental", "call": "acme-dental-call-88"}
ROLES = {"finance": "ana", "operator": "otto", "tenant": "tina"}
VISITORS = (*ROLES, "other tenant", "no code", "stranger")
Open = Callable[[str], httpx.Client]


def beside(url: str) -> list[BaseRoute]:
    """What stands at the same address as the pages, and knows no person's session."""
    lend = partial(psycopg.connect, url)
    return [*webhook_app(lend, ["whsec_" + "s" * 32]).routes, Metrics(lend, ["a-token"]).route]


ROUTES = [one for one in application(Settings(Path("nowhere")), beside=beside("")).routes if isinstance(one, Route)]
# What ends a session comes last: who asked it has none for what would follow.
METHODS = sorted(
    ((method, route.path) for route in ROUTES for method in (route.methods or set()) - {"HEAD"}),
    key=lambda one: (one[1] == "/sign-out", one[1], one[0]),
)


@pytest.fixture
def opened(story_url: str, tmp_path: Path) -> Iterator[Open]:
    """The pages and what stands beside them, opened as one of the story's logins, or as nobody."""
    with serving(story_url, tmp_path, world.TODAY, beside=beside(story_url)) as address, ExitStack() as clients:
        yield lambda login: signed_in(clients, address, login)


def answers(client: httpx.Client, values: dict[str, str], token: str) -> dict[tuple[str, str], str]:
    """What a visitor is answered by every method and route."""
    found = {}
    for method, route in METHODS:
        path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda part: values[part[1]], route)
        answer = client.request(method, path, data={"form_token": token} if method == "POST" else None)
        assert answer.status_code < 500, (method, path, answer.text)
        location = answer.headers.get("location", "").split("?")[0].strip("/")
        if answer.status_code in {401, 403, 404} or "text/html" not in answer.headers.get("content-type", "text/html"):
            found[method, route] = str(answer.status_code)
        else:
            found[method, route] = location if location in {"sign-in", "second-factor"} else "ok"
    return found


def of_page(client: httpx.Client, path: str = "/sessions") -> str:
    return form_token(client.get(path).text)


def test_every_route_answers_every_visitor_as_it_is_written_down(opened: Open, story_url: str) -> None:
    assert set(get_args(LoginRole)) == set(ROLES)
    with connect(story_url, Role.SERVER) as connection:
        web_logins.add_login(connection, "nora", "finance", None)
        web_logins.set_password(connection, "nora", PASSWORD)
    half, stranger = opened(""), opened("")
    assert give_password(half, "nora").status_code == 303
    found = {role: answers(client, OWN, of_page(client)) for role, login in ROLES.items() for client in [opened(login)]}
    theo = opened("theo")
    found["other tenant"] = answers(theo, OWN, of_page(theo))
    found["no code"] = answers(half, OWN, of_page(half, "/second-factor"))
    found["stranger"] = answers(stranger, OWN, of_page(stranger, "/sign-in"))
    lines = [_line("", VISITORS)]
    lines += [_line(" ".join(key), [found[who][key] for who in VISITORS]) for key in METHODS]
    assert "\n".join(lines) == TABLE.read_text().strip("\n")


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:62}" + "".join(f"{cell:14}" for cell in cells).rstrip()


def test_a_session_that_was_ended_is_a_strangers_however_it_was_ended(opened: Open, story_url: str) -> None:
    """Removed, password set anew, followed a link, second factor reset, signed out by another, expired."""
    stranger = opened("")
    token = of_page(stranger, "/sign-in")
    expected = answers(stranger, OWN, token)

    def linked(connection: psycopg.Connection[object], login: str) -> None:
        link = web_logins.reset_by_link(connection, login)
        assert web_logins.use_link(connection, link.token, web_logins.hashed(PASSWORD))

    def expired(connection: psycopg.Connection[object], login: str) -> None:
        values = [timedelta(seconds=web_logins.SESSION_SECONDS), login]
        moved = "update control.sessions set started_at = started_at - %s, expires_at = now() where login_id = %s"
        with psycopg.connect(story_url) as owner:
            owner.execute(moved, values)

    ways: dict[str, Callable[[psycopg.Connection[object], str], object]] = {
        "disabled": web_logins.disable,
        "set": lambda connection, login: web_logins.set_password(connection, login, PASSWORD + " anew"),
        "linked": linked,
        "factor": second_factors.reset,
        "everywhere": web_logins.sign_out_everywhere,
        "expired": expired,
    }
    for role, end in zip((*ROLES, *ROLES), ways, strict=True):
        client, login = opened(""), f"{end}-{role}"
        with connect(story_url, Role.SERVER, actor="otto") as connection:
            web_logins.add_login(connection, login, role, "acme-dental" if role == "tenant" else None)
            web_logins.set_password(connection, login, PASSWORD)
            connection.commit()
            assert sign_in(client, login).status_code == 303
            assert client.get("/sessions").status_code == 200, login
            own = of_page(client)
            ways[end](connection, login)
        assert client.get("/sessions").headers["location"].startswith("/sign-in"), login
        # The token of its own session's forms is worth as little as a stranger's.
        shown = answers(client, OWN, own)
        differing = {key: shown[key] for key in shown if shown[key] != expected[key]}
        forms_of_visit = {key for key in differing if key[1] in {"/sign-in", "/forgotten", "/password/{token}"}}
        assert {differing[key] for key in forms_of_visit} <= {"403"}, login
        assert differing.keys() == forms_of_visit, login
