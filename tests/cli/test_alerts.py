"""`minutebook alert …`: who is told, that it works, what is wrong, and that what it prints resolves it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.cli.conftest import Minutebook
from tests.outgoing.receiver import receiving
from tests.sandbox.mail import SENDER, posting
from warehouse import clock

Database = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receivers on this machine may be reached."""
    monkeypatch.setenv("MINUTEBOOK_ENDPOINT_NETWORKS", "127.0.0.0/8")


def wrong(minutebook: Minutebook, rule: str) -> dict[str, str] | None:
    """The open alert of a kind, after a look."""
    minutebook("alert send", code=None)
    found = json.loads(minutebook("alert list --json").output)["alerts"]
    return next((alert for alert in found if alert["rule"] == rule), None)


def expire(database: Database, days: int) -> None:
    now = datetime.now(UTC)
    database.execute("select set_config('minutebook.actor', 'test', false)")
    database.execute("update control.api_keys set created_at = %s - interval '1 year', expires_at = %s",
                     [now, now + timedelta(days=days)])  # fmt: skip


def test_a_channel_from_its_making_to_its_end(acme: Minutebook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "nobody is told: minutebook alert create --help" in acme("alert list").output
    assert "nobody is told of alerts" in acme("alert test", code=1).output
    assert "set MINUTEBOOK_SMTP_URL" in " ".join(acme("alert create ops@example.com", code=1).output.split())
    with receiving() as receiver, posting() as post:
        monkeypatch.setenv("MINUTEBOOK_SMTP_URL", post.url)
        monkeypatch.setenv("MINUTEBOOK_MAIL_FROM", SENDER)
        mail = json.loads(acme("alert create ops@example.com --json").output)
        assert (mail["form"], mail["host"], "secret" in mail) == ("mail", "ops@example.com", False)
        event = json.loads(acme(f"alert create {receiver.address} --tenant acme --json").output)
        receiver.secret = event["secret"]
        printed = acme("alert test").output
        assert printed.count("taken") == 2
        assert post.taken[0]["Subject"] == "This is a test: nothing is wrong"
        assert receiver.taken[0].data["alert_id"] == "test"
        receiver.behave = lambda _: 500
        failed = acme(f"alert test {event['endpoint_id']}", code=1).output
        assert "it answered 500" in failed
        assert "not every channel took it" in failed
        assert len(post.taken) == 1
    listed = acme("alert list").output
    assert "ops@example.com" in listed
    assert "key=k" not in listed
    assert "is told nothing any more" in acme(f"alert end {mail['endpoint_id']}").output
    assert "was ended before" in acme(f"alert end {mail['endpoint_id']}").output
    assert [row["endpoint_id"] for row in json.loads(acme("alert list --json").output)["channels"]] == [
        event["endpoint_id"]
    ]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("alert create https://10.0.0.1/x --form slack", "address is private"),
        ("alert create ops@", "no mail address"),
        ("alert create nowhere", "no URL of https"),
        ("alert create https://hooks.example.com --form irc", "there is event, slack, teams"),
        ("alert create https://hooks.example.com --tenant nobody", "nobody"),
        ("alert end ep_nobody", "There is no endpoint ep_nobody"),
        ("alert test ep_nobody", "There is no endpoint ep_nobody"),
    ],
)
def test_what_cannot_be_is_refused_in_words(acme: Minutebook, asked: str, why: str) -> None:
    assert why in " ".join(acme(asked, code=None).output.replace("│", " ").split())
    assert acme(asked, code=None).exit_code in (1, 2)


@pytest.mark.resolves("key_expires")
def test_a_key_that_expires_is_replaced_by_what_is_printed(acme: Minutebook, database: Database) -> None:
    acme("key create --tenant acme")
    expire(database, 3)
    found = wrong(acme, "key_expires")
    assert found is not None
    acme(found["fix"].removeprefix("minutebook "))
    assert wrong(acme, "key_expires") is None
    recent = json.loads(acme("alert list --recent --json").output)["alerts"]
    assert "key_expires" in [alert["rule"] for alert in recent if alert["resolved_at"]]


@pytest.mark.resolves("endpoint_fails")
def test_an_endpoint_that_fails_is_ended_by_what_is_printed(acme: Minutebook, database: Database) -> None:
    acme("endpoint create https://hooks.example.com/x --events call.completed --tenant acme")
    database.execute("update ledger.endpoint_states set failing_since = %s", [clock.now() - timedelta(hours=2)])
    found = wrong(acme, "endpoint_fails")
    assert found is not None
    assert "hooks.example.com" in found["title"]
    acme(found["fix"].removeprefix("minutebook "))
    assert wrong(acme, "endpoint_fails") is None


@pytest.mark.resolves("build_failed")
@pytest.mark.resolves("data_old")
def test_marts_that_are_old_and_failing_are_built_by_what_is_printed(
    acme: Minutebook, database: Database, tmp_path: Path
) -> None:
    build = ("insert into ledger.builds (as_of, started_at, ended_at, fault, models_digest)"
             " select d, d, d, %s, '' from (select %s::timestamptz as d) as s")  # fmt: skip
    database.execute(build, [None, clock.now() - timedelta(days=3)])
    database.execute(build, ["model fct_calls", clock.now() - timedelta(days=2)])
    for rule in ("build_failed", "data_old"):
        found = wrong(acme, rule)
        assert found is not None
        assert found["fix"] == "minutebook build"
    acme("build")
    assert [wrong(acme, rule) for rule in ("build_failed", "data_old")] == [None, None]
