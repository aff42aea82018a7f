"""`minutebook pull list` and `pull diff`: every attempt, and what a re-pull changed call by call."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from tests.ingestion.conftest import house  # noqa: F401 - a fixture
from tests.ingestion.house import House, call
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.world import VapiAccount, in_memory

DAY = datetime.now(UTC).date() - timedelta(days=2)
SPOKEN = {"transcript": "my card is 4242", "customer": {"number": "+49 30 1234567"}}


def run(line: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, line.split(), terminal_width=200)
    assert result.exit_code == code, result.output
    return result.output


def reported(line: str) -> Any:
    return json.loads(run(f"{line} --json"), parse_float=str)


@pytest.fixture
def restated(house: House) -> House:  # noqa: F811
    """A day pulled twice: of four calls one stayed, one cost less and lasted longer, one is gone, and one is new."""
    house.tenant("acme")
    before = [call(f"c{n}", DAY, **SPOKEN) for n in range(3)]
    key = house.own_vapi("acme", before)
    house.pull(["acme"], [DAY])
    ended = before[1]["startedAt"][:17] + "59.999Z"
    after = [
        before[0] | {"transcript": "something else was said"},
        before[1]
        | {"cost": 0.05, "endedAt": ended, "costs": [{"type": "model", "cost": 0.0500}], "assistantId": "other"},
        call("c3", DAY, **SPOKEN),
    ]
    house.sandbox.world.vapi[key] = VapiAccount(in_memory(after))
    house.pull(["acme"], [DAY])
    return house


def test_a_diff_tells_call_by_call_what_was_added_gone_and_changed(restated: House) -> None:
    found = reported(f"pull diff --tenant acme --on {DAY}")
    assert {(row["item"], row["change"]) for row in found["changes"]} == {
        ("c1", "changed"),
        ("c2", "gone"),
        ("c3", "added"),
    }
    changed = {row["field"]: (row["before"], row["after"]) for row in found["changes"] if row["item"] == "c1"}
    assert changed["cost"][1] == "0.05"
    assert changed["assistant id"] == ("assistant-c1", "other")
    assert changed["cost of model"][1] == "0.05"
    assert changed["cost of vapi"][1] is None
    assert {"seconds", "ended at"} <= changed.keys()
    assert "started at" not in changed
    assert [
        (row["before"], row["after"]) for row in found["changes"] if row["item"] == "c3" and row["field"] == "seconds"
    ] == [(None, "61")]
    assert (found["before"]["totals"]["calls"], found["after"]["totals"]["calls"]) == ("3", "3")
    before, after = (found[name]["pull_id"] for name in ("before", "after"))
    assert reported(f"pull diff {before} {after}") == found


def test_a_diff_never_shows_what_was_said(restated: House) -> None:
    restated.execute("insert into control.personal_choices (tenant_id, transcripts) values ('acme', 'kept')")
    for line in (f"pull diff --tenant acme --on {DAY}", f"pull diff --tenant acme --on {DAY} --json"):
        output = run(line)
        assert "4242" not in output
        assert "1234567" not in output
    assert "1 added, 1 gone, 1 changed" in run(f"pull diff --tenant acme --on {DAY}")


def test_what_cannot_be_compared_is_told_with_the_reason(restated: House) -> None:
    other = DAY - timedelta(days=1)
    assert "never published" in run(f"pull diff --tenant acme --on {other}", code=1)
    restated.pull(["acme"], [other])
    assert "published once" in run(f"pull diff --tenant acme --on {other}", code=1)
    first, second, third = (row["pull_id"] for row in restated.ledger())
    assert "only pulls of one day compare" in run(f"pull diff {first} {third}", code=1)
    restated.execute("update ledger.pulls set purged_at = now() where pull_id = %s", first)
    assert "were purged on" in run(f"pull diff {first} {second}", code=1)
    assert "give two pulls" in run("pull diff", code=2)
    assert "used no voiceflow" in run(f"pull diff --tenant acme --on {DAY} --source voiceflow", code=1)


def test_a_list_tells_how_each_pull_ended_and_why(restated: House) -> None:
    restated.pull(["acme"], [DAY])
    restated.sandbox.world.vapi["private-key-of-acme-at-vapi"].is_rejected = True
    restated.pull(["acme"], [DAY])
    empty = DAY - timedelta(days=1)
    restated.sandbox.world.vapi["private-key-of-acme-at-vapi"] = VapiAccount(
        in_memory([call("late", DAY - timedelta(days=2), status="in-progress", endedAt=None)])
    )
    restated.pull(["acme"], [empty, DAY - timedelta(days=2)])
    rows = reported(f"pull list --tenant acme --from {DAY - timedelta(days=2)} --to {DAY}")
    assert [(row["usage_date"], row["number"], row["state"]) for row in rows] == [
        (str(DAY), 4, "failed"),
        (str(DAY), 3, "unchanged"),
        (str(DAY), 2, "published"),
        (str(DAY), 1, "superseded"),
        (str(empty), 1, "no usage"),
        (str(DAY - timedelta(days=2)), 1, "incomplete"),
    ]
    assert rows[0]["cause_code"] == "credential_rejected"
    assert (rows[2]["requests"], rows[2]["windows"], rows[2]["row_count"]) == (2, 1, 3)
    assert rows[2]["provider_totals"]["calls"] == rows[2]["totals"]["calls"] == "3"
    failed = reported(f"pull list --from {DAY} --to {DAY} --state failed")
    assert [row["pull_id"] for row in failed] == [rows[0]["pull_id"]]
    assert "no pull of" in run(f"pull list --tenant nobody --from {DAY} --to {DAY}")
    assert "credential_rejected" in run(f"pull list --from {DAY} --to {DAY}")


def test_a_tenant_of_a_shared_account_is_shown_that_accounts_pulls(house: House) -> None:  # noqa: F811
    house.tenant("acme")
    house.attach("acme", "vapi_phone_number", "number-c1")
    house.own_vapi(None, [call("c1", DAY)])
    house.pull(["acme"], [DAY])
    (row,) = reported(f"pull list --tenant acme --from {DAY} --to {DAY}")
    assert row["account"] == "platform"


@pytest.mark.parametrize("source", ["voiceflow", "usage_metrics"])
def test_counts_of_the_other_sources_are_compared_too(house: House, source: str) -> None:  # noqa: F811
    house.tenant("acme")
    house.execute("insert into ledger.attempts (trigger) values ('cli')")
    for pull_id, state, quantity in ((1, "superseded", 3), (2, "published", 5)):
        house.execute(
            "insert into ledger.pulls (pull_id, attempt_id, source, account, tenant_id, usage_date, state, closed_at)"
            " overriding system value values (%s, 1, %s, 'acme', 'acme', %s, %s, now())",
            pull_id, source, DAY, state,
        )  # fmt: skip
        if source == "voiceflow":
            for metric, payload in (("interactions", '{"type": "live"}'), ("top_intents", '{"name": "I am ill"}')):
                house.execute(
                    "insert into raw_voiceflow.usage (account, tenant_id, usage_date, pull_id, project_id, metric,"
                    " quantity, payload) values ('acme', 'acme', %s, %s, 'p', %s, %s, %s)",
                    DAY, pull_id, metric, quantity, payload,
                )  # fmt: skip
        else:
            house.execute(
                "insert into raw_usage_metrics.metrics (account, tenant_id, usage_date, pull_id, usage_agent_id,"
                " metric_type, quantity, recorded_at, payload)"
                " values ('acme', 'acme', %s, %s, 'a', 'lookups', %s, %s, '{\"cost_usd\": 0.5}')",
                DAY, pull_id, quantity, DAY,
            )  # fmt: skip
    found = reported("pull diff 1 2")["changes"]
    items = {"p / interactions", "p / top_intents"} if source == "voiceflow" else {f"a / lookups / {DAY} 00:00:00"}
    assert {row["item"] for row in found} == items
    assert {(row["change"], row["field"], row["before"], row["after"]) for row in found} == {
        ("changed", "quantity", "3", "5")
    }


def test_a_day_that_is_no_day_is_a_usage_error() -> None:
    assert "write YYYY-MM-DD" in run("pull diff --tenant acme --on yesterday", code=2)
    assert "no state 'gone'" in run(f"pull list --state gone --from {date(2026, 1, 1)}", code=2)
