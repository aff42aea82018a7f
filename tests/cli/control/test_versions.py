"""Plans, prices, allowances and costs: timelines that never change what was approved."""

import json
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import EXAMPLE, Minutebook


@pytest.fixture
def approved(acme: Minutebook, database: psycopg.Connection[Any]) -> Minutebook:
    """Acme's March is approved; April is in review."""
    database.execute(
        "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash) values"
        " ('acme', '2026-03-01', '2026-04-01', 'approved', 'hash'),"
        " ('acme', '2026-04-01', '2026-05-01', 'in_review', null)"
    )
    return acme


REFUSED = [
    "price set --plan growth --meter ocr_scans --from 2026-02-01 --amount 9",
    "price set --plan growth --meter ocr_scans --from 2026-03-01 --amount 9",
    "price set --tenant acme --meter ocr_scans --from 2026-01-15 --amount 9",
    "price end --tenant acme --meter call_minutes --on 2026-03-01",
    "plan terms growth --from 2026-02-01 --subscription-fee 1",
    # How its paid invoice is corrected is as fixed as its fee.
    "plan terms growth --from 2026-01-01 --subscription-fee 249 --setup-fee 500 --voice-meter call_minutes"
    " --credit-notes",
    "plan allowance growth call_minutes 5 --from 2026-03-01",
    "tenant plan acme other --from 2026-03-01",
    "cost unit ocr_scans 9 --from 2026-03-31",
    "tenant pause acme --on 2026-03-15",
    "tenant close acme --on 2026-02-01",
]
TAKEN = [
    "price set --plan growth --meter ocr_scans --from 2026-03-02 --amount 9",
    # A tenant's own price shields its approved period from its plan's.
    "price set --plan growth --meter call_minutes --from 2026-02-15 --amount 9",
    "plan terms growth --from 2026-04-01 --subscription-fee 1",
    "plan allowance growth call_minutes 5 --from 2026-04-01",
    "tenant plan acme other --from 2026-03-02",
    "cost unit ocr_scans 9 --from 2026-04-01",
    "cost fixed platform 30 --name Platform --from 2026-03-01",
    "cost payment 2.9 --fixed 0.30 --from 2026-03-01",
    "tenant pause acme --on 2026-04-01",
    "tenant close acme --on 2026-04-01",
]


@pytest.mark.parametrize("line", REFUSED)
def test_a_version_that_would_change_an_approved_period_is_refused_and_says_which(
    approved: Minutebook, database: psycopg.Connection[Any], line: str
) -> None:
    approved("plan create other --name Other")
    before = database.execute("select count(*) from ledger.audit_log").fetchone()
    output = approved(line, code=1).output
    assert "would change the approved period of March 2026 of tenant acme" in output
    assert "or later, or reopen the period first" in output
    assert database.execute("select count(*) from ledger.audit_log").fetchone() == before


@pytest.mark.parametrize("line", TAKEN)
def test_a_version_that_starts_after_the_first_billed_day_is_taken(approved: Minutebook, line: str) -> None:
    approved("plan create other --name Other")
    assert "created" in approved(line).output
    assert "unchanged" in approved(line).output


def test_what_was_approved_may_be_said_again(approved: Minutebook) -> None:
    assert "0 created, 0 changed" in approved("tenant apply", str(EXAMPLE)).output


def test_history_may_be_loaded_and_replaced_until_a_period_is_approved(acme: Minutebook) -> None:
    line = "price set --plan growth --meter ocr_scans --from 2025-01-01 --amount"
    assert "created" in acme(line, "0.10").output
    assert "changed" in acme(line, "0.20").output
    assert "unchanged" in acme(line, "0.200").output


def test_repeating_a_command_gives_the_marts_nothing_to_build(
    acme: Minutebook, database: psycopg.Connection[Any]
) -> None:
    before = database.execute("select revision from control.revision").fetchone()
    acme("tenant apply", str(EXAMPLE))
    assert database.execute("select revision from control.revision").fetchone() == before
    acme("tenant flag acme stripe_posting true")
    assert database.execute("select revision from control.revision").fetchone() != before


