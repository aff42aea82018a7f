"""Hooks over real HTTP, as a person makes them and a provider uses them: what is taken, and what a day makes of it."""

import hmac
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.ingestion import PullState, pull_again
from orchestration.intake.hooks import LARGEST_BODY_BYTES
from sources.registry import all_sources, horizons
from tests.ingestion.conftest import house  # noqa: F401 - a fixture
from tests.ingestion.house import House, call
from tests.intake.served import event, key, serving
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.world import VapiAccount, VoiceflowProject, in_memory
from tests.sources.test_allowed import CANARY, SECRETS_OF_A_CALL
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.finding import Facts
from warehouse.ingestion import retry_schedule
from warehouse.intake import hooks
from warehouse.intake.events import tidy
from warehouse.intake.hooks import Reported
from warehouse.operations import troubles
from warehouse.privacy import personal
from warehouse.security import rotation
from warehouse.words import day as said_day


class Provider:
    """Vapi, as far as it tells a hook of calls."""

    def __init__(self, client: httpx.Client, made: dict[str, str]) -> None:
        self.client, self.made = client, made
        self.path = "/v1/hooks/" + made["url"].split("/v1/hooks/", 1)[1]
        self.secret, self.hook_id = made["secret"], made["hook_id"]

    def tells(self, message: dict[str, Any], **headers: str) -> httpx.Response:
        """Sends a message, signed with the time of now."""
        return self.sends(json.dumps({"message": message}).encode(), **headers)

    def sends(self, body: bytes, stamp: str = "", signature: str = "") -> httpx.Response:
        stamp = stamp or str(int(clock.now().timestamp()))
        signature = signature or hmac.new(self.secret.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
        headers = {"x-timestamp": stamp, "x-signature": signature, "content-type": "application/json"}
        return self.client.post(self.path, content=body, headers=headers)


def run(line: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, line.split(), terminal_width=250)
    assert result.exit_code == code, result.output
    return result.stdout


def ended(told: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The report of a call that ended."""
    of_call = {name: told[name] for name in ("id", "createdAt", "type", "assistantId", "phoneNumberId") if name in told}
    figures = {name: told.get(name) for name in ("startedAt", "endedAt", "endedReason", "cost", "costs")}
    return {"type": "end-of-call-report", **figures, "call": {**of_call, "status": "queued", "cost": 0}, **changes}


@pytest.fixture
def day() -> date:
    return clock.today() - timedelta(days=2)


@pytest.fixture
def account(house: House) -> VapiAccount:  # noqa: F811
    """Acme's own account at Vapi, without calls."""
    house.tenant("acme")
    return house.sandbox.world.vapi[house.own_vapi("acme", [])]


@pytest.fixture
def vapi(house: House, account: VapiAccount, tmp_path: Path) -> Iterator[Provider]:  # noqa: F811
    """Vapi, which was told of a hook of acme's account."""
    with (
        serving(house.url, tmp_path / "served") as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield Provider(client, json.loads(run(f"hook create vapi --tenant acme --url {address} --json")))


def reports(house: House) -> list[tuple[Any, ...]]:  # noqa: F811
    found = house.execute("select row_id, kind, usage_date, tenant_id, account from intake.reports order by report_id")
    return [tuple(row.values()) for row in found]


def due(house: House) -> list[date]:  # noqa: F811
    with connect(house.url, Role.LOADER) as connection:
        found = retry_schedule.account_days(connection, clock.now() + timedelta(hours=1), horizons())
    return sorted(one.key.usage_date for one in found if one.status == "reported")


def test_a_call_that_is_told_of_late_has_its_day_pulled_again_and_is_no_usage_before(
    house: House,  # noqa: F811
    account: VapiAccount,
    vapi: Provider,
    day: date,
) -> None:
    early, late = call("early", day), call("late", day)
    account.calls_between = in_memory([early])
    house.pull(["acme"], [day])
    assert vapi.tells(ended(early)).status_code == 200
    assert due(house) == [], "it holds what was told"
    answer = vapi.tells(ended(late))
    assert (answer.status_code, answer.json()) == (200, {})
    assert reports(house)[1] == ("late", "end-of-call-report", day, "acme", "acme")
    assert house.current_calls() == {"early"}, "a report is no usage"
    assert due(house) == [day]
    account.calls_between = in_memory([early, late])
    outcomes = pull_again(house.url, house.settings, now=clock.now() + timedelta(hours=1))
    assert [(one.usage_date, one.state) for one in outcomes if one.usage_date == day] == [(day, PullState.PUBLISHED)]
    assert house.current_calls() == {"early", "late"}
    assert due(house) == []


def test_other_figures_and_a_deletion_make_the_day_due_once_and_what_is_pulled_stands(
    house: House,  # noqa: F811
    account: VapiAccount,
    vapi: Provider,
    day: date,
) -> None:
    one = call("one", day)
    account.calls_between = in_memory([one])
    house.pull(["acme"], [day])
    vapi.tells(ended(one, cost=float(one["cost"]) + 0.01))
    assert due(house) == [day]
    house.pull(["acme"], [day])
    assert due(house) == [], "the provider was asked after it, and its list is the record"
    vapi.tells({"type": "call.deleted", "call": one})
    assert due(house) == [day]
    account.calls_between = in_memory([])
    house.pull(["acme"], [day], accept_loss=True)
    assert due(house) == []


def test_what_was_told_and_is_never_listed_is_found_and_so_is_what_was_listed_and_never_told(
    house: House,  # noqa: F811
    account: VapiAccount,
    vapi: Provider,
    day: date,
) -> None:
    house.execute("update control.hooks set created_at = %s", datetime.combine(day - timedelta(days=3), time(), UTC))
    told, listed = call("told", day), call("listed", day)
    account.calls_between = in_memory([told, listed])
    vapi.tells(ended(told))
    house.pull(["acme"], [day])
    vapi.tells(ended(call("ghost", day)))
    assert _health()["never_pulled"] == 0, "its day may not have been read since"
    account.calls_between = in_memory([told, listed])
    house.pull(["acme"], [day])
    (health,) = json.loads(run("hook list --json"))
    assert (health["heard"], health["never_pulled"], health["pulled"], health["never_heard"]) == (2, 1, 2, 1)
    assert health["heard_at"]
    assert health["refused_at"] is None


def _alerts(house: House) -> list[Facts]:  # noqa: F811
    with connect(house.url, Role.OPERATOR) as connection:
        return [wrong.finding.facts for wrong in troubles.reports(connection, clock.now())]


@pytest.mark.resolves("heard_never_pulled")
def test_what_the_provider_lists_after_all_is_found_by_the_pull_that_is_named(
    house: House,  # noqa: F811
    account: VapiAccount,
    vapi: Provider,
    day: date,
) -> None:
    ghost = call("ghost", day)
    vapi.tells(ended(ghost))
    house.pull(["acme"], [day])
    (found,) = [one for one in _doctor() if "ghost" in one["what"]]
    assert found["what"] == f"1 call of acme was reported by vapi for {said_day(day)} and not listed by it: ghost"
    assert _alerts(house) == [{"calls": 1, "source": "vapi", "first_day": day, "last_day": day}]
    account.calls_between = in_memory([ghost])
    run(found["fix"].removeprefix("minutebook "))
    assert [one for one in _doctor() if "ghost" in one["what"]] == []
    assert _alerts(house) == []


@pytest.mark.resolves("heard_forgotten")
def test_a_call_that_its_provider_has_forgotten_is_adopted_once_and_gives_way_to_what_is_listed(
    house: House,  # noqa: F811
    account: VapiAccount,
    vapi: Provider,
) -> None:
    day = clock.today() - timedelta(days=20)
    listed, ghost = call("listed", day), call("ghost", day, seconds=125)
    account.calls_between = in_memory([listed])
    house.pull(["acme"], [day])
    vapi.tells(ended(ghost))
    assert "was not read since ghost was reported" in _refused("hook adopt vapi ghost --tenant acme --reason why")
    house.pull(["acme"], [day])
    account.calls_between = in_memory([])  # by now Vapi has forgotten the whole day
    (found,) = [one for one in _doctor() if "ghost" in one["what"]]
    assert (
        found["what"] == f"1 call of acme was reported by vapi for {said_day(day)}, which it remembers no more: ghost"
    )
    adopt, _, build = found["fix"].partition(" && ")
    assert build == "minutebook build"
    words = adopt.removeprefix("minutebook ").replace("REASON", "an-outage")
    assert "1 call adopted, 0 before" in run(words)
    assert house.current_calls() == {"listed", "ghost"}
    assert [one for one in _doctor() if "ghost" in one["what"]] == []
    assert "0 calls adopted, 1 before" in run(words)
    (stored,) = house.execute(
        "select c.payload ->> 'cost' as cost, c.ended_at - c.started_at as lasted from raw_vapi.calls as c"
        " join ledger.pulls as p using (pull_id) where c.call_id = 'ghost' and p.state = 'published'"
    )
    assert (stored["cost"], stored["lasted"]) == (str(ghost["cost"]), timedelta(seconds=125))
    (noted,) = house.execute(
        "select actor, after ->> 'reason' as reason from ledger.audit_log where object_table = 'intake.adoptions'"
    )
    assert noted["actor"]
    assert noted["reason"] == "an-outage"

    # A pull in between loses what is listed no more, and is refused; accepted, it keeps what was adopted all the same.
    assert [one.cause_code for one in house.pull(["acme"], [day])] == ["rows_lost"]
    house.pull(["acme"], [day], accept_loss=True)
    assert house.current_calls() == {"ghost"}
    # It is listed after all: once, as it is listed.
    account.calls_between = in_memory([listed, {**ghost, "cost": 9.5}])
    house.pull(["acme"], [day])
    rows = house.execute(
        "select c.call_id, c.payload ->> 'cost' as cost from raw_vapi.calls as c"
        " join ledger.pulls as p using (pull_id) where p.state = 'published' order by 1"
    )
    assert [(row["call_id"], row["cost"]) for row in rows] == [("ghost", "9.5"), ("listed", str(listed["cost"]))]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([], "No hook of acme was told of ghost"),
        ([{"type": "status-update", "status": "ended"}], "says when it ended"),
        ([{}, {"type": "call.deleted"}], "was deleted at its provider"),
        ([{"listed": True}], "is listed by its provider"),
    ],
)
def test_what_is_not_forgotten_is_not_adopted(
    house: House,  # noqa: F811
    account: VapiAccount,
    vapi: Provider,
    day: date,
    told: list[dict[str, Any]],
    why: str,
) -> None:
    ghost = call("ghost", day)
    for one in told:
        account.calls_between = in_memory([ghost] if one.pop("listed", False) else [])
        of_call = {name: ghost[name] for name in ("id", "createdAt", "type")}
        assert vapi.tells({**one, "call": of_call} if "type" in one else ended(ghost)).status_code == 200
    house.pull(["acme"], [day])
    assert why in _refused("hook adopt vapi ghost --tenant acme --reason why")
    assert "does not report calls whole" in _refused("hook adopt voiceflow ghost --reason why", 2)


@pytest.mark.resolves("awaits_answer")
@pytest.mark.resolves("unreadable_report")
def test_what_waits_for_an_answer_has_an_empty_one_at_once_and_is_found_until_it_is_seen(
    house: House,  # noqa: F811
    vapi: Provider,
    day: date,
) -> None:
    waiting = {"type": "tool-calls", "call": {"id": "c", "assistantId": "assistant-7"}}
    unreadable = {"type": "end-of-call-report", "call": {"id": "c"}}
    for message in (waiting, waiting, unreadable):
        answer = vapi.tells(message)
        assert (answer.status_code, answer.content) == (200, b"{}")
    found = [one for one in _doctor() if vapi.hook_id in one["what"]]
    assert len(found) == 2
    assert [one for one in found if "tool-calls of assistant assistant-7" in one["what"]]
    assert [one for one in found if "does not say when its call was created" in one["what"]]
    assert reports(house) == []
    for one in found:
        run(one["fix"].removeprefix("minutebook "))
    assert [one for one in _doctor() if vapi.hook_id in one["what"]] == []
    vapi.tells(waiting)
    assert len([one for one in _doctor() if vapi.hook_id in one["what"]]) == 1


def test_the_same_told_again_is_kept_once_and_what_was_secret_or_said_nowhere(
    house: House,  # noqa: F811
    vapi: Provider,
    day: date,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret = json.loads(json.dumps(SECRETS_OF_A_CALL))
    message = ended(call("one", day), phoneNumber={"twilioAuthToken": CANARY}, assistant=secret, artifact=secret)
    message["call"] = {**secret, **message["call"], "monitor": {"controlUrl": CANARY}, "customer": {"number": CANARY}}
    for _ in range(3):
        assert vapi.tells(message).status_code == 200
    assert len(reports(house)) == 1
    body = json.dumps({"message": message}).encode()
    token = key(house.url, "acme")
    for attempt in range(10):
        assert vapi.sends(body, signature=f"{attempt}" * 64).status_code == 401
        assert vapi.sends(body[:-attempt] if attempt else b"[" + body).status_code == 400
        refused = vapi.client.post(
            "/v1/events",
            json=event(f"secret-{attempt}", data={"api_key": CANARY, "more": [{"password": CANARY}]}),
            headers={"Authorization": f"Bearer {token if attempt else token[:-1] + CANARY}"},
        )
        assert refused.status_code == (422 if attempt else 401)
        assert CANARY not in refused.text
    tables = house.execute(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables"
        " where schemaname <> all('{pg_catalog,information_schema}')"
    )
    assert len(tables) > 50
    for table in tables:
        (everything,) = house.execute(f"select coalesce(string_agg(t::text, ''), '') as text from {table['name']} as t")
        for secret in (CANARY, vapi.secret, token):
            assert secret not in everything["text"], f"{table['name']} holds a secret"
    said = capfd.readouterr()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and "postgres" not in path.parts]
    for secret in (CANARY, vapi.secret, token):
        assert secret not in said.out + said.err + caplog.text
        assert not [text for text in written if secret.encode() in text]


def test_a_report_is_on_disk_before_it_is_answered(house: House, vapi: Provider, day: date) -> None:  # noqa: F811
    with connect(house.url, Role.INTAKE) as connection, connection.transaction():
        connection.execute("set local synchronous_commit = off")
        told = Reported("vapi", "one", "k", "", clock.now(), None, None, True, False, b"h", "{}")
        assert hooks.take(connection, vapi.hook_id, told)
        assert connection.execute("show synchronous_commit").fetchone() == ("on",), "the commit waits for the disk"
    assert len(reports(house)) == 1


def test_what_is_forged_old_truncated_or_gigantic_is_refused_and_keeps_nothing(
    house: House,  # noqa: F811
    vapi: Provider,
    day: date,
) -> None:
    body = json.dumps({"message": ended(call("one", day))}).encode()
    now = int(clock.now().timestamp())
    signature = hmac.new(vapi.secret.encode(), f"{now}.".encode() + body, "sha256").hexdigest()
    refused = {
        "forged": vapi.sends(body, signature="0" * 64),
        "unsigned": vapi.client.post(vapi.path, content=body),
        "old": vapi.sends(body, str(now - 301)),
        "of another time": vapi.sends(body, str(now + 1), signature),
        "truncated": vapi.sends(body[:-1], str(now), signature),
    }
    assert {what: answer.status_code for what, answer in refused.items()} == dict.fromkeys(refused, 401)
    unknown = vapi.client.post(f"/v1/hooks/vapi/{'a' * 32}", content=body)
    elsewhere = vapi.client.post(vapi.path.replace("/vapi/", "/nobody/"), content=body)
    no_id = vapi.client.post("/v1/hooks/vapi/acme", content=body)
    for answer in (unknown, elsewhere, no_id):
        assert answer.status_code == 404
        assert answer.json()["detail"] == refused["forged"].json()["detail"]
    assert vapi.client.post(vapi.path, content=b" " * (LARGEST_BODY_BYTES + 1)).status_code == 413
    assert vapi.sends(b"{").status_code == 400
    assert vapi.client.get(vapi.path).status_code == 405
    assert reports(house) == []
    (health,) = json.loads(run("hook list --json"))
    assert (health["heard_at"], bool(health["refused_at"])) == (None, True)
    large = ended(call("large", day), artifact={"transcript": "x" * (LARGEST_BODY_BYTES - 4_000)})
    assert vapi.tells(large).status_code == 200
    assert len(reports(house)) == 1


def test_a_hook_is_replaced_by_a_second_one_and_a_revoked_one_takes_nothing(
    house: House,  # noqa: F811
    vapi: Provider,
    day: date,
    tmp_path: Path,
) -> None:
    printed = run("hook create vapi --tenant acme --method bearer --url https://billing.example/")
    (url,) = re.findall(r"https://billing\.example/v1/hooks/vapi/[0-9a-f]{32}", printed.splitlines()[0])
    secret = printed.splitlines()[1].split()[-1]
    assert json.dumps({"serverMessages": ["end-of-call-report", "status-update", "call.deleted"]}) in printed
    assert "two valid hooks" in _refused("hook create vapi --tenant acme")
    assert "no method 'none'" in _refused("hook create vapi --method none", 2)
    assert "reports nothing to a hook" in _refused("hook create inbox", 2)
    assert "is sha256, sha512 or sha1" in _refused("hook create vapi --setting algorithm=md5", 2)
    second = vapi.client.post(
        url.removeprefix("https://billing.example"),
        json={"message": ended(call("one", day))},
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert second.status_code == 200
    assert len(reports(house)) == 1
    with connect(house.url, Role.OPERATOR, actor="otto") as operator:
        assert rotation.rotate_data_key(house.settings.vault(), operator, "acme") == 3
    assert "is revoked" in run(f"hook revoke {vapi.hook_id}")
    assert "was revoked before" in run(f"hook revoke {vapi.hook_id}")
    assert "There is no hook" in _refused("hook revoke nobody")
    with serving(house.url, tmp_path / "later") as address, httpx.Client(base_url=address, timeout=30) as client:
        # What is known of a hook is asked again after ten seconds; another process asks at once.
        assert Provider(client, vapi.made).tells(ended(call("two", day))).status_code == 404
        path, bearer = url.removeprefix("https://billing.example"), {"Authorization": f"Bearer {secret}"}
        assert client.post(path, json={"message": ended(call("two", day))}, headers=bearer).status_code == 200
    run("hook create vapi --tenant acme")
    run("hook create vapi")


def test_a_hint_of_a_row_that_is_not_listed_makes_its_day_due_once(
    house: House,  # noqa: F811
    vapi: Provider,
    day: date,
) -> None:
    house.sandbox.world.voiceflow["VF.DM.key"] = {"p1": VoiceflowProject(environments={"production": "e1"})}
    house.credential("acme", "voiceflow", "VF.DM.key")
    house.execute(
        "insert into control.agent_attachments (kind, value, tenant_id, agent_id, valid_from)"
        " values ('voiceflow_project', 'p1', 'acme', 'acme-agent', '2025-01-01')"
    )
    house.pull(["acme"], [day], ["voiceflow"])
    made = json.loads(run("hook create voiceflow --tenant acme --url https://billing.example --json"))
    path = made["url"].removeprefix("https://billing.example")
    at = int(datetime.combine(day, time(12), UTC).timestamp() * 1000)
    told = {"type": "runtime.call.end", "data": {"userID": "+15550106543", "projectID": "p1", "startTime": at}}
    for _ in range(2):
        answer = vapi.client.post(path, json=told)
        assert (answer.status_code, answer.json()) == (200, {})
    assert [(kind, tenant) for _, kind, _, tenant, _ in reports(house)] == [("runtime.call.end", "acme")]
    assert due(house) == [day]
    house.pull(["acme"], [day], ["voiceflow"])
    assert due(house) == []
    assert [one for one in _doctor() if "not listed" in one["what"]] == []
    assert "say whose" in _refused("hook create voiceflow", 2)
    made = CliRunner().invoke(app, ["hook", "create", "twilio", "--tenant", "acme"], input="auth-token\n")
    assert made.exit_code == 0, made.output
    assert "auth-token" not in made.output


def test_reports_go_after_a_while_and_an_erased_tenants_and_its_hook_at_once(
    house: House,  # noqa: F811
    vapi: Provider,
    day: date,
    tmp_path: Path,
) -> None:
    vapi.tells(ended(call("one", day)))
    vapi.tells({"type": "tool-calls", "call": {"id": "c", "assistantId": "a"}})
    house.tenant("birch")
    # The marts are not built here, and export and erasure ask them whose a call is.
    house.execute(
        "create table marts.fct_calls (tenant_id text, source text, account text, usage_date date, call_id text)"
    )
    house.execute("alter table marts.fct_calls enable row level security, force row level security")
    house.execute("grant select on marts.fct_calls to minutebook_loader")
    house.execute(
        "insert into intake.adoptions (source, account, row_id, tenant_id, usage_date, payload, reason)"
        " select source, account, row_id, tenant_id, usage_date, payload, 'lost' from intake.reports"
    )
    for tenant, count in (("acme", 1), ("birch", 0)):
        counts = personal.export(house.url, all_sources().values(), tenant, tmp_path / tenant)
        assert (counts["intake.reports"], counts["intake.adoptions"]) == (count, count)
    (exported,) = map(json.loads, (tmp_path / "acme" / "intake.reports.jsonl").read_text().splitlines())
    assert (exported["row_id"], exported["usage_date"]) == ("one", day.isoformat())
    assert vapi.hook_id not in str(exported)
    with connect(house.url, Role.OPERATOR, actor="otto") as operator:
        tidy(operator, day + timedelta(days=130))
        assert len(reports(house)) == 1
        tidy(operator, day + timedelta(days=131))
        operator.commit()
        assert reports(house) == []
        # The marts are not built here, and erasure asks them for periods that are not finished.
        house.execute("create table marts.fct_statements (tenant_id text, period_state text)")
        house.execute("grant select on marts.fct_statements to minutebook_operator")
        house.execute("insert into control.tenant_statuses values ('acme', %s, 'closed')", day)
        operator.commit()
        assert vapi.tells(ended(call("two", day))).status_code == 200
        assert len(reports(house)) == 1
        personal.erase(operator, "acme", clock.today())
        operator.commit()
    assert reports(house) == []
    assert house.execute("select from intake.hook_notices") == []
    (hook,) = house.execute("select ciphertext, revoked_at from control.hooks where tenant_id = 'acme'")
    assert bytes(hook["ciphertext"]) == b""
    assert hook["revoked_at"] is not None


def _health() -> dict[str, Any]:
    (health,) = json.loads(run("hook list --json"))
    return dict(health)


def _doctor() -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["doctor", "--json"], terminal_width=250)
    return list(json.loads(result.stdout))


def _refused(line: str, code: int = 1) -> str:
    result = CliRunner().invoke(app, line.split(), terminal_width=250)
    assert result.exit_code == code, result.output
    return " ".join(result.output.replace("│", " ").split())
