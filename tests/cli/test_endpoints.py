"""`minutebook endpoint …`: the secret is shown once, what cannot be an endpoint is refused, and what was given up goes
again.
"""

import json

import psycopg
import pytest

from tests.cli.conftest import Minutebook
from tests.outgoing.receiver import receiving
from warehouse.database.connect import Role, connect
from warehouse.outgoing import outbox


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receivers on this machine may be reached."""
    monkeypatch.setenv("MINUTEBOOK_ENDPOINT_NETWORKS", "127.0.0.0/8")


def tell(url: str, *subjects: str) -> None:
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        for subject in subjects:
            outbox.tell(operator, "alert.opened", "acme", subject, {"alert_id": subject, "rule": "silence"})


def test_an_endpoint_from_its_making_to_its_end(
    acme: Minutebook, database: psycopg.Connection[tuple[object, ...]], database_url: str
) -> None:
    assert "no endpoint: minutebook endpoint create --help" in acme("endpoint list").output
    with receiving() as receiver:
        made = json.loads(
            acme(f"endpoint create {receiver.address} --events alert.opened,alert.resolved --tenant acme --json").output
        )
        receiver.secret = made["secret"]
        endpoint_id = made["endpoint_id"]
        tell(database_url, "a1", "a2")
        assert "2 delivered, 0 to be tried again, 0 given up" in acme("endpoint deliver").output
        (listed,) = json.loads(acme("endpoint list --json").output)
        assert (listed["state"], listed["delivered"], listed["host"]) == ("live", 2, "127.0.0.1")
        receiver.behave = lambda _: 410
        tell(database_url, "a3")
        assert "not everything was taken" in acme("endpoint deliver", code=1).output
        shown = acme(f"endpoint show {endpoint_id}").output
        assert "a3" in shown
        assert f"minutebook endpoint replay {endpoint_id}" in shown
        receiver.behave = lambda _: 204
        assert "1 event will be sent again" in acme(f"endpoint replay {endpoint_id}").output
        acme("endpoint deliver")
        assert sorted(told.data["alert_id"] for told in receiver.taken) == ["a1", "a2", "a3"]
        event = receiver.taken[0].event_id
        assert json.loads(acme(f"endpoint replay {endpoint_id} --event {event} --json").output)["replayed"] == 1
    assert f"{endpoint_id} is revoked" in acme(f"endpoint revoke {endpoint_id}").output
    assert f"{endpoint_id} was revoked before" in acme(f"endpoint revoke {endpoint_id}").output
    assert "is revoked: create another" in acme(f"endpoint replay {endpoint_id}", code=1).output
    kept = str(database.execute("select e::text from control.endpoints as e").fetchall())
    kept += str(database.execute("select l::text from ledger.audit_log as l").fetchall())
    for secret in (made["secret"].removeprefix("whsec_"), receiver.address, "key=k"):
        assert secret not in kept


def test_a_secret_is_printed_once_and_nowhere_else(acme: Minutebook) -> None:
    printed = acme("endpoint create https://hooks.example.com/x --events call.completed").output
    (secret,) = (line for line in printed.splitlines() if line.startswith("whsec_"))
    endpoint_id = printed.split(" hears ")[0].split()[-1]
    for command in ("endpoint list --json", f"endpoint show {endpoint_id} --json", "endpoint list", "audit --json"):
        assert secret not in acme(command, code=None).output
    rotated = json.loads(acme(f"endpoint rotate {endpoint_id} --json").output)["secret"]
    assert rotated.startswith("whsec_")
    assert rotated != secret
    assert rotated not in acme("endpoint list --json").output
    acme(f"endpoint revoke {endpoint_id}")
    assert "is revoked: create another" in acme(f"endpoint rotate {endpoint_id}", code=1).output


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("endpoint create http://hooks.example.com --events call.completed --tenant nobody", "nobody"),
        ("endpoint create https://10.0.0.1/x --events call.completed", "address is private"),
        ("endpoint create ftp://hooks.example.com --events call.completed", "no URL of https"),
        ("endpoint create https://hooks.example.com --events call.begun", "there is no event 'call.begun'"),
        ("endpoint create https://hooks.example.com --events ,", "name one at least"),
        ("endpoint show ep_nobody", "There is no endpoint ep_nobody"),
        ("endpoint revoke ep_nobody", "There is no endpoint ep_nobody"),
        ("endpoint replay ep_nobody --from 2026-01-01 --event evt_1", "not both"),
    ],
)
def test_what_cannot_be_is_refused_in_words(acme: Minutebook, asked: str, why: str) -> None:
    assert why in " ".join(acme(asked, code=None).output.replace("│", " ").split())
    assert acme(asked, code=None).exit_code in (1, 2)
    assert json.loads(acme("endpoint list --json").output) == []
