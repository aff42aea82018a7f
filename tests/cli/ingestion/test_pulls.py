"""`minutebook pull`, `status` and `doctor`, as far as they need no provider; the rest is in tests/ingestion."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.cli.conftest import Minutebook
from warehouse.words import day

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
    refused = acme(f"pull --tenant acme --source fax {days}", code=2).output
    assert "the sources are " in refused
    assert "usage_metrics" in refused
    assert "no tenant 'x'; there is acme" in acme(f"pull --tenant x {days}", code=1).output


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
    wrong = {finding["fix"] for finding in findings if finding["level"] == "wrong"}
    assert (
        f"minutebook pull --tenant acme --source vapi --from {YESTERDAY - timedelta(days=1)} --to {YESTERDAY}" in wrong
    )


def test_status_shows_days_that_are_alike_in_one_line_with_the_pull_of_all_of_them(acme: Minutebook) -> None:
    first = YESTERDAY - timedelta(days=34)
    lines = acme("status").output.splitlines()
    for source in ("vapi", "voiceflow", "usage_metrics"):
        (line,) = [line for line in lines if line.startswith("acme ") and f" {source} " in line]
        assert f"35  {first}  {YESTERDAY}" in line
        assert f"minutebook pull --tenant acme --source {source} --from {first} --to {YESTERDAY}" in line
    assert len(json.loads(acme("status --json").output)) == 3 * 35


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


def wrong(minutebook: Minutebook, days: int = 35) -> dict[str, str]:
    """What doctor says is wrong of pulls, with the command that fixes it."""
    findings = json.loads(minutebook(f"doctor --days {days} --json", code=1).stdout)
    return {one["what"]: one["fix"] for one in findings if "tenant-day" in one["what"]}


def test_doctor_tells_what_a_provider_will_soon_forget_and_what_it_may_have_forgotten(acme: Minutebook) -> None:
    found = wrong(acme)
    today = YESTERDAY + timedelta(days=1)
    first_kept = today - timedelta(days=14)
    assert found[f"vapi will forget 4 tenant-days not read whole within 4 days, the first on {day(today)} (acme)"] == (
        f"today: minutebook pull --tenant acme --source vapi --from {first_kept} --to {first_kept + timedelta(days=3)}"
    )
    gone = [what for what in found if "may be gone" in what]
    assert len(gone) == 1
    assert gone[0].startswith(
        f"21 tenant-days of vapi, {day(today - timedelta(days=35))} to {day(today - timedelta(days=15))}"
    )
    assert not [what for what in found if "forget" in what and "voiceflow" in what]  # it keeps what it counted


def test_doctor_warns_in_the_last_ten_days_of_a_provider_that_remembers_thirty(acme: Minutebook) -> None:
    acme("credential set openrouter --tenant acme", given="sk-or-v1-0")
    today = YESTERDAY + timedelta(days=1)
    what = "openrouter_activity will forget 10 tenant-days not read whole within 10 days"
    first = today - timedelta(days=30)
    fix = wrong(acme)[f"{what}, the first on {day(today)} (acme)"]
    assert fix.startswith(f"today: minutebook pull --tenant acme --source openrouter_activity --from {first}")


def test_doctor_tells_never_pulled_failed_and_incomplete_days_apart(
    acme: Minutebook, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    database.execute("insert into ledger.attempts (trigger) values ('cli')")
    for ago, state, is_incomplete, cause in ((2, "failed", False, "key"), (3, "published", True, None)):
        database.execute(
            "insert into ledger.pulls (attempt_id, source, account, usage_date, state, is_incomplete, cause_code,"
            " cause, is_permanent, closed_at) values (1, 'vapi', 'platform', %s, %s, %s, %s, %s, true, now())",
            [YESTERDAY - timedelta(days=ago), state, is_incomplete, cause, cause],
        )
    found = [what for what in wrong(acme, 5) if "of vapi " in what and "forget" not in what]
    assert [what.partition(",")[0] for what in found] == [
        "3 tenant-days of vapi never pulled",
        "1 tenant-day of vapi failed and without data",
        "1 tenant-day of vapi incomplete",
    ]
    assert "come back by themselves" in found[0]
    assert "1 of them come back by themselves" in found[1]
    assert "1 of them come back" in found[2]


def test_doctor_tells_of_rows_that_should_have_been_purged(
    acme: Minutebook, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    database.execute("insert into ledger.attempts (trigger) values ('cli')")
    database.execute(
        "insert into ledger.pulls (attempt_id, source, account, usage_date, state, closed_at)"
        " select 1, 'vapi', 'platform', '2026-01-01', 'superseded', now() - make_interval(days => days)"
        " from unnest(array[41, 43]) as days"
    )
    findings = json.loads(acme("doctor --days 1 --json", code=1).stdout)
    (late,) = [one for one in findings if "purged" in one["what"]]
    assert (late["what"][:7], late["fix"]) == ("1 pull ", "minutebook purge")
    rows = json.loads(acme("purge --dry-run --json").output)
    assert rows == [{"source": "vapi", "pulls": 2, "raw_rows": 0, "kept_pulls": 0, "kept_rows": 0}]
    assert json.loads(acme("purge --json").output) == [{"source": "vapi", "pulls": 2, "raw_rows": 0}]
    assert "nothing to purge" in acme("purge").output


def test_doctor_tells_when_tenants_are_too_many_for_partitions_and_for_one_shard(
    acme: Minutebook, database: psycopg.Connection[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(about: str) -> list[tuple[str, str]]:
        findings = json.loads(acme("doctor --days 1 --json", code=None).stdout)
        return [(one["what"], one["fix"]) for one in findings if about in one["what"]]

    assert not told("a partition of the Dagster UI")
    database.execute(
        "with made as (insert into control.tenants (tenant_id, name, currency, anchor_day)"
        " select 't' || n, 't' || n, 'USD', 1 from generate_series(1, 1500) as n returning tenant_id)"
        " insert into control.tenant_statuses select tenant_id, '2026-01-01', 'active' from made"
    )
    ((what, fix),) = told("a partition of the Dagster UI")
    assert what.startswith("1,501 tenants,")
    assert fix.startswith("set MINUTEBOOK_PARTITIONS=shard")
    monkeypatch.setenv("MINUTEBOOK_PARTITIONS", "shard")
    assert not told("a partition of the Dagster UI")
    ((what, fix),) = told("the shard")
    assert (what.split(":")[0], fix.split(" for ")[0]) == (
        "the shard shared holds 1,501 tenants",
        "set MINUTEBOOK_SHARDS=2",
    )
    monkeypatch.setenv("MINUTEBOOK_SHARDS", "2")
    assert not told("the shard")
