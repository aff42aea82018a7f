"""Review, approve, close and reopen, on marts that dbt built."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import EXAMPLE, Minutebook
from warehouse.clock import today

Database = psycopg.Connection[Any]


@pytest.fixture
def quiet(minutebook: Minutebook, tmp_path: Path) -> Minutebook:
    """Acme on its plan with nothing to pull: its statements are fees alone."""
    path = tmp_path / "quiet.yaml"
    text = EXAMPLE.read_text()
    start, end = text.index("# What of the providers"), text.index("feature_flags:")
    path.write_text(text[:start] + text[end:])
    minutebook("tenant apply", str(path))
    return minutebook


def frozen(database: Database) -> list[Any]:
    return database.execute("select line_id, amount::text from ledger.statement_lines order by 1").fetchall()


def state(database: Database) -> list[Any]:
    return database.execute("select period_start::text, state from ledger.periods order by 1, tenant_id").fetchall()


def test_a_period_goes_from_review_to_closed_and_back_only_with_a_reason(quiet: Minutebook, database: Database) -> None:
    (reviewed,) = json.loads(quiet("review 2026-01 --json").stdout)
    assert (reviewed["total"], reviewed["state"], reviewed["blockers"]) == ("749.00", "in_review", [])
    assert state(database) == [("2026-01-01", "in_review")]

    assert "approve it first" in quiet("close 2026-01", code=1).output
    assert "building" not in quiet("approve 2026-01").stderr, "that a review began changes no line"
    lines = [("acme/2026-01-01/setup", "500.00"), ("acme/2026-01-01/subscription", "249.00")]
    assert frozen(database) == lines
    (seal,) = database.execute("select manifest_hash from ledger.periods").fetchall()
    assert json.loads(quiet("approve 2026-01 --json").stdout)[0]["result"] == "unchanged"
    assert database.execute("select manifest_hash from ledger.periods").fetchall() == [seal]
    running = quiet(f"approve {today():%Y-%m} --tenant acme --override", "month's end is near", code=1).output
    assert "runs until" in running, "for no reason"
    assert frozen(database) == lines

    refused = quiet("plan terms growth --from 2026-01-01 --subscription-fee 1", code=1).output
    assert "would change the approved period of January 2026 of tenant acme" in refused

    quiet("close 2026-01")
    assert "unchanged" in quiet("close 2026-01").output
    assert state(database) == [("2026-01-01", "closed")]
    assert "needs a reason" in quiet("reopen 2026-01 --tenant acme --reason", " ", code=2).output
    quiet("reopen 2026-01 --tenant acme --reason", "wrong fee agreed")
    assert state(database) == [("2026-01-01", "in_review")]
    assert frozen(database) == []
    kept = database.execute(
        "select before ->> 'line_id' from ledger.audit_log"
        " where object_table = 'ledger.statement_lines' and action = 'delete' order by 1"
    ).fetchall()
    assert kept == [(line,) for line, _ in lines]

    quiet("plan terms growth --from 2026-01-01 --subscription-fee 99 --setup-fee 500")
    quiet("approve 2026-01")  # builds first: the marts are older than the new fee
    assert ("acme/2026-01-01/subscription", "99.00") in frozen(database)

    database.execute("alter table ledger.statement_lines disable trigger all")
    database.execute("update ledger.statement_lines set amount = 1 where line_kind = 'subscription'")
    assert "no longer match their manifest hash" in quiet("doctor", code=1).output


def test_what_blocks_is_told_with_its_mending_and_can_be_overridden_with_a_reason(
    acme: Minutebook, database: Database
) -> None:
    acme("tenant create bolt --name Bolt --activated-on 2026-01-01")
    acme("tenant plan bolt growth --from 2026-01-01")
    assert "1 statement refused: the period of January 2026 of tenant acme" in acme("approve 2026-01", code=1).output
    assert "closed" in acme("close 2026-01").output
    assert state(database) == [("2026-01-01", "closed")], "bolt's is done, whatever stands in acme's way"

    (reviewed,) = json.loads(acme("review 2026-02 --tenant acme --json").stdout)
    what = [blocker["what"] for blocker in reviewed["blockers"]]
    assert "28 days of vapi not pulled, 1 Feb 2026 to 28 Feb 2026" in what
    assert "its period of January 2026 is not approved" in what
    pull = "minutebook pull --tenant acme --source vapi --from 2026-02-01 --to 2026-02-28"
    assert pull in [blocker["fix"] for blocker in reviewed["blockers"]]

    before = frozen(database)
    assert "is blocked by" in acme("approve 2026-02 --tenant acme", code=1).output
    assert frozen(database) == before
    acme("approve 2026-02 --tenant acme --override", "provider lost the month")
    row = database.execute("select state, reason from ledger.periods where period_start = '2026-02-01'").fetchone()
    assert row == ("approved", "provider lost the month")

    assert "no tenant 'x'" in acme("review 2026-02 --tenant x", code=1).output
    assert "no statement's period starts in 2020-01" in acme("review 2020-01", code=1).output
    for text in ("2026-13", "2026-2", "202602", "february"):
        assert "is no period; write YYYY-MM" in acme("review", text, code=2).output
