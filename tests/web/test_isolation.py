"""The pages under a login that may only serve them: everything works, and a tenant reaches no other's by any route."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg
import pytest
from starlette.routing import BaseRoute, Mount, Route

from orchestration.settings import Settings
from orchestration.web import application
from tests.web.signing import form_token, sign_in

Visit = Callable[[str], httpx.Client]
OTHERS = ("bright-smiles", "corner-vet", "delta-legal")
# One value of each parameter of a route, another tenant's wherever there is a choice; an unknown parameter fails.
ANOTHERS = {
    "tenant": "bright-smiles", "start": "2026-10-01", "day": "2026-10-30", "step": "approve", "month": "2026-10",
    "table": "fct_statements", "format": "csv", "credit": "1", "source": "vapi", "call": "bright-smiles-call-88",
    "token": "nobodys", "provider": "vapi",
}  # fmt: skip
CALLS = (
    "/tenants/acme-dental/calls",
    "/tenants/acme-dental/calls.csv",
    "/tenants/acme-dental/calls/2026-10-30/vapi/acme-dental-call-88",
)
ROUTES = [route for route in application(Settings(Path("nowhere"))).routes if isinstance(route, Route)]
METHODS = [(method, route) for route in ROUTES for method in sorted((route.methods or set()) - {"HEAD"})]


def path_of(route: BaseRoute) -> str:
    assert isinstance(route, Route)
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: ANOTHERS[found[1]], route.path)


def told_of_others(text: str) -> list[str]:
    return [word for tenant in OTHERS for word in (tenant, tenant.replace("-", " ").title()) if word in text]


def test_what_is_mounted_beside_the_routes_is_the_style_sheet_alone() -> None:
    mounts = [route for route in application(Settings(Path("nowhere"))).routes if not isinstance(route, Route)]
    assert [mount.path for mount in mounts if isinstance(mount, Mount)] == ["/static"]
    assert len(mounts) == 1


def test_the_servers_login_is_no_owner_and_reads_nothing_by_itself(visit: Visit, story_url: str) -> None:
    assert visit("ana").get("/periods").status_code == 200
    with psycopg.connect(story_url) as connection:
        served_by = connection.execute(
            "select distinct r.rolname, r.rolsuper or r.rolbypassrls or r.rolinherit from pg_stat_activity as a"
            " inner join pg_roles as r on a.usename = r.rolname where a.datname = current_database()"
            " and a.pid <> pg_backend_pid()"
        ).fetchall()
    assert [is_more for _, is_more in served_by] == [False]
    assert served_by[0][0].startswith("mb_server_")


def test_under_the_servers_login_every_page_and_every_step_works(visit: Visit, story_url: str) -> None:
    ana, otto, tina, somebody = visit("ana"), visit("otto"), visit("tina"), visit("")
    assert sign_in(somebody, "ana").status_code == 303
    assert somebody.post("/sign-out", data={"form_token": form_token(somebody.get("/periods").text)}).status_code == 303
    for client, paths in (
        (
            ana,
            (
                "/periods",
                "/periods/acme-dental/2026-10-01",
                "/approvals?month=2026-10&which=ready",
                "/days",
                "/costs",
                "/tables",
            ),
        ),
        (
            otto,
            ("/costs", "/days", "/days/acme-dental/2026-10-30", "/tables", "/tables/fct_calls.json", "/calls", *CALLS),
        ),
        (tina, ("/usage", "/usage/2026-10-01", "/tables", "/tables/fct_statements.csv", *CALLS)),
    ):
        for path in paths:
            assert client.get(path).status_code == 200, path
    # The pack of a closed period is frozen in the ledger by who downloads it first.
    pack = ana.get("/packs/acme-dental/2026-09-01.zip")
    assert zipfile.ZipFile(io.BytesIO(pack.content)).testzip() is None
    token = form_token(ana.get("/periods/bright-smiles/2026-10-01").text)
    answer = ana.post("/periods/bright-smiles/2026-10-01/approve", data={"form_token": token})
    assert answer.status_code == 303, answer.text
    page = ana.get("/approvals?month=2026-10&which=ready").text
    seen = re.findall(r'name="seen" value="(\w+)"', page)[0]
    form = {"form_token": form_token(page), "seen": seen}
    answer = ana.post("/approvals?month=2026-10&which=ready", data=form)
    assert answer.status_code == 303, answer.text
    with psycopg.connect(story_url) as connection:
        frozen = connection.execute("select count(*) from ledger.packs").fetchone()
        approved = connection.execute("select count(*) from ledger.periods where state = 'approved'").fetchone()
    assert frozen == (1,)
    assert approved is not None
    assert approved[0] > 1


@pytest.mark.parametrize(
    "also",
    [
        "",
        "?tenant=bright-smiles&tenant_id=bright-smiles&q=bright&month=2026-10&which=ready",
        "?words=monday+or+brightsmiles30&customer=67&from=2026-10-30",
    ],
)
def test_a_tenant_reaches_nothing_of_another_by_any_route(visit: Visit, story_url: str, also: str) -> None:
    client = visit("tina")
    token = form_token(client.get("/tables").text)
    with psycopg.connect(story_url) as connection:
        before = connection.execute("select * from ledger.periods order by 1, 2").fetchall()
    answers = {}
    for method, route in METHODS:
        path = path_of(route)
        if path == "/sign-out":
            continue
        form = (
            {"form_token": token, "reason": "mine", "tenant": "bright-smiles", "seen": "0"}
            if method == "POST"
            else None
        )
        answer = client.request(method, path + also, data=form)
        answers[method, route.path] = answer.status_code
        assert told_of_others(answer.text) == [], (method, path)
        assert answer.status_code < 500, (method, path)
    staff = {
        path: status
        for (_, path), status in answers.items()
        if path.split("/")[1]
        in {
            "periods",
            "approvals",
            "packs",
            "days",
            "credits",
            "invoices",
            "onboarding",
            "automations",
            "brands",
            "keys",
        }
    }
    assert staff
    assert set(staff.values()) == {403}
    of_calls = {path: status for (_, path), status in answers.items() if path.startswith("/tenants/")}
    assert of_calls.pop("/tenants/{tenant}/stored/{day}/{source}/{call:path}") == 403
    assert set(of_calls.values()) == {404}
    assert answers["GET", "/tables/{table}.{format}"] == 200
    with psycopg.connect(story_url) as connection:
        assert connection.execute("select * from ledger.periods order by 1, 2").fetchall() == before


def test_a_tenant_reads_only_its_own_of_every_table_that_there_is(visit: Visit, story_url: str) -> None:
    client = visit("tina")
    with psycopg.connect(story_url) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('marts', 'control', 'ledger', 'raw_vapi', 'staging')"
        ).fetchall()
    opened = 0
    for schema, name in names:
        for asked in (name, f"{schema}.{name}", f"..%2f{name}", f'{name}"%20--'):
            answer = client.get(f"/tables/{asked}.csv")
            opened += answer.status_code == 200
            assert answer.status_code in {200, 404}
            assert told_of_others(answer.text) == [], asked
    assert opened > 5


@pytest.mark.parametrize("login", ["ana", "otto", "tina"])
def test_nothing_is_done_on_another_sites_word_or_by_another_method(visit: Visit, login: str) -> None:
    client = visit(login)
    own = {"form_token": form_token(client.get("/sessions").text)}
    for method, route in METHODS:
        path = path_of(route)
        for other in {"PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}:
            assert client.request(other, path, data=own).status_code == 405, path  # type: ignore[call-arg]
        if method == "POST":
            assert client.post(path).status_code == 403, path
            assert client.post(path, data={"form_token": "0" * 64}).status_code == 403, path
            for said in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "same-site"}):
                assert client.post(path, data=own, headers=said).status_code == 403, path


@pytest.mark.parametrize(
    "path",
    [
        "/static/../web/forms.py", "/static/%2e%2e/forms.py", "/static/..%2fforms.py", "/static//etc/passwd",
        "/static/%2fetc%2fpasswd", "/static/..%5cforms.py", "/tables/..%2f..%2fetc%2fpasswd.csv",
        "/statements/..%2f..%2fetc/2026-10-01.pdf", "/packs/..%2fetc%2fpasswd.zip",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_what_is_served(visit: Visit, path: str) -> None:
    assert visit("ana").get(path).status_code == 404
