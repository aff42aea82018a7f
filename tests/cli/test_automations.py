"""`minutebook automation …`: runs are seen, answered, taken on again and ended; what cannot be is refused in words."""

import json

import psycopg
import pytest

from tests.cli.conftest import Minutebook

RUN = "acme/follow-up/acme/vapi/c1"


def test_a_run_is_seen_answered_taken_on_again_and_ended(
    acme: Minutebook, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    assert "no run yet" in acme("automation list").output
    begun = "insert into ledger.automation_runs (tenant_id, account, source, usage_date, automation, call_id, "
    of_acme = " values ('acme', 'acme', 'vapi', '2026-11-01', "
    database.execute(f"{begun} question, due_at) {of_acme} 'follow-up', 'c1', 'May it go?', null)")
    database.execute(
        f"{begun} state, due_at, fault, ended_at) {of_acme} 'drip', 'c2', 'failed', null, 'TimeoutError', now())"
    )
    listed = json.loads(acme("automation list --tenant acme --json").output)
    assert [(row["thread_id"], row["state"]) for row in listed] == [("acme/drip/acme/vapi/c2", "failed"), (RUN, "asks")]
    shown = acme("automation list").output
    assert "May it go?" in shown
    assert f"minutebook automation answer {RUN} yes" in shown
    assert "goes on with: yes" in acme(f"automation answer {RUN} yes").output
    assert "asks nothing" in acme(f"automation answer {RUN} yes", code=1).output
    assert "to be taken on again: 1 run" in acme("automation retry acme drip").output
    assert "no run of it failed" in acme("automation retry acme drip").output
    assert f"{RUN} is ended" in acme(f"automation end {RUN}").output
    assert "is ended already" in acme(f"automation end {RUN}", code=1).output
    assert json.loads(acme("automation list --json").output)[0]["state"] == "open"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("automation answer nobody/x yes", "There is no run nobody/x"),
        ("automation end nobody/x", "There is no run nobody/x"),
        ("automation run", "MINUTEBOOK_AUTOMATIONS is not set: name the module"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(acme: Minutebook, asked: str, why: str) -> None:
    assert why in " ".join(acme(asked, code=1).output.split())
