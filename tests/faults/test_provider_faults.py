"""Every fault of a provider against the real pull: the ledger says what happened, others are done, a rerun heals."""

import asyncio
import threading
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from orchestration.ingestion import PullOutcome, running
from sources import vapi
from tests.faults.scene import Scene
from tests.ingestion.house import House, call
from tests.sandbox.faults import (
    FOREVER,
    Fault,
    altered,
    cut_body,
    ok_with,
    redirect,
    reordered,
    repeated_cursor,
    slow,
    status,
    truncated_json,
)
from tests.sandbox.world import VapiAccount, in_memory
from tests.sources.conftest import Clock

pytestmark = pytest.mark.usefixtures("november")
CALLS, USAGE = "/vapi/call", "/voiceflow/v2/query/usage"
TRANSCRIPTS = "/voiceflow/v1/transcript/project/project-of-{}"


def script(scene: Scene, tenant: str, *faults: Fault, times: int = 1, everywhere: bool = False) -> None:
    """What the provider answers this tenant, and nobody else; of its counts, or `everywhere` of its transcripts too."""
    paths = [USAGE if tenant in scene.chatters else CALLS]
    if everywhere and tenant in scene.chatters:
        paths.append(TRANSCRIPTS.format(tenant))
    key = scene.key_of(tenant)
    for path in paths:
        scene.house.sandbox.faults.script(path, *faults, times=times, when=lambda received: received.key == key)


def failures(outcomes: list[PullOutcome]) -> set[tuple[str | None, str | None, bool | None]]:
    return {(one.tenant_id, one.cause_code, one.is_permanent) for one in outcomes if one.is_failed}


# By a tenant of the same name: the fault, and the cause the ledger is told when it lasts.
PERMANENT = {
    "status-401": (status(401), "credential_rejected"),
    "status-403": (status(403), "credential_rejected"),
    "status-404": (status(404), "provider_refused"),
    "redirect": (redirect("https://elsewhere.example/call"), "provider_refused"),
    "another-shape": (ok_with({"answers": []}), "contract_broken"),
}
TRANSIENT = {
    "status-408": (status(408), "provider_down"),
    "status-409": (status(409), "provider_down"),
    "status-429": (status(429), "rate_limited"),
    "status-429-retry-after": (status(429, retry_after=2), "rate_limited"),
    "status-500": (status(500), "provider_down"),
    "status-502": (status(502, body=b"<html>Bad Gateway</html>"), "provider_down"),
    "status-503-retry-after": (status(503, retry_after=2), "provider_down"),
    "status-504": (status(504), "provider_down"),
    "cut-in-the-body": (cut_body(), "provider_down"),
    "truncated-json": (truncated_json(), "provider_down"),
    "page-in-200": (ok_with(b"<html>we are down</html>"), "provider_down"),
    "page-in-403": (status(403, body=b"<html>Access denied</html>"), "provider_down"),
    "error-in-200": (ok_with({"statusCode": 500, "message": "no"}), "provider_down"),
    "null-in-200": (ok_with(b"null"), "provider_down"),
    "status-204": (status(204, body=b""), "provider_down"),
}
REJECTED = {"status-401", "status-403"}
FAULTS = PERMANENT | TRANSIENT | {"status-429-for-an-hour": (status(429, retry_after=3600), "rate_limited")}


@pytest.fixture(params=["voice", "chat"])
def everyone(request: pytest.FixtureRequest, house: House, clock: Clock) -> Scene:
    """A tenant per fault, named after it, and two whom nothing befalls."""
    named = [*FAULTS, "well", "weller"]
    talkers, chatters = (named, []) if request.param == "voice" else ([], named)
    return Scene.set(house, talkers, chatters, [date(2026, 11, 1), date(2026, 11, 2)], calls_per_day=3)


def test_a_fault_that_lasts_fails_its_tenant_alone_with_its_cause_and_a_rerun_heals(everyone: Scene) -> None:
    undisturbed = everyone.undisturbed()
    for tenant, (fault, _) in FAULTS.items():
        script(everyone, tenant, fault, times=FOREVER, everywhere=True)
    assert failures(everyone.pull()) == {(name, code, name in PERMANENT) for name, (_, code) in FAULTS.items()}
    assert everyone.published() == [row for row in undisturbed if row["account"] not in FAULTS]
    failed = [row for row in everyone.house.ledger() if row["state"] == "failed"]
    sources = ("vapi",) if everyone.talkers else ("voiceflow", "voiceflow_transcripts")
    assert {(row["source"], row["account"], row["usage_date"]) for row in failed} == {
        (source, name, day) for source in sources for name in FAULTS for day in everyone.days
    }
    assert not [row for row in failed if "private-key" in row["cause"] or "VF.DM" in row["cause"]]

    everyone.house.sandbox.faults.clear()
    assert failures(everyone.pull()) == set()
    assert everyone.published() == undisturbed


