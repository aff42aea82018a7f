"""What `pull` promises, over the sandbox and a real database."""

import threading
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from typer.testing import CliRunner

from orchestration import ingestion
from orchestration.cli import app
from orchestration.defs.ingestion.checks import provider_totals_agree
from orchestration.ingestion import DayNotOver, PullOutcome, PullState, PullTrigger, waiting
from orchestration.ingestion import running as running_module
from orchestration.resources import Minutebook
from orchestration.settings import Settings
from tests.ingestion.house import House, call, states
from tests.sandbox import faults
from warehouse.ingestion.pulls import PublishedPull, PullKey, claim, fail, open_attempt, publish

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
LONG_FORGOTTEN = TODAY - timedelta(days=40)


def test_a_day_that_is_not_over_is_refused_before_anything_is_read(house: House) -> None:
    house.tenant("acme")
    house.own_vapi("acme", [])
    with pytest.raises(DayNotOver, match="not over yet"):
        house.pull(["acme"], [YESTERDAY, TODAY])
    assert house.ledger() == []


def test_an_unknown_tenant_fails_alone(house: House) -> None:
    house.tenant("acme")
    house.own_vapi("acme", [call("c1", YESTERDAY)])
    outcomes = house.pull(["acme", "nobody"], [YESTERDAY])
    assert states(outcomes) == {("acme", YESTERDAY): "published", ("nobody", YESTERDAY): "failed"}
    assert [outcome.cause_code for outcome in outcomes if outcome.is_failed] == ["unknown_tenant"]


def test_a_day_older_than_the_provider_remembers_that_lost_rows_is_failed_and_keeps_its_former_pull(
    house: House,
) -> None:
    house.tenant("acme")
    calls = [call("kept", LONG_FORGOTTEN), call("forgotten", LONG_FORGOTTEN)]
    house.own_vapi("acme", calls)
    house.pull(["acme"], [LONG_FORGOTTEN])
    del calls[1]
    (lost,) = house.pull(["acme"], [LONG_FORGOTTEN])
    assert (lost.state, lost.cause_code, lost.is_permanent) == (PullState.FAILED, "rows_lost", True)
    assert "forgotten" in (lost.cause or "")
    assert "--accept-loss" in (lost.cause or "")
    assert house.current_calls() == {"kept", "forgotten"}
    (accepted,) = house.pull(["acme"], [LONG_FORGOTTEN], accept_loss=True)
    assert accepted.state is PullState.PUBLISHED
    assert house.current_calls() == {"kept"}


@pytest.mark.parametrize("is_emptied", [True, False])
def test_lost_rows_that_no_total_confirms_never_replace_a_good_day(
    house: House, monkeypatch: pytest.MonkeyPatch, is_emptied: bool
) -> None:
    monkeypatch.setattr("sources.http.wait_random_exponential", lambda **bounds: lambda state: 0.0)
    house.tenant("acme")
    calls = [call("c1", YESTERDAY), call("c2", YESTERDAY)]
    house.own_vapi("acme", calls)
    house.pull(["acme"], [YESTERDAY])
    del calls[0 if is_emptied else 1 :]
    house.sandbox.received.clear()
    house.sandbox.faults.script("/vapi/analytics", faults.status(503), times=faults.FOREVER)
    (waits,) = house.pull(["acme"], [YESTERDAY])
    assert (waits.state, waits.is_permanent) == (PullState.FAILED, False)
    assert waits.cause_code == ("provider_down" if is_emptied else "loss_unconfirmed")
    assert len(house.sandbox.asked("/vapi/analytics")) == (6 if is_emptied else 1)
    assert house.current_calls() == {"c1", "c2"}
    house.sandbox.faults.clear()
    (reported,) = house.pull(["acme"], [YESTERDAY])
    assert reported.state is PullState.PUBLISHED
    assert house.current_calls() == {call["id"] for call in calls}