def test_the_price_in_force_is_shown_with_who_set_it(acme: Minutebook) -> None:
    def minutes(day: str) -> tuple[str, str]:
        shown = json.loads(acme(f"price show --tenant acme --on {day} --json").output)
        return next((row["set_by"], row["unit_amount"]) for row in shown if row["meter_id"] == "call_minutes")

    assert minutes("2026-02-28") == ("plan growth", "0.30")
    assert minutes("2026-03-01") == ("tenant acme", "0.25")
    acme("price end --tenant acme --meter call_minutes --on 2026-04-01")
    assert minutes("2026-04-01") == ("plan growth", "0.30")
    assert json.loads(acme("price show --plan growth --on 2025-12-31 --json").output) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("price set --meter ocr_scans --from 2026-01-01 --amount 1", "name exactly one"),
        ("price set --plan growth --tenant acme --meter ocr_scans --from 2026-01-01 --amount 1", "name exactly one"),
        (
            "price set --plan growth --meter nothing --from 2026-01-01 --amount 1",
            "no meter 'nothing'; there is call_minutes, chat",
        ),
        (
            "price set --plan nothing --meter ocr_scans --from 2026-01-01 --amount 1",
            "no plan 'nothing'; there is growth",
        ),
        ("price set --plan growth --meter ocr_scans --from 2026-01-01", "an amount is needed"),
        ("price set --plan growth --meter ocr_scans --from 2026-01-01 --tier 9:1 --tier 5:2", "bounds must rise"),
        ("price set --plan growth --meter ocr_scans --from 2026-01-01 --tier inf:1 --tier 5:2", "only the last tier"),
        ("price set --plan growth --meter ocr_scans --from 2026-01-01 --model plan", "only a tenant's own price"),
        ("plan terms growth --from 2026-01-01 --subscription-fee 1 --voice-meter ocr_scans", "counts no calls"),
        ("tenant flag acme stripe_credit_notes true", "a plan's terms says whether they are given"),
        (
            "meter create call_minutes --name X --unit minute --source vapi --increment-seconds 6",
            "what it counts is fixed",
        ),
        (
            "meter create chats --name X --unit chat --source voiceflow --item interactions",
            "the same as meter chat_interactions",
        ),
        ("meter create words --name X --unit word --source usage_metrics", "name it with --item"),
        ("meter create lines --name X --unit line --source usage_metrics --item x --filter a", "no NAME=VALUE"),
        ("meter create talks --name X --unit call --source vapi --item voice", "leave out item and filter"),
        ("meter create talks --name X --unit call --source vapi --count --increment-seconds 6", "no increment"),
        (
            "meter create drafts --name X --unit chat --source voiceflow --item interactions --filter usage_type=a",
            "the same as meter chat_interactions",
        ),
        ("meter create words --name X --unit word --source voiceflow --minimum-seconds 3", "only a meter of calls"),
        ("cost unit ocr_scans 1 --from 2026-01-01 --currency usd", "is no currency"),
        ("rate set USD USD 1 --from 2026-01-01", "two currencies and a rate above 0"),
    ],
)
def test_bad_input_is_refused_with_its_reason(acme: Minutebook, line: str, message: str) -> None:
    assert message in acme(line, code=1).output


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity", "1_0", "$1", "1,50"])
def test_an_amount_is_a_plain_number_from_zero_on(acme: Minutebook, amount: str) -> None:
    line = "price set --plan growth --meter ocr_scans --from 2026-01-01"
    assert "is no amount" in acme(line, f"--amount={amount}", code=2).output


def test_tiers_keep_their_amounts_digit_for_digit(acme: Minutebook, database: psycopg.Connection[Any]) -> None:
    line = (
        "price set --plan growth --meter ocr_scans --from 2027-01-01 --model volume --tier 10:0.0045 --tier inf:0.004"
    )
    acme(line)
    (tiers,) = database.execute("select tiers from control.prices where model = 'volume'").fetchall()[0]
    assert tiers == [{"up_to": 10, "unit_amount": "0.0045"}, {"up_to": None, "unit_amount": "0.004"}]


def test_a_bounded_last_tier_is_pointed_out(acme: Minutebook) -> None:
    line = "price set --plan growth --meter ocr_scans --from 2027-01-01 --tier 10:0.0045"
    assert "usage above 10 will be reported as unpriced" in acme(line).output