def test_a_fault_that_passes_costs_only_another_question(everyone: Scene) -> None:
    undisturbed = everyone.undisturbed()
    once_or_twice = TRANSIENT | {name: fault for name, fault in PERMANENT.items() if name not in REJECTED}
    for tenant, (fault, _) in once_or_twice.items():
        script(everyone, tenant, fault, times=2, everywhere=True)
    assert failures(everyone.pull()) == set()
    assert everyone.published() == undisturbed
    asked: dict[str, list[int]] = {}
    for row in everyone.house.ledger():
        asked.setdefault(row["account"], []).append(row["requests"])
    repeated = {name: sum(requests) - sum(asked["well"]) for name, requests in asked.items()}
    sources = 1 if everyone.talkers else 2
    assert repeated == {name: 2 * sources if name in once_or_twice else 0 for name in everyone.tenants}


def test_retries_are_bounded_and_wait_as_long_as_they_are_told(scene: Scene, clock: Clock) -> None:
    script(scene, "beta", status(429, retry_after=17), times=1)
    scene.pull()
    assert sum(clock.slept) == pytest.approx(17)
    scene.forget()
    scene.house.sandbox.received.clear()
    script(scene, "beta", status(503), times=FOREVER)
    scene.pull()
    asked = [received for received in scene.house.sandbox.asked(CALLS) if received.key == scene.key_of("beta")]
    assert len(asked) == 6 * len(scene.days)
    assert [row["requests"] for row in scene.house.ledger() if row["state"] == "failed"] == [6] * len(scene.days)


def test_a_rejected_key_is_not_tried_day_after_day(scene: Scene) -> None:
    days = [datetime(2026, 10, day, tzinfo=UTC).date() for day in range(1, 31)]
    script(scene, "acme", status(401), times=FOREVER)
    outcomes = scene.house.pull(["acme"], days)
    assert failures(outcomes) == {("acme", "credential_rejected", True)}
    assert len(outcomes) == 30
    assert len(scene.house.sandbox.asked(CALLS)) <= 8  # those that were under way when the first was refused


def test_a_cursor_that_leads_nowhere_fails_the_day_instead_of_turning_in_circles(scene: Scene) -> None:
    undisturbed = scene.undisturbed()
    script(scene, "fern", repeated_cursor(), times=FOREVER)
    assert failures(scene.pull()) == {("fern", "pull_truncated", True)}
    scene.house.sandbox.faults.clear()
    scene.pull()
    assert scene.published() == undisturbed


def test_an_order_that_changes_while_paging_changes_nothing(scene: Scene) -> None:
    undisturbed = scene.undisturbed()
    for tenant in ("beta", "fern"):
        script(scene, tenant, Fault(), reordered(), times=FOREVER)
    assert failures(scene.pull()) == set()
    assert scene.published() == undisturbed


def test_a_row_reported_twice_by_overlapping_pages_counts_once(scene: Scene) -> None:
    undisturbed = scene.undisturbed()

    def twice(answer: Any) -> Any:
        rows = answer if isinstance(answer, list) else answer["result"].get("items", [])
        rows.extend(rows[:1])
        return answer

    for tenant in ("beta", "fern"):
        script(scene, tenant, altered(twice), times=FOREVER)
    scene.pull()
    assert scene.published() == undisturbed


def crowded(number: int, scene: Scene) -> list[dict[str, Any]]:
    """So many calls of the first day in one millisecond, which is where pages would be cut; others around it."""
    noon = datetime.combine(scene.days[0], time(12), tzinfo=UTC)
    return [call(f"c-{n:04d}", noon.date(), seconds=None) for n in range(number)]


def test_many_calls_on_one_millisecond_at_the_edge_of_a_page_are_all_kept(scene: Scene) -> None:
    calls = crowded(998, scene)
    calls += [call(f"d-{n}", scene.days[0], createdAt=f"{scene.days[0]}T12:00:00.00{n}Z") for n in range(1, 10)]
    scene.house.sandbox.world.vapi["private-key-of-beta-at-vapi"] = VapiAccount(in_memory(calls))
    (outcome,) = scene.house.pull(["beta"], scene.days[:1])
    assert (outcome.state, outcome.rows) == ("published", 1007)
    assert outcome.windows > 1
    assert scene.house.current_calls() == {one["id"] for one in calls}


