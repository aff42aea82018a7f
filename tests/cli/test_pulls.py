"""`minutebook pull`, `status` and `doctor`, as far as they need no provider; the rest is in tests/orchestration."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.cli.conftest import Minutebook

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


def test_a_day_that_is_not_over_is_a_usage_error_that_names_the_last_one(acme: Minutebook) -> None:
    today = YESTERDAY + timedelta(days=1)
    output = acme(f"pull --tenant acme --from {today} --to {today}", code=2).output
    assert "is not over in UTC" in output
    assert str(YESTERDAY) in output


def test_days_in_the_wrong_order_are_a_usage_error(acme: Minutebook) -> None:
    assert "is before" in acme("pull --tenant acme --from 2026-02-02 --to 2026-02-01", code=2).output


def test_an_unknown_source_and_an_unknown_tenant_are_told_with_those_that_exist(acme: Minutebook) -> None:
    days = "--from 2026-02-01 --to 2026-02-01"
    assert "the sources are vapi" in acme(f"pull --tenant acme --source fax {days}", code=2).output
    assert "no tenant 'x'; the tenants are acme" in acme(f"pull --tenant x {days}", code=1).output


def test_each_day_that_cannot_be_pulled_is_told_with_its_cause(acme: Minutebook) -> None:
    result = acme("pull --tenant acme --from 2026-02-01 --to 2026-02-02 --json", code=1)
    outcomes = json.loads(result.stdout)
    failed = {(one["source"], one["usage_date"]): one["cause_code"] for one in outcomes if one["state"] == "failed"}
    assert failed["vapi", "2026-02-01"] == failed["vapi", "2026-02-02"] == "credential_missing"
    assert failed["usage_metrics", "2026-02-01"] == "not_configured"
    assert "the others are kept" in result.stderr


def test_status_and_doctor_name_missing_days_and_the_pull_that_mends_them(acme: Minutebook) -> None:
    rows = json.loads(acme("status --days 2 --json").output)
    assert {(row["source"], row["status"]) for row in rows} == {
        ("vapi", "not pulled"),
        ("voiceflow", "not pulled"),
        ("usage_metrics", "not pulled"),
    }
    assert len(rows) == 6
    findings = json.loads(acme("doctor --days 2 --json", code=1).stdout)
    wrong = {finding["mend"] for finding in findings if finding["level"] == "wrong"}
    assert f"minutebook pull --source vapi --from {YESTERDAY - timedelta(days=1)} --to {YESTERDAY}" in wrong


def test_days_outside_the_active_dates_need_no_attention(acme: Minutebook) -> None:
    acme(f"tenant pause acme --on {YESTERDAY}")
    rows = json.loads(acme("status --days 2 --json").output)
    assert {row["usage_date"] for row in rows} == {str(YESTERDAY - timedelta(days=1))}


def test_doctor_sees_a_key_that_no_longer_opens(acme: Minutebook, monkeypatch: pytest.MonkeyPatch) -> None:
    acme("credential set vapi", given="sk-1")
    monkeypatch.setenv("MINUTEBOOK_MASTER_KEYS", "OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg=")
    assert "vapi credential of the platform does not open" in acme("doctor", code=1).output


def test_init_may_be_repeated(minutebook: Minutebook) -> None:
    minutebook("init")
    assert "no migration was missing" in minutebook("init").output


def test_a_database_that_was_not_migrated_is_told_with_the_command(
    minutebook: Minutebook, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", empty_database_url)
    for line in ("tenant list", "doctor"):
        assert "minutebook init" in minutebook(line, code=1).output
