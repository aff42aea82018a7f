"""Credits by command and file: given, used by statements, listed with what is left, taken back, never changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import EXAMPLE, Minutebook
from tests.cli.statements.test_periods import Database, quiet

__all__ = ["quiet"]


def listed(minutebook: Minutebook) -> dict[str, tuple[str, str, str, str]]:
    """Amount, used, balance and state by reason."""
    rows: list[dict[str, Any]] = json.loads(minutebook("credit list --json").stdout)
    return {row["reason"]: (row["amount"], row["used"], row["balance"], row["state"]) for row in rows}


def give(minutebook: Minutebook, line: str, reason: str, code: int = 0) -> str:
    return minutebook(f"credit give acme {line}", "--reason", reason, code=code).output


def line_of(minutebook: Minutebook, month: str) -> dict[str, Any]:
    (row,) = json.loads(minutebook(f"review {month} --json").stdout)
    found: list[dict[str, Any]] = [line for line in row["lines"] if line["line_kind"] == "credit"]
    return found[0] if found else {}


def test_a_credit_is_given_used_explained_and_taken_back_and_nothing_of_it_is_lost(
    quiet: Minutebook, database: Database
) -> None:
    give(quiet, "1000 --from 2026-01-15", "outage")
    used = line_of(quiet, "2026-01")
    assert used["amount"] == "-749.00"
    reported = json.loads(quiet(f"explain {used['line_id']} --json").stdout)
    assert (reported["line"]["inputs"]["given"], reported["line"]["inputs"]["reason"], reported["faults"]) == (
        1000,
        "outage",
        [],
    )
    assert "outage" in quiet(f"explain {used['line_id']}").stdout
    quiet("approve 2026-01")
    assert listed(quiet) == {"outage": ("1000", "749.00", "251.00", "valid")}
    assert "251.00" in quiet("credit list --tenant acme").stdout

    (number,) = database.execute("select credit_id from control.credits where tenant_id = 'acme'").fetchone() or ()
    assert "251.00 of 1000 USD taken back" in quiet(f"credit void {number}", "--reason", "agreed").output
    assert "unchanged" in quiet(f"credit void {number}", "--reason", "twice").output
    assert listed(quiet) == {"outage": ("1000", "749.00", "0", "void")}
    assert line_of(quiet, "2026-02") == {}
    quiet("reopen 2026-01 --tenant acme", "--reason", "look again")
    quiet("build")
    assert line_of(quiet, "2026-01")["amount"] == "-749.00", "what it had used it keeps"
    assert listed(quiet) == {"outage": ("1000", "0", "0", "void")}
    give(quiet, "700 --from 2026-01-01 --expires 2026-02-01", "goodwill, used before")
    quiet("build")
    assert line_of(quiet, "2026-02") == {}, "what it does not use any more is nobody's"
    trail = database.execute(
        "select object_table, action from ledger.audit_log where object_table like 'control.credit%%'"
        " and tenant_id = 'acme' order by entry_id"
    ).fetchall()
    assert [table for table, action in trail if action == "insert"] == [
        "control.credits", "control.credit_voids", "control.credits",
    ]  # fmt: skip
    assert len(trail) == 3


def test_a_credit_that_no_statement_can_use_is_refused(quiet: Minutebook, database: Database) -> None:
    quiet("review 2026-01")
    quiet("approve 2026-01")
    for line, reason, why in (
        ("50 --from 2026-01-01 --expires 2026-02-01", "late", "no statement can use it"),
        ("50 --from 2025-01-01 --expires 2025-06-01", "early", "no statement can use it"),
        ("0.005 --from 2026-02-01", "fraction", "USD has 2 decimals"),
        ("0 --from 2026-02-01", "nothing", "above 0"),
        ("50 --from 2026-02-01 --expires 2026-02-01", "no day", "expire after its first day"),
        ("50 --from 2026-02-01", " ", "it needs a reason"),
    ):
        assert why in " ".join(give(quiet, line, reason, code=1).split())
    assert "no tenant 'other'" in quiet("credit give other 5 --from 2026-02-01 --reason x", code=1).output
    assert "no credit '99'" in quiet("credit void 99 --reason x", code=1).output
    assert "a number is larger than any" in quiet(f"credit void {'9' * 40} --reason x", code=1).output
    assert listed(quiet) == {}
    give(quiet, "50 --from 2026-01-20 --expires 2026-02-02", "one day of February")
    assert "says the same" in give(quiet, "50 --from 2026-01-20 --expires 2026-02-02", "one day of February")
    assert len(listed(quiet)) == 1
    with pytest.raises(Exception, match="permission denied"):
        database.execute("set role minutebook_operator").execute("delete from control.credits")


def test_a_file_gives_a_credit_once(minutebook: Minutebook, tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(f"{EXAMPLE.read_text()}\ncredits:\n  - {{amount: 25.50, from: 2026-02-01, reason: goodwill}}\n")
    for _ in range(2):
        minutebook("tenant apply", str(path))
    assert listed(minutebook) == {"goodwill": ("25.50", "0", "25.50", "valid")}
