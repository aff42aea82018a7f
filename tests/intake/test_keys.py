"""Who may push: a valid key, of its tenant, until it expires or is revoked."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from starlette.requests import Request
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.intake.admission import KNOWN_SECONDS, Admission
from orchestration.intake.answers import Problem
from orchestration.intake.limits import Limit, Limits
from tests.intake.conftest import Pushing
from tests.intake.served import event, key, serving
from warehouse import clock
from warehouse.control import plans
from warehouse.control.changes import Action
from warehouse.database.connect import Role, connect
from warehouse.intake import keys


def showing(token: str) -> Request:
    return Request({"type": "http", "headers": [(b"authorization", f"Bearer {token}".encode())]})


def test_a_key_is_made_listed_and_revoked_by_commands_and_shown_once(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", url)
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, list(arguments), terminal_width=250)
        assert result.exit_code == code, result.output
        return result.stdout

    made = json.loads(run("key", "create", "--tenant", "birch", "--expires", "2100-12-31", "--json"))
    assert made["key"].startswith(f"mbk_{made['key_id']}_")
    assert made["expires_at"].startswith("2100-12-31T23:59:59")
    run("key", "create", "--tenant", "birch", "--scope", "events")
    run("key", "create", "--tenant", "birch", code=1)
    run("key", "create", "--tenant", "nobody", code=1)
    run("key", "create", "--tenant", "birch", "--scope", "everything", code=2)
    (listed,) = [one for one in json.loads(run("key", "list", "--json")) if one["key_id"] == made["key_id"]]
    assert listed["created_by"]
    assert listed["revoked_at"] is None
    assert "is revoked" in run("key", "revoke", made["key_id"])
    assert "was revoked before" in run("key", "revoke", made["key_id"])
    run("key", "revoke", "unknown0", code=1)
    run("key", "create", "--tenant", "birch")
    run("plan", "create", "quick", "--name", "Quick")
    assert "changed" in run("plan", "rate", "quick", "120000")
    run("plan", "rate", "quick", "59", code=2)
    run("plan", "rate", "nobodys", "120000", code=1)
    assert [one["events_per_minute"] for one in json.loads(run("plan", "list", "--json"))] == [120_000]
    with psycopg.connect(url) as connection:
        audited = connection.execute(
            "select action, after::text from ledger.audit_log where object_table = 'control.api_keys'"
            " and after ->> 'key_id' = %s order by entry_id",
            [made["key_id"]],
        ).fetchall()
        everything = connection.execute("select k::text from control.api_keys as k").fetchall()
    assert [action for action, _ in audited] == ["insert", "update"]
    assert made["key"] not in str((audited, everything))
    assert keys.hash_of(made["key"]).hex() not in str(audited)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer mbk_x", "Basic mbk_aaaaaaaa_" + "a" * 43, "Bearer mbk_aaaaaaaa_" + "a" * 43]
)
def test_without_a_valid_key_nothing_is_taken(address: str, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = httpx.post(f"{address}/v1/events", json=event("nobodys"), headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="minutebook"')


def test_a_key_whose_end_is_another_one_is_none(pushing: Pushing, acme_key: str) -> None:
    assert pushing(acme_key[:-1] + ("a" if acme_key[-1] != "a" else "b")).post("/v1/events").status_code == 401


def test_an_expired_key_and_one_of_a_closed_tenant_open_nothing(url: str, pushing: Pushing) -> None:
    short = key(url, None, expires_at=clock.now() + timedelta(seconds=1))
    with connect(url, Role.INTAKE) as connection:
        found = keys.key_of(connection, str(keys.public_part(short)))
    assert found is not None
    assert found.opens(short, clock.now())
    assert not found.opens(short, clock.now() + timedelta(seconds=2))
    assert pushing(key(url, "shut")).post("/v1/events", json=event("late")).status_code == 403


def test_a_revoked_key_is_refused_within_ten_seconds(url: str) -> None:
    token, seconds = key(url, None, "backfill"), 0.0
    admission = Admission(lambda: connect(url, Role.INTAKE), lambda: seconds)
    assert admission.admit(showing(token), clock.now()).is_backfill
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        keys.revoke(operator, str(keys.public_part(token)), clock.now())
    seconds = KNOWN_SECONDS
    assert KNOWN_SECONDS <= 10
    with pytest.raises(Problem) as refused:
        admission.admit(showing(token), clock.now())
    assert refused.value.status_code == 401


def test_when_a_key_was_used_is_noted_once_a_minute(url: str) -> None:
    token, began = key(url, "noting"), clock.now()
    key_id = str(keys.public_part(token))
    admission = Admission(lambda: connect(url, Role.INTAKE))

    def used_at() -> datetime | None:
        with connect(url, Role.OPERATOR) as operator:
            (found,) = [one for one in keys.listed(operator, "noting") if one["key_id"] == key_id]
        used: datetime | None = found["used_at"]
        return used

    assert used_at() is None
    for seconds, noted in ((0, 0), (59, 0), (60, 60), (30, 60)):
        admission.admit(showing(token), began + timedelta(seconds=seconds))
        assert used_at() == began + timedelta(seconds=noted)
    with pytest.raises(Problem):
        admission.admit(showing(token[:-1] + ("a" if token[-1] != "a" else "b")), began + timedelta(seconds=600))
    assert used_at() == began + timedelta(seconds=60), "who does not open it does not use it"


def test_who_pushes_too_much_is_told_when_to_come_again(url: str, tmp_path: Path, acme_key: str) -> None:
    limits = Limits(Limit("requests", 4, 60), Limit("events", 3, 60))
    headers = {"Authorization": f"Bearer {acme_key}"}
    with serving(url, tmp_path, limits=limits) as address, httpx.Client(base_url=address, headers=headers) as client:
        first = client.post("/v1/events", json=[event(f"limited-{number}") for number in range(5)])
        assert first.status_code == 202
        assert first.headers["RateLimit-Policy"] == '"requests";q=4;w=60, "events";q=3;w=60'
        assert first.headers["RateLimit"].startswith('"requests";r=3;t=')
        assert '"events";r=0;t=' in first.headers["RateLimit"]
        refused = client.post("/v1/events", json=event("one more"))
    assert refused.status_code == 429
    assert refused.json()["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert refused.json()["violated-policies"] == ["events"]
    assert 20 <= int(refused.headers["Retry-After"]) <= 60
    assert "RateLimit" in refused.headers


def test_a_tenant_may_push_what_its_plan_allows_whoever_pushes_for_it(
    url: str, tmp_path: Path, pushing: Pushing, acme_key: str
) -> None:
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        plans.put_plan(operator, "small", "Small", "USD")
        assert plans.set_rate(operator, "small", 60).action is Action.CHANGED
        assert plans.set_rate(operator, "small", 60).action is Action.UNCHANGED
        operator.execute("insert into control.tenant_plans values ('noting', '2026-01-01', 'small')")
    headers = {"Authorization": f"Bearer {key(url, None)}"}
    with (
        serving(url, tmp_path, limits=Limits()) as address,
        httpx.Client(base_url=address, headers=headers, timeout=30) as platform,
    ):
        first = platform.post("/v1/events", json=[event(f"of-noting-{one}", tenant="noting") for one in range(110)])
        assert first.status_code == 202
        assert '"events"' not in first.headers["RateLimit"], "events are each tenant's own"
        assert platform.post("/v1/events", json=event("of-noting-0", tenant="noting")).status_code == 429
        assert platform.post("/v1/events", json=event("plan-of-acme", tenant="acme")).status_code == 202
        acme = httpx.post(
            f"{address}/v1/events", json=event("acme's own"), headers={"Authorization": f"Bearer {acme_key}"}
        )
        assert '"events";q=60000;w=60' in acme.headers["RateLimit-Policy"]
        noting = httpx.post(
            f"{address}/v1/events",
            json=event("one more"),
            headers={"Authorization": f"Bearer {key(url, 'noting')}"},
        )
    assert (noting.status_code, noting.json()["violated-policies"]) == (429, ["events"])
    assert '"events";q=60;w=60' in noting.headers["RateLimit-Policy"]


def test_several_servers_have_a_share_of_each_limit() -> None:
    shared = Limits(servers=4)
    assert shared.headers("acme", 60_000)["RateLimit-Policy"] == '"requests";q=25;w=2, "events";q=15000;w=60'
    for _ in range(25):
        shared.begin("acme")
    with pytest.raises(Problem) as refused:
        shared.begin("acme")
    assert refused.value.status_code == 429


def test_who_is_refused_for_another_reason_sees_the_limits_too(pushing: Pushing, acme_key: str) -> None:
    acme = pushing(acme_key)
    refused = [acme.post("/v1/events", json=[]), acme.post("/v1/events"), acme.get("/v1/events/nothing/here")]
    assert [answer.status_code for answer in refused] == [400, 415, 404]
    assert all(answer.headers["RateLimit"].startswith('"requests";r=') for answer in refused)
    assert all("RateLimit-Policy" in answer.headers for answer in refused)


def test_a_login_of_the_api_can_push_as_nobody_and_read_nothing(url: str) -> None:
    with connect(url, Role.INTAKE) as connection:
        assert connection.execute("select count(*) from intake.identities").fetchone() == (0,)
        for statement in (
            "select 1 from intake.events",
            "select 1 from control.api_keys",
            "select 1 from control.tenants",
            "insert into intake.identities (tenant_id, source, event_id, usage_date, content_hash)"
            " values ('acme', 's', 'e', '2026-01-01', '')",
            "delete from intake.identities",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement)  # type: ignore[call-overload]