def test_a_total_that_a_key_may_not_read_empties_no_good_day_until_a_person_accepts_it(house: House) -> None:
    house.tenant("acme")
    calls = [call("c1", YESTERDAY)]
    house.own_vapi("acme", calls)
    house.pull(["acme"], [YESTERDAY])
    calls.clear()
    house.sandbox.faults.script("/vapi/analytics", faults.status(403), times=faults.FOREVER)
    (doubted,) = house.pull(["acme"], [YESTERDAY], accept_loss=True, accept_count=True)
    assert (doubted.cause_code, doubted.is_permanent) == ("loss_unconfirmed", False)
    assert "--accept-unconfirmed" in (doubted.cause or "")
    assert house.current_calls() == {"c1"}
    (accepted,) = house.pull(["acme"], [YESTERDAY], accept_unconfirmed=True)
    assert accepted.state is PullState.PUBLISHED
    assert house.current_calls() == set()


def test_an_empty_day_of_nothing_before_is_published_where_the_key_may_not_read_the_total(house: House) -> None:
    house.tenant("acme")
    house.own_vapi("acme", [])
    house.sandbox.faults.script("/vapi/analytics", faults.status(403), times=faults.FOREVER)
    assert states(house.pull(["acme"], [YESTERDAY])) == {("acme", YESTERDAY): "published"}


def test_each_flag_accepts_its_own_doubt_and_no_other(house: House) -> None:
    house.tenant("acme")
    calls = [call("kept", LONG_FORGOTTEN), call("forgotten", LONG_FORGOTTEN), call("c1", YESTERDAY)]
    house.own_vapi("acme", calls)
    days = [LONG_FORGOTTEN, YESTERDAY]
    house.pull(["acme"], days)
    del calls[1]

    def one_more(answer: Any) -> Any:
        row = answer[0]["result"][0]
        return [{**answer[0], "result": [{**row, "countId": int(row["countId"]) + 1}]}]

    house.sandbox.faults.script(
        "/vapi/analytics",
        faults.altered(one_more),
        times=faults.FOREVER,
        when=lambda asked: str(YESTERDAY) in str(asked),
    )

    def causes(**accepted: bool) -> dict[date, str | None]:
        return {one.usage_date: one.cause_code for one in house.pull(["acme"], days, **accepted)}

    assert causes() == {LONG_FORGOTTEN: "rows_lost", YESTERDAY: "totals_disagree"}
    assert causes(accept_cost=True, accept_unconfirmed=True) == causes()
    (lost,) = house.pull(["acme"], [LONG_FORGOTTEN], accept_count=True)
    assert lost.cause_code == "rows_lost"
    assert causes(accept_loss=True) == {LONG_FORGOTTEN: None, YESTERDAY: "totals_disagree"}
    assert causes(accept_count=True) == {LONG_FORGOTTEN: None, YESTERDAY: None}


def test_only_what_was_shown_of_a_day_is_accepted_and_said_and_audited(house: House) -> None:
    house.tenant("acme")
    older = LONG_FORGOTTEN - timedelta(days=1)
    calls = [call(f"{day}-{n}", day) for day in (older, LONG_FORGOTTEN) for n in range(3)]
    house.own_vapi("acme", calls)
    house.pull(["acme"], [older, LONG_FORGOTTEN])
    del calls[5], calls[0]
    (shown,) = house.pull(["acme"], [older])
    assert "1 of 3 rows gone" in (shown.cause or "")

    def pulled() -> dict[date, PullOutcome]:
        return {one.usage_date: one for one in house.pull(["acme"], [older, LONG_FORGOTTEN], accept_loss=True)}

    found = pulled()
    assert found[older].state is PullState.PUBLISHED
    assert (found[older].accepted or "").startswith(f"--accept-loss: 1 of 3 rows gone, {older}-0 among them")
    assert found[LONG_FORGOTTEN].cause_code == "rows_lost"
    assert "not accepted unseen" in (found[LONG_FORGOTTEN].cause or "")
    del calls[3]  # one more than was shown
    found = pulled()
    assert "2 of 3 rows gone" in (found[LONG_FORGOTTEN].cause or "")
    assert found[older].state is PullState.UNCHANGED
    assert found[older].accepted is None
    assert pulled()[LONG_FORGOTTEN].state is PullState.PUBLISHED
    audited = house.execute("select after from ledger.audit_log where object_table = 'ledger.acceptances' order by 1")
    assert [(row["after"]["usage_date"], row["after"]["doubt"]) for row in audited] == [
        (str(older), "rows_lost"), (str(LONG_FORGOTTEN), "rows_lost"),
    ]  # fmt: skip


