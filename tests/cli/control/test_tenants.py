"""Tenants: slugs, anchor days, statuses, plans and flags."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.architecture.test_house import ROOT
from tests.cli.conftest import Minutebook
from tests.cli.pseudo_terminal import lines_of, opened
from warehouse.control.tenants import FLAGS


def add(minutebook: Minutebook, slug: str = "acme", *more: str, code: int = 0) -> str:
    return minutebook(
        f"tenant create {slug} --currency USD --activated-on 2026-01-01", "--name", "Acme", *more, code=code
    ).output


def test_adding_a_tenant_twice_changes_nothing_the_second_time(minutebook: Minutebook) -> None:
    assert "created   tenant acme" in add(minutebook)
    assert "unchanged tenant acme" in add(minutebook)
    assert "changed   tenant acme" in add(minutebook, "acme", "--anchor-day", "3")


def typed(*answers: str) -> list[str]:
    """The lines that `minutebook tenant create` shows at a terminal where these answers are typed."""
    outer, inner = opened(80)
    command = [Path(sys.executable).with_name("minutebook"), "tenant", "create"]
    with subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner) as process:
        os.close(inner)
        os.write(outer, "".join(f"{answer}\n" for answer in answers).encode())
        lines = lines_of(outer)
    assert process.returncode == 0, lines
    return lines


def test_at_a_terminal_what_is_missing_is_asked_for_and_what_is_left_is_listed(acme: Minutebook) -> None:
    acme("credential set vapi --tenant acme", given="acmes-own-key\n")  # which opens no account of another's
    plan = json.loads(acme("plan list --json").output)[0]
    lines = typed("bloom", "Bloom Florist", plan["currency"], "2026-13-01", "2026-01-01", "")
    text = "\n".join(lines)
    assert "'2026-13-01' is no date" in text
    assert "created   tenant bloom" in text
    assert json.loads(acme("tenant show bloom --json").output)["plan_id"] == plan["plan_id"]
    listed = lines[lines.index("What is left until its first bill") :]
    left = [line.strip() for line in listed if line.strip().startswith("minutebook")]
    assert left == [
        "minutebook credential set --help", "minutebook agent create bloom AGENT --name NAME",
        "minutebook pull --tenant bloom --from 2026-01-01 --to 2026-01-07",
        "minutebook build && minutebook review 2026-01 --tenant bloom --lines",
    ]  # fmt: skip
    assert max(map(len, listed)) <= 80


def test_elsewhere_nothing_is_asked_and_what_is_missing_is_said(minutebook: Minutebook) -> None:
    said = minutebook("tenant create", code=2).output
    assert "error: a tenant needs TENANT, --name and --activated-on" in " ".join(said.split())
    assert "tenant create --help" in said


def test_an_empty_list_says_what_to_do_next(minutebook: Minutebook) -> None:
    for line in ("tenant list", "agent list", "plan list", "meter list", "price list", "cost list"):
        assert "next: minutebook" in minutebook(line).output
    assert json.loads(minutebook("tenant list --json").output) == []


@pytest.mark.parametrize("slug", ["Acme", "a,b", "-acme", "acme_", "platform", "a" * 64])
def test_a_malformed_slug_is_refused(minutebook: Minutebook, slug: str) -> None:
    output = minutebook("tenant create --name A --activated-on 2026-01-01", "--", slug, code=1).output
    assert "is no tenant slug" in output


@pytest.mark.parametrize("day", [0, 29, 30, 31])
def test_an_anchor_day_that_not_every_month_has_is_refused_with_the_reason(minutebook: Minutebook, day: int) -> None:
    output = add(minutebook, "acme", "--anchor-day", str(day), code=1)
    assert f"anchor day {day} refused: not every month has that day; use 1 to 28" in output


def test_an_unknown_tenant_is_told_with_those_that_exist(minutebook: Minutebook) -> None:
    add(minutebook, "acme")
    add(minutebook, "bolt")
    for line in ("tenant show x", "tenant pause x --on 2026-02-01", "agent list --tenant x", "price show --tenant x"):
        assert "no tenant 'x'; there is acme, bolt" in minutebook(line, code=1).output


def test_a_pause_is_a_stretch_of_the_timeline(minutebook: Minutebook, database: psycopg.Connection[Any]) -> None:
    add(minutebook)
    minutebook("tenant pause acme --on 2026-03-01")
    minutebook("tenant pause acme --on 2026-03-01")
    minutebook("tenant resume acme --on 2026-04-01")
    assert "it already is" in minutebook("tenant resume acme --on 2026-04-05").output
    timeline = database.execute("select valid_from::text, status from control.tenant_statuses order by 1").fetchall()
    assert timeline == [("2026-01-01", "active"), ("2026-03-01", "paused"), ("2026-04-01", "active")]


def test_a_closed_tenant_stays_closed(minutebook: Minutebook) -> None:
    add(minutebook)
    minutebook("tenant close acme --on 2026-06-30")
    assert "unchanged" in minutebook("tenant close acme --on 2026-06-30").output
    for line in ("resume acme --on 2026-07-01", "pause acme --on 2026-05-01", "close acme --on 2026-08-01"):
        assert "a closed tenant stays closed" in minutebook(f"tenant {line}", code=1).output


def test_closing_drops_what_was_planned_for_later(minutebook: Minutebook, database: psycopg.Connection[Any]) -> None:
    add(minutebook)
    minutebook("tenant pause acme --on 2027-01-01")
    assert "1 planned change after it dropped" in minutebook("tenant close acme --on 2026-06-30").output
    timeline = database.execute("select status from control.tenant_statuses order by valid_from").fetchall()
    assert timeline == [("active",), ("closed",)]


def test_a_tenant_cannot_pause_before_it_is_active(minutebook: Minutebook) -> None:
    add(minutebook)
    assert "is active only from 2026-01-01" in minutebook("tenant pause acme --on 2025-12-01", code=1).output


def test_a_plan_in_another_currency_is_refused(acme: Minutebook) -> None:
    acme("plan create euro --name Euro --currency EUR")
    assert "the plan is in EUR, the tenant in USD" in acme("tenant plan acme euro --from 2026-05-01", code=1).output


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("tenant plan acme starter --from 2026-01-01", "a plan"),
        ("price set --meter voice_minutes --tenant acme --from 2026-01-01 --amount 0.21", "prices of its own"),
        ("credit give acme 25.50 --from 2026-01-01 --reason goodwill", "credits"),
        ("limit set acme --from 2026-01-01 --amount 500", "limits"),
    ],
)
def test_a_currency_stays_once_an_amount_is_in_it(minutebook: Minutebook, line: str, held: str) -> None:
    add(minutebook)
    minutebook("plan create starter --name Starter --currency USD")
    minutebook("meter create voice_minutes --name Minutes --unit minute --source vapi")
    assert "changed" in minutebook("tenant create acme --name Acme --currency JPY --activated-on 2026-01-01").output
    assert "changed" in add(minutebook)
    minutebook(line)
    output = minutebook("tenant create acme --name Acme --currency JPY --activated-on 2026-01-01", code=1).output
    assert f"tenant acme has {held} in USD, which would be read as JPY" in " ".join(output.split())
    assert json.loads(minutebook("tenant show acme --json").output)["currency"] == "USD"


def test_a_flag_has_a_value_that_something_reads(acme: Minutebook) -> None:
    acme("tenant flag acme automations", '{"follow-up": "2026-11-01"}')
    assert "unchanged" in acme("tenant flag acme automations", '{"follow-up": "2026-11-01"}').output
    shown = json.loads(acme("tenant show acme --json").output)
    assert shown["feature_flags"] == {"quota_alerts": True, "automations": {"follow-up": "2026-11-01"}}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("weekly_report", "true", "flag 'weekly_report' is read by nobody; there is automations, quota_alerts"),
        ("quota_alerts", "3", "flag quota_alerts is true or false"),
        ("automations", "true", "is false, or names each automation with the day"),
        ("automations", '{"follow-up": "tomorrow"}', "is false, or names each automation with the day"),
        ("automations", '{"Follow/up": "2026-11-01"}', "is false, or names each automation with the day"),
        ("automations", '{"follow-up": 3}', "is false, or names each automation with the day"),
    ],
)
def test_a_flag_that_nothing_reads_is_refused(acme: Minutebook, name: str, value: str, why: str) -> None:
    assert why in " ".join(acme(f"tenant flag acme {name}", value, code=1).output.split())


@pytest.mark.parametrize("flag", FLAGS)
def test_each_flag_is_read_by_something(flag: str) -> None:
    read = [path for path in (ROOT / "warehouse").rglob("*.sql") if path.name != "schema.sql"]
    assert any(re.search(f"feature_flags [^\n]*{flag}", path.read_text()) for path in read), flag


@pytest.mark.parametrize("text", ["2026-2-1", "01.02.2026", "2026-02-30", "20260201", "tomorrow"])
def test_a_bad_date_is_a_usage_error(minutebook: Minutebook, text: str) -> None:
    assert "is no date; write YYYY-MM-DD" in minutebook("tenant pause acme --on", text, code=2).output


def test_every_change_is_in_the_audit_log_with_its_actor(acme: Minutebook, database: psycopg.Connection[Any]) -> None:
    acme("tenant pause acme --on 2026-03-01")
    row = database.execute("select actor, action, object_table from ledger.audit_log order by entry_id desc").fetchone()
    assert row is not None
    assert row[0]
    assert row[1:] == ("insert", "control.tenant_statuses")