def test_a_millisecond_that_fills_an_answer_is_refused_since_nobody_can_see_behind_it(scene: Scene) -> None:
    scene.house.sandbox.world.vapi["private-key-of-beta-at-vapi"] = VapiAccount(in_memory(crowded(1001, scene)))
    outcomes = scene.house.pull(["acme", "beta"], scene.days[:1])
    assert failures(outcomes) == {("beta", "pull_truncated", True)}
    assert scene.house.current_calls() == {
        row["call_id"] for row in scene.house.execute("select call_id from raw_vapi.calls where account = 'acme'")
    }


def test_slow_providers_hold_up_nobody_else(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """acme's and beta's answers wait until gamma is published: were it to wait for them, none would arrive. Together
    their shares are all the threads there are, and they come first.
    """
    monkeypatch.setattr(running, "LONGEST_UNLANDED", 0.1)
    days = [date(2026, 10, 1) + timedelta(days=n) for n in range(12)]  # more than there are threads to read them
    release = threading.Event()
    came: list[bool] = []

    async def hold() -> None:
        came.append(await asyncio.to_thread(release.wait, 30))

    for tenant in ("acme", "beta"):
        script(scene, tenant, slow(hold), times=FOREVER)
    waited_for = {("gamma", day) for day in days}

    def settled(outcome: PullOutcome) -> None:
        waited_for.discard((outcome.tenant_id or "", outcome.usage_date))
        if not waited_for:
            release.set()

    outcomes = scene.house.pull(scene.talkers, days, on_progress=settled)
    assert failures(outcomes) == set()
    assert came
    assert all(came)


def test_accounts_that_share_a_key_share_its_budget(scene: Scene) -> None:
    """More threads read than a key may have questions under way: those of two accounts count together."""
    for tenant in ("acme", "beta"):
        scene.house.credential(tenant, "vapi", "one-key-of-two-tenants")
    scene.house.sandbox.world.vapi["one-key-of-two-tenants"] = VapiAccount(in_memory([]))
    under_way, most = 0, 0

    async def linger() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1

    for path in (CALLS, "/vapi/analytics"):
        scene.house.sandbox.faults.script(path, slow(linger), times=FOREVER)
    days = [date(2026, 10, 1) + timedelta(days=n) for n in range(6)]
    assert failures(scene.house.pull(["acme", "beta"], days)) == set()
    assert 1 < most <= vapi.CONCURRENCY


def test_a_count_that_differs_from_the_providers_own_fails_the_day_until_somebody_accepts_it(scene: Scene) -> None:
    def one_more(answer: Any) -> Any:
        row = answer[0]["result"][0]
        return [{**answer[0], "result": [{**row, "countId": int(row["countId"]) + 1}]}]

    key = scene.key_of("beta")
    faults = scene.house.sandbox.faults
    faults.script("/vapi/analytics", altered(one_more), times=FOREVER, when=lambda received: received.key == key)
    assert failures(scene.pull()) == {("beta", "totals_disagree", False)}
    ledger = scene.house.ledger()
    assert {row["cause"][:40] for row in ledger if row["account"] == "beta"} == {
        "vapi lists 7 calls and counts 8 in its o"
    }
    assert failures(scene.pull(accept_loss=True, accept_unconfirmed=True)) == {("beta", "totals_disagree", False)}
    assert failures(scene.pull(accept_count=True)) == set()


def test_a_type_that_flips_is_refused_and_a_new_column_is_named_and_not_kept(scene: Scene) -> None:
    def with_news(answer: Any) -> Any:
        rows = answer if isinstance(answer, list) else answer["result"].get("items", [])
        rows[:] = [{**one, "carbonGrams": 1.25} for one in rows]
        return answer

    def flipped(answer: Any) -> Any:
        rows, number = (answer, "cost") if isinstance(answer, list) else (answer["result"].get("items", []), "count")
        rows[:] = [{**one, number: str(one[number])} for one in rows]
        return answer

    for tenant in ("acme", "fern"):
        script(scene, tenant, altered(with_news), times=FOREVER)
    script(scene, "beta", altered(flipped), times=FOREVER)
    assert failures(scene.pull()) == {("beta", "contract_broken", True)}
    for table, tenant in (("raw_vapi.calls", "acme"), ("raw_voiceflow.usage", "fern")):
        kept = scene.house.execute(
            f"select distinct payload ->> 'carbonGrams' as grams from {table} where account = %s", tenant
        )
        assert kept == [{"grams": None}]
    named = scene.house.execute("select source from ledger.new_fields where field = 'carbonGrams'")
    assert {row["source"] for row in named} == {"vapi", "voiceflow"}
    scene.house.sandbox.faults.clear()
    script(scene, "fern", altered(flipped), times=FOREVER)
    before = scene.published()
    assert failures(scene.pull()) == {("fern", "contract_broken", True)}
    assert [row for row in scene.published() if row["account"] == "fern"] == [
        row for row in before if row["account"] == "fern"
    ]
