"""What came of a call reaches the marts, follows what its tenant has stored, and moves no money."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.marts.warehouse_of_one import Warehouse, call, opened
from warehouse.calls import call_search
from warehouse.calls.call_filters import Filters
from warehouse.control import call_results
from warehouse.control.call_results import Language
from warehouse.control.changes import Action
from warehouse.database.connect import Role, connect
from warehouse.database.locks import Lock
from warehouse.privacy import personal

REAL_DAY = Path(__file__).parents[2].parent / "shared/payloads/vapi/get_call_list_one_day_real.json"
AS_OF = date(2026, 4, 1)
CANARY = "zebrafinch"
SAID: dict[str, Any] = {
    "customer": {"number": "+49 30 1234567"},
    "analysis": {"summary": f"They asked for a {CANARY}.", "successEvaluation": "true"},
    "artifact": {
        "messages": [{"role": "bot", "message": "Hello"}, {"role": "user", "message": f"a {CANARY} please"}],
        "structuredOutputs": {"o-1": {"name": "stars", "result": 4}},
        "transfers": [{"destination": {"number": "+49 30 7654321"}, "mode": "blind-transfer", "status": "ended"}],
    },
    "recordingUrl": "https://storage.example/x.wav",
    "compliance": {"recordingConsent": {"type": "verbal", "grantedAt": "2026-03-01T10:00:05Z"}},
}
ENDED = {
    "customer-ended-call": "customer hung up",
    "silence-timed-out": "assistant ended",
    "voicemail": "voicemail",
    "customer-did-not-answer": "no answer",
    "assistant-forwarded-call": "transferred",
    "call.in-progress.error-providerfault-outbound-sip-503-service-unavailable": "failed at provider",
    "pipeline-error-openai-401-unauthorized": "failed at us",
}
RESULTS = """
select call_id, customer, transfer_to, summary, evaluation, evaluation_state, rating, turns, has_recording
from marts.fct_call_results order by call_id
"""


@pytest.fixture
def warehouse(database_url: str, dbt_home: Path) -> Iterator[Warehouse]:
    warehouse = opened(database_url, dbt_home)
    with warehouse.connection:
        for tenant in ("acme", "beta"):
            warehouse.tenant(tenant, "2026-03-01")
            warehouse.attach(tenant, "vapi_assistant", f"assistant-{tenant}", "2026-03-01")
        warehouse.put(
            "control.call_rubrics",
            {"tenant_id": "acme", "kind": "vapi_assistant", "value": "assistant-acme", "rubric": "pass_fail"},
        )
        warehouse.put("control.call_outputs", {"tenant_id": "acme", "output_id": "o-1", "meaning": "rating"})
        yield warehouse


def spoken(call_id: str, tenant: str = "acme", **fields: Any) -> dict[str, Any]:
    return call(call_id, "61", assistantId=f"assistant-{tenant}", cost=0.1, **fields)


def money(warehouse: Warehouse) -> dict[str, list[str]]:
    """Every mart but those that say what came of calls."""
    said = ("fct_call_results", "fct_call_texts", "fct_call_outcomes_daily", "fct_pulls_built")
    return {table: rows for table, rows in warehouse.marts().items() if table not in said}


def test_a_late_summary_is_read_without_restating_its_day_or_moving_money(warehouse: Warehouse) -> None:
    published = warehouse.calls("platform", "2026-03-01", [spoken("first"), spoken("other", "beta", **SAID)])
    warehouse.build(AS_OF)
    before = money(warehouse)
    warehouse.results("platform", "2026-03-01", [spoken("first", **SAID), spoken("other", "beta", **SAID)])
    warehouse.build(AS_OF)
    assert warehouse.rows(RESULTS) == [
        ("first", "+49 30 1234567", "+49 30 7654321", SAID["analysis"]["summary"], "true", "succeeded", 4, 2, True),
        ("other", "+49 30 1234567", "+49 30 7654321", SAID["analysis"]["summary"], "true", "no rubric", None, 2, True),
    ]
    assert warehouse.rows("select count(*) from marts.fct_call_texts") == [(2,)]
    assert money(warehouse) == before
    assert warehouse.rows("select distinct pull_id from marts.fct_calls") == [(published,)]
    assert warehouse.rows("select count(*) from intermediate.int_tenants_changed") == [(0,)]
    incremental = warehouse.marts()
    warehouse.build(AS_OF, full_refresh=True)
    assert warehouse.marts() == incremental


def test_a_call_of_a_new_pull_is_read_from_it_and_not_from_what_confirmed_the_former(warehouse: Warehouse) -> None:
    warehouse.calls("platform", "2026-03-01", [spoken("first")])
    warehouse.results("platform", "2026-03-01", [spoken("first", **SAID)])
    warehouse.calls("platform", "2026-03-01", [spoken("first", summary="Later.")])
    warehouse.build(AS_OF)
    assert warehouse.rows("select summary, evaluation_state from marts.fct_call_results") == [
        ("Later.", "not evaluated")
    ]


def test_what_is_forgotten_leaves_the_marts_at_once_and_stays_away(warehouse: Warehouse) -> None:
    warehouse.calls("platform", "2026-03-01", [spoken("ours", **SAID), spoken("theirs", "beta", **SAID)])
    warehouse.build(AS_OF)
    before = money(warehouse)
    with connect(warehouse.url, Role.OPERATOR, autocommit=True) as operator:
        personal.retain(operator, "acme", 30)
        assert personal.expire(operator, date(2026, 4, 1)) == {"acme": 1}
    assert warehouse.rows("select call_id from marts.fct_call_results") == [("theirs",)]
    assert warehouse.rows("select call_id from marts.fct_call_texts") == [("theirs",)]
    for full_refresh in (False, True):
        warehouse.build(AS_OF, full_refresh=full_refresh)
        assert warehouse.rows(RESULTS)[0] == ("ours", None, None, None, None, "not stored", None, None, False)
        assert warehouse.rows("select call_id from marts.fct_call_texts") == [("theirs",)]
        assert money(warehouse) == before


def test_outcomes_and_campaigns_are_counted_by_day(warehouse: Warehouse) -> None:
    """What a late evaluation says is counted too; a call of no campaign is in none, and is lost nowhere."""
    ended = {"endedReason": "assistant-forwarded-call", "campaignId": "spring"}
    calls = [spoken("first", **ended), spoken("second", endedReason="voicemail"), spoken("other", "beta", **ended)]
    warehouse.calls("platform", "2026-03-01", calls)
    warehouse.build(AS_OF)
    warehouse.results("platform", "2026-03-01", [calls[0] | SAID, calls[1], calls[2]])
    warehouse.build(AS_OF)
    daily = (
        "select tenant_id, campaign_id, calls, transferred_calls, voicemail_calls, judged_calls, successful_calls, cost"
        " from marts.fct_call_outcomes_daily order by tenant_id, campaign_id"
    )
    assert warehouse.rows(daily) == [
        ("acme", "spring", 1, 1, 0, 1, 1, Decimal("0.1")),
        ("acme", None, 1, 0, 1, 0, 0, Decimal("0.1")),
        ("beta", "spring", 1, 1, 0, 0, 0, Decimal("0.1")),
    ]
    assert warehouse.rows("select tenant_id, campaign_id, calls from marts.dim_campaigns order by 1") == [
        ("acme", "spring", 1), ("beta", "spring", 1),
    ]  # fmt: skip
    incremental = warehouse.marts()
    warehouse.build(AS_OF, full_refresh=True)
    assert warehouse.marts() == incremental


def test_words_are_searched_in_the_language_of_their_tenant(warehouse: Warehouse) -> None:
    """From the next build on, of all that is stored; in all tenants each text is searched in its own."""
    said = {"summary": "They have booked two appointments."}
    warehouse.calls("platform", "2026-03-01", [spoken("ours", **said), spoken("theirs", "beta", **said)])
    warehouse.build(AS_OF)

    def found(words: str) -> tuple[int, int, int]:
        with connect(warehouse.url, Role.OPERATOR, autocommit=True) as operator:
            filters = Filters(words=words)
            ours = call_search.search(operator, "acme", filters, None, 9, is_tenant=False)
            theirs = call_search.search(operator, "beta", filters, None, 9, is_tenant=False)
            return len(ours), len(theirs), len(call_search.search_all(operator, filters, None, 9))

    assert found("booking") == found("appointment") == (0, 0, 0)
    with connect(warehouse.url, Role.OPERATOR, autocommit=True) as operator:
        assert call_results.put_language(operator, "acme", Language.ENGLISH).action is Action.CREATED
        assert call_results.put_language(operator, "acme", Language.ENGLISH).action is Action.UNCHANGED
    before = money(warehouse)
    warehouse.build(AS_OF)
    assert found("booking") == found("appointment") == (1, 0, 1)
    assert found("booked") == (1, 1, 2)
    assert found("the") == (0, 0, 0), "said by all, and searched by none"
    assert money(warehouse) == before
    with connect(warehouse.url, Role.OPERATOR, autocommit=True) as operator:
        call_results.put_language(operator, "acme", Language.SIMPLE)
    warehouse.build(AS_OF)
    assert found("booking") == (0, 0, 0)


def test_what_was_said_is_read_however_long_it_is_and_in_whichever_script(warehouse: Warehouse) -> None:
    """Of 2 MB, of one word without an end, of as many words as there can be, from right to left."""
    many = " ".join(chr(0x20000 + n % 40_000) + chr(0x20000 + n // 40_000) for n in range(220_000))
    texts = {
        "long": "a plumber " + "please and thank you " * 100_000, "one": "x" * 2_000_000, "many": many,
        "rtl": "\u202eمرحبا\u202c أريد سباكا שלום 😀👩\u200d👩\u200d👧 end",
    }  # fmt: skip
    warehouse.calls(
        "platform",
        "2026-03-01",
        [spoken(name, artifact={"messages": [{"role": "user", "message": text}]}) for name, text in texts.items()],
    )
    warehouse.build(AS_OF)
    assert warehouse.rows("select count(*) from marts.fct_call_texts") == [(4,)]
    with connect(warehouse.url, Role.OPERATOR, autocommit=True) as operator:
        for words, call_id in (("plumber", "long"), ("سباكا", "rtl"), ("שלום", "rtl")):
            (found,) = call_search.search(operator, "acme", Filters(words=words), None, 9, is_tenant=False)
            assert found[2] == call_id, words
        for words in ("😀", "x" * 10_000, '"' * 9_999, "& | ! <-> ( ) : * \\"):
            assert call_search.search(operator, "acme", Filters(words=words), None, 9, is_tenant=False) == [], words
        without = call_search.search(operator, "acme", Filters(words="- or " * 2_000), None, 9, is_tenant=False)
        assert len(without) == 4, "none says `or`"


def test_a_call_that_is_analysed_before_it_ends_is_billed_once_it_has(warehouse: Warehouse) -> None:
    early = spoken("early", **SAID) | {"endedAt": None, "status": "in-progress"}
    warehouse.calls("platform", "2026-03-01", [early], is_incomplete=True)
    warehouse.build(AS_OF)
    state = (
        "select c.outcome, r.evaluation_state, r.summary is not null from marts.fct_calls as c"
        " join marts.fct_call_results as r using (source, account, usage_date, call_id)"
    )
    ((outcome, evaluation, has_summary),) = warehouse.rows(state)
    assert (outcome, evaluation, has_summary) == ("in progress", "succeeded", True)
    assert warehouse.rows("select connected_calls from marts.fct_call_outcomes_daily") == [(0,)]
    warehouse.calls("platform", "2026-03-01", [spoken("early", **SAID)])
    warehouse.build(AS_OF)
    assert warehouse.rows(state)[0][0] == "connected"
    assert warehouse.rows("select connected_calls, judged_calls from marts.fct_call_outcomes_daily") == [(1, 1)]
    assert warehouse.rows("select count(*) from marts.fct_call_texts") == [(1,)]


def test_what_is_forgotten_waits_for_a_build_that_could_have_read_it(warehouse: Warehouse) -> None:
    warehouse.calls("platform", "2026-03-01", [spoken("ours", **SAID)])
    warehouse.build(AS_OF)

    def forget() -> dict[str, int]:
        with connect(warehouse.url, Role.OPERATOR, autocommit=True) as operator:
            operator.execute("set lock_timeout = '50ms'")
            return personal.expire(operator, date(2026, 5, 1))

    with connect(warehouse.url, Role.OPERATOR, autocommit=True) as operator:
        personal.retain(operator, "acme", 30)
    with ThreadPoolExecutor(1) as threads:
        with warehouse.connection.transaction():
            warehouse.connection.execute(f"select pg_advisory_xact_lock({Lock.BUILD}, 0)")  # type: ignore[call-overload]
            forgotten = threads.submit(forget)
            assert not wait([forgotten], 1).done
        assert forgotten.result(60) == {"acme": 1}


@pytest.mark.skipif(not REAL_DAY.exists(), reason="the published real day is not beside this checkout")
def test_a_real_day_has_42_of_45_connected_calls_evaluated(warehouse: Warehouse) -> None:
    calls = json.loads(REAL_DAY.read_text())
    real = {reported["assistantId"] for reported in calls}
    for assistant in real:
        warehouse.attach("acme", "vapi_assistant", assistant, "2020-01-01")
    day = calls[0]["createdAt"][:10]
    warehouse.calls("platform", day, calls)
    warehouse.build(AS_OF)
    rows = warehouse.rows(
        "select c.outcome, r.summary is not null, r.evaluation, c.end_group from marts.fct_calls as c"
        " join marts.fct_call_results as r using (source, account, usage_date, call_id)"
    )
    connected = [row for row in rows if row[0] == "connected"]
    assert (len(rows), len(connected)) == (52, 45)
    assert sum(has_summary for _, has_summary, _, _ in connected) == 42
    assert Counter(evaluation for _, _, evaluation, _ in connected) == {"false": 39, "true": 3, None: 3}
    assert Counter(group for *_, group in rows) == {
        "customer hung up": 23, "assistant ended": 19, "failed at provider": 7, "no answer": 3,
    }  # fmt: skip


def test_a_day_built_like_the_real_one_reads_as_it_does(warehouse: Warehouse) -> None:
    evaluated = [
        spoken(f"c-{n}", analysis={"summary": "They spoke.", "successEvaluation": "true" if n < 3 else "false"})
        for n in range(42)
    ]
    not_evaluated = [spoken(f"n-{n}", artifact={"transcript": "AI: Hello"}) for n in range(3)]
    never = [call(reason, None, assistantId="assistant-acme", endedReason=reason) for reason in ENDED]
    warehouse.calls("platform", "2026-03-01", [*evaluated, *not_evaluated, *never])
    warehouse.build(AS_OF)
    groups = dict(warehouse.rows("select call_id, end_group from marts.fct_calls where outcome = 'never connected'"))
    assert groups == ENDED
    states = "select evaluation_state, count(*) from marts.fct_call_results group by 1"
    assert dict(warehouse.rows(states)) == {"succeeded": 3, "failed": 39, "not evaluated": 3, "not connected": 7}