def test_within_the_horizon_the_latest_answer_wins_even_an_empty_one(house: House) -> None:
    house.tenant("acme")
    calls = [call("gone", YESTERDAY)]
    house.own_vapi("acme", calls)
    house.pull(["acme"], [YESTERDAY])
    calls.clear()
    (outcome,) = house.pull(["acme"], [YESTERDAY])
    assert (outcome.state, outcome.rows) == (PullState.PUBLISHED, 0)
    assert house.current_calls() == set()


@pytest.mark.parametrize(
    ("ends", "expected"),
    [("well", "already done"), ("badly", "published"), ("dead", "published"), ("never", "failed")],
)
def test_a_day_that_another_attempt_reads_is_waited_for_and_read_only_if_that_one_fails(
    house: House, monkeypatch: pytest.MonkeyPatch, ends: str, expected: str
) -> None:
    for tenant in ("acme", "beta"):
        house.tenant(tenant)
        house.own_vapi(tenant, [call(f"c-{tenant}", YESTERDAY)])
    key = PullKey("vapi", "acme", "acme", YESTERDAY)
    reported: list[ingestion.PullOutcome] = []
    with psycopg.connect(house.url, autocommit=True) as connection, ExitStack() as others:
        other = others.enter_context(open_attempt(house.url, "cli"))
        pull_id = claim(connection, other, [key])[0][key]

        def end(seconds: float) -> None:
            if ends == "well":
                publish(connection, [PublishedPull(pull_id, 0, "hash")])
            elif ends == "badly":
                fail(connection, pull_id, "provider_down", "it was down", is_permanent=False)
            elif ends == "dead":
                others.close()

        monkeypatch.setattr(waiting.time, "sleep", end)
        if ends == "never":
            monkeypatch.setattr(waiting, "LONGEST_WAIT", 0.0)
        outcomes = house.pull(["acme", "beta"], [YESTERDAY], on_progress=reported.append)
    assert [(one.tenant_id, one.state.value) for one in outcomes] == [("beta", "published"), ("acme", expected)]
    assert outcomes == reported
    if ends == "never":
        assert outcomes[1].cause_code == "already_being_pulled"
        assert f"attempt {other.attempt_id} since" in (outcomes[1].cause or "")
    assert len([row for row in house.ledger() if row["account"] == "acme"]) == 2 - (ends in ("well", "never"))


def test_a_reading_that_cannot_be_landed_leaves_the_others_of_its_batch_alone(house: House) -> None:
    for tenant in ("acme", "beta", "gamma"):
        house.tenant(tenant)
        # Postgres takes no text of which NUL is a part.
        poison = {"phoneNumberId": "nul\x00byte"} if tenant == "beta" else {}
        house.own_vapi(tenant, [call(f"c-{tenant}", YESTERDAY, **poison)])
    house.sandbox.faults.script(
        "/vapi/call",
        faults.altered(lambda calls: [entry | {"id": "nul\x00byte"} for entry in calls]),
        when=lambda received: "beta" in received.key,
    )
    outcomes = house.pull(["acme", "beta", "gamma"], [YESTERDAY])
    ended = states(outcomes)
    assert (ended["acme", YESTERDAY], ended["gamma", YESTERDAY]) == ("published", "published")
    assert {"c-acme", "c-gamma"} <= house.current_calls()


@pytest.mark.parametrize(
    ("fault", "code", "is_permanent"),
    [
        (faults.status(403), "credential_rejected", True),
        (faults.status(400), "provider_refused", True),
        (faults.ok_with({"message": "not an array"}), "contract_broken", True),
    ],
)
def test_a_failure_is_written_down_with_its_code_and_its_cause(
    house: House, fault: faults.Fault, code: str, is_permanent: bool
) -> None:
    house.tenant("acme")
    house.own_vapi("acme", [call("c1", YESTERDAY)])
    house.sandbox.faults.script("/vapi/call", fault, times=faults.FOREVER)
    (outcome,) = house.pull(["acme"], [YESTERDAY])
    (pull,) = house.ledger()
    assert (outcome.cause_code, outcome.is_permanent) == (code, is_permanent)
    assert (pull["cause_code"], pull["is_permanent"], pull["cause"]) == (code, is_permanent, outcome.cause)
    assert "private-key" not in pull["cause"]


def test_a_tenant_without_a_stored_key_fails_with_a_word_on_what_to_do(house: House) -> None:
    house.tenant("acme")
    house.execute(
        "insert into control.agent_attachments (kind, value, tenant_id, agent_id, valid_from)"
        " values ('voiceflow_project', 'p1', 'acme', 'acme-agent', '2025-01-01')"
    )
    (outcome,) = house.pull(["acme"], [YESTERDAY], ["voiceflow"])
    assert (outcome.state, outcome.cause_code) == (PullState.FAILED, "credential_missing")


def test_sources_that_nobody_uses_are_not_counted_among_the_failed(house: House) -> None:
    house.tenant("acme")
    house.own_vapi("acme", [], is_rejected=True)
    result = CliRunner().invoke(app, ["pull", "--tenant", "acme", "--from", str(YESTERDAY), "--to", str(YESTERDAY)])
    assert result.exit_code == 1
    assert "1 of 1 tenant-day failed" in result.output


def test_without_the_master_key_every_day_fails_and_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.tenant("acme")
    house.own_vapi("acme", [call("c1", YESTERDAY)])
    monkeypatch.delenv("MINUTEBOOK_MASTER_KEYS")
    blind = House(house.url, Settings.from_environment(), house.sandbox)
    (outcome,) = blind.pull(["acme"], [YESTERDAY])
    assert (outcome.state, outcome.cause_code) == (PullState.FAILED, "master_key_missing")


def test_a_rejected_key_is_not_tried_on_every_day(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_module.Lane, "at_once", 1)
    house.tenant("acme")
    house.own_vapi("acme", [], is_rejected=True)
    days = [YESTERDAY - timedelta(days=back) for back in range(5)]
    outcomes = house.pull(["acme"], days)
    assert [outcome.cause_code for outcome in outcomes] == ["credential_rejected"] * 5
    assert len(house.sandbox.asked("/vapi/call")) == 1
    assert len(house.ledger()) == 5


def test_progress_is_told_day_by_day_and_every_asked_day_has_one_outcome(house: House) -> None:
    house.tenant("acme")
    house.tenant("idle")
    house.own_vapi("acme", [call("c1", YESTERDAY)])
    reported: list[ingestion.PullOutcome] = []
    main = threading.get_ident()
    outcomes = house.pull(
        ["acme", "idle"],
        [YESTERDAY],
        ["vapi", "voiceflow"],
        on_progress=lambda outcome: reported.append(outcome) or None if threading.get_ident() == main else None,
    )
    assert reported == outcomes
    assert sorted((outcome.tenant_id, outcome.source, outcome.state.value) for outcome in outcomes) == [
        ("acme", "vapi", "published"),
        ("acme", "voiceflow", "not used"),
        ("idle", "vapi", "not used"),
        ("idle", "voiceflow", "not used"),
    ]


def test_a_small_batch_limit_lands_everything_in_several_packages(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_module, "MAX_BYTES", 1)
    monkeypatch.setattr(running_module, "CLAIM_BLOCK", 2)
    house.tenant("acme")
    days = [YESTERDAY - timedelta(days=back) for back in range(7)]
    house.own_vapi("acme", [call(f"c-{day}-{number}", day) for day in days for number in range(2)])
    outcomes = house.pull(["acme"], days)
    assert {outcome.state for outcome in outcomes} == {PullState.PUBLISHED}
    assert len(house.current_calls()) == 14
    (loads,) = house.execute("select count(distinct _dlt_load_id) as loads from raw_vapi.calls")
    assert loads["loads"] > 1


def test_an_unchanged_day_costs_its_requests_and_one_row_of_the_ledger(house: House) -> None:
    days = [YESTERDAY - timedelta(days=back) for back in range(3)]
    for tenant in ("acme", "beta"):
        house.tenant(tenant)
        house.own_vapi(tenant, [call(f"{tenant}-{day}", day) for day in days])
    written = "select count(*) as landed, (select count(*) from raw_vapi._dlt_loads) as packages from raw_vapi.calls"
    landed: list[list[dict[str, object]]] = []
    asked: list[list[tuple[str, str, str]]] = []
    for state in (PullState.PUBLISHED, PullState.UNCHANGED):
        house.sandbox.received.clear()
        assert {outcome.state for outcome in house.pull(["acme", "beta"], days)} == {state}
        asked.append(sorted((each.path, each.key, str(each.params or each.body)) for each in house.sandbox.received))
        landed.append(house.execute(written))
    assert asked[0] == asked[1]
    assert landed[0] == landed[1]
    assert landed[1][0]["landed"] == 6
    pulls = house.ledger()
    assert [pull["state"] for pull in pulls] == ["published"] * 6 + ["unchanged"] * 6
    assert [pull["confirms_pull_id"] for pull in pulls[6:]] == [
        current["pull_id"]
        for pull in pulls[6:]
        for current in pulls[:6]
        if (current["account"], current["usage_date"]) == (pull["account"], pull["usage_date"])
    ]


def test_a_cost_that_vapi_adds_up_otherwise_is_published_and_turns_the_check_red(house: House) -> None:
    for tenant in ("acme", "beta"):
        house.tenant(tenant)
        house.own_vapi(tenant, [call(f"c-{tenant}-{n}", YESTERDAY) for n in range(3)])

    def dearer(by: float, tenant: str) -> None:
        def edit(answer: Any) -> Any:
            row = answer[0]["result"][0]
            return [{**answer[0], "result": [{**row, "sumCost": row["sumCost"] + by}]}]

        house.sandbox.faults.script("/vapi/analytics", faults.altered(edit), when=lambda asked: tenant in asked.key)

    dearer(0.5, "acme")
    dearer(0.0002, "beta")  # three calls' costs are rounded to a ten-thousandth each
    assert set(states(house.pull(["acme", "beta"], [YESTERDAY])).values()) == {"published"}
    calls = dg.AssetKey(["raw_vapi", "calls"])
    (of_vapi,) = [check for check in provider_totals_agree if {key.asset_key for key in check.check_keys} == {calls}]
    for passed, accounts in ((False, ["acme"]), (True, [])):
        result = of_vapi(Minutebook())
        assert isinstance(result, dg.AssetCheckResult)
        offenders = result.metadata.get("offenders")
        named = [record.data["account"] for record in offenders.value.records] if offenders else []
        assert (result.passed, named) == (passed, accounts)
        assert states(house.pull(["acme"], [YESTERDAY])) == {("acme", YESTERDAY): "unchanged"}


def test_the_night_reads_the_shared_account_even_where_no_number_of_it_is_attached(house: House) -> None:
    house.tenant("acme")
    house.own_vapi(None, [call("nobody's", YESTERDAY)])
    assert states(house.pull(["acme"], [YESTERDAY])) == {("acme", YESTERDAY): "not used"}
    outcomes = house.pull(["acme"], [YESTERDAY], trigger=PullTrigger.SCHEDULE)
    assert states(outcomes) == {("acme", YESTERDAY): "not used", (None, YESTERDAY): "published"}
    assert house.current_calls() == {"nobody's"}


def test_conversations_are_kept_for_the_tenant_that_chose_so_alone(house: House) -> None:
    for tenant in ("acme", "beta"):
        house.tenant(tenant)
        house.attach(tenant, "vapi_assistant", f"assistant-of-{tenant}")
    house.execute("insert into control.personal_choices (tenant_id, transcripts) values ('acme', 'kept')")
    house.own_vapi(
        None,
        [
            call(f"c-{tenant}", YESTERDAY, assistant_id=f"assistant-of-{tenant}", phone_number_id="shared")
            for tenant in ("acme", "beta", "nobody")
        ],
    )
    house.pull(["acme", "beta"], [YESTERDAY])
    kept = house.execute("select call_id from raw_vapi.calls where payload -> 'artifact' is not null")
    assert [row["call_id"] for row in kept] == ["c-acme"]


@pytest.fixture
def usage_database(empty_database_url: str, monkeypatch: pytest.MonkeyPatch, house: House, tmp_path: Path) -> House:
    """The house with the platform's own database: two known agents and one nobody knows."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            "create table agent_usage_metrics (agent_id text, metric_type text, quantity numeric, cost_usd numeric,"
            " metadata jsonb, created_at timestamptz)"
        )
        for agent, quantity in (("ocr-a", 10), ("ocr-b", 20), ("stray", 40)):
            connection.execute(
                "insert into agent_usage_metrics values (%s, 'ocr_scan', %s, 0.075, '{}', %s)",
                (agent, quantity, datetime.combine(YESTERDAY, datetime.min.time(), UTC)),
            )
    monkeypatch.setenv("MINUTEBOOK_USAGE_DATABASE_URL", empty_database_url)
    for tenant, agent in (("acme", "ocr-a"), ("beta", "ocr-b")):
        house.tenant(tenant)
        house.attach(tenant, "usage_agent", agent)
    return House(house.url, Settings.from_environment(), house.sandbox)


def test_usage_of_an_unknown_agent_is_kept_beside_the_tenants_own(usage_database: House) -> None:
    outcomes = usage_database.pull(["acme", "beta"], [YESTERDAY], ["usage_metrics"])
    assert states(outcomes) == {
        ("acme", YESTERDAY): "published",
        ("beta", YESTERDAY): "published",
        (None, YESTERDAY): "published",
    }
    rows = usage_database.execute(
        "select account, usage_agent_id, quantity from raw_usage_metrics.metrics order by quantity"
    )
    assert [(row["account"], row["usage_agent_id"], row["quantity"]) for row in rows] == [
        ("acme", "ocr-a", 10),
        ("beta", "ocr-b", 20),
        ("platform", "stray", 40),
    ]


def test_an_agent_belongs_to_whom_it_was_attached_that_day(usage_database: House) -> None:
    usage_database.attach("beta", "usage_agent", "ocr-a", since=TODAY)
    usage_database.attach(None, "usage_agent", "ocr-b", since=date(2025, 6, 1))
    outcomes = usage_database.pull(["acme", "beta"], [YESTERDAY], ["usage_metrics"])
    assert states(outcomes)["beta", YESTERDAY] == "not used"
    rows = usage_database.execute("select account, usage_agent_id from raw_usage_metrics.metrics order by quantity")
    assert [(row["account"], row["usage_agent_id"]) for row in rows] == [
        ("acme", "ocr-a"),
        ("platform", "ocr-b"),
        ("platform", "stray"),
    ]
