"""The story's totals, and that what the sandbox tells, read by the sources, adds up to them."""

import json
import signal
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from sources import usage_metrics, vapi, voiceflow
from sources.errors import CredentialRejected
from sources.personal import Choices
from sources.reading import Reading
from sources.voiceflow import Project
from tests.sandbox import clients
from tests.sandbox.crowd import crowd, crowd_key
from tests.sandbox.server import Sandbox, serving
from tests.sandbox.story import MetricRow, Story
from tests.sandbox.usage_database import write_usage
from tests.sandbox.voiceflow.chat import LIVE

MONTH = date(2026, 3, 1)


def read(sandbox: Sandbox, key: str | None, day: date) -> Reading:
    with vapi.client(str(key), sandbox.vapi_url) as client:
        return vapi.read_day(client, day, choices_of=lambda scopes: Choices())


def test_a_story_is_the_same_every_time_and_another_with_another_seed() -> None:
    assert Story(MONTH).totals("harbor-dental") == Story(MONTH).totals("harbor-dental")
    assert Story(MONTH).totals("harbor-dental") != Story(MONTH, seed=2).totals("harbor-dental")


@pytest.mark.parametrize("first", [date(2026, 3, 1), date(2025, 12, 1), date(2024, 1, 1)])
def test_three_full_months_whatever_the_first(first: date) -> None:
    story = Story(first)
    assert story.days[0] == first
    assert (story.days[-1] + timedelta(days=1)).day == 1
    assert [len(story.days_of(month)) for month in range(3)] == [(end - start).days for start, end in story.months]


def test_about_one_call_in_eight_never_connects_and_costs_nothing() -> None:
    story = Story(MONTH)
    total = story.totals("harbor-dental")
    assert 0.08 < 1 - total.connected / total.calls < 0.16
    assert all(
        spec.exact_cost == 0 for day in story.days for spec in story.calls("harbor-dental", day) if not spec.seconds
    )
    assert max(len(str(spec.exact_cost)) for day in story.days for spec in story.calls("harbor-dental", day)) > 15


def test_harbor_and_fern_exceed_their_allowances_every_month_and_the_office_never() -> None:
    story = Story(MONTH)
    for month in range(3):
        assert story.overage("harbor-dental", month)[0] > 0
        assert story.overage("fern-books", month)[0] > 0
        assert story.overage("corner-office", month) == (0, Decimal(0))


def test_the_published_example_is_400_minutes_at_ten_and_thirty_cents() -> None:
    story = Story(MONTH)
    for month, cost in enumerate((Decimal(40), Decimal(120), Decimal(40))):
        total = story.totals("corner-office", *story.days_of(month))
        assert (total.minutes, total.cost, total.rounded_cost) == (400, cost, cost)
        rows = [row for row in story.metric_rows if row.created_at.date() in story.days_of(month)]
        office = [row for row in rows if row.agent_id == "agent-corner-office"]
        assert sum(row.quantity for row in office if row.metric_type == "ocr_scan") == 10
        assert sum(row.quantity for row in office if row.metric_type == "directory_lookup") == 100
        assert sum(row.cost_usd or 0 for row in office) == Decimal("0.75")
    assert sum(cost.monthly_amount for cost in clients.FIXED_COSTS) / len(clients.TENANTS) == 25


def test_every_day_read_through_the_sources_adds_up_to_the_story() -> None:
    story = Story(MONTH)
    accounts: dict[str | None, list[str | None]] = {
        clients.HARBOR.vapi_key: ["harbor-dental"],
        clients.PLATFORM_VAPI_KEY: ["atlas-motors", "birch-clinic", "corner-office", None],
    }
    with serving(story.world) as sandbox:
        for key, tenants in accounts.items():
            for day in story.days[::9]:
                reading = read(sandbox, key, day)
                expected = [story.totals(tenant, day) for tenant in tenants]
                assert reading.totals["calls"] == sum(total.calls for total in expected)
                assert reading.totals["costs"] == sum(total.cost for total in expected)
                assert reading.totals["cost"] == sum(total.rounded_cost for total in expected)
                connected = len(reading.keys) - reading.table.column("started_at").null_count
                assert connected == sum(total.connected for total in expected)
                assert "spoken" not in "".join(reading.table.column("payload").to_pylist())


def test_calls_are_routed_by_number_first_and_some_belong_to_nobody() -> None:
    story = Story(MONTH)
    routes = {value: tenant.tenant_id for tenant in clients.TENANTS for _, value in tenant.attachments}
    disputed = 0
    with serving(story.world) as sandbox:
        for day in story.days[:10]:
            reading = read(sandbox, clients.PLATFORM_VAPI_KEY, day)
            for call in reading.table.to_pylist():
                by_number, by_assistant = routes.get(call["phone_number_id"]), routes.get(call["assistant_id"])
                disputed += bool(by_number and by_assistant)
                assert call["call_id"] in {spec.call_id for spec in story.calls(by_number or by_assistant, day)}
    assert disputed
    assert story.totals(None).calls


def test_chat_adds_up_to_live_production_traffic() -> None:
    story = Story(MONTH)
    with (
        serving(story.world) as sandbox,
        voiceflow.client(str(clients.FERN.voiceflow_key), sandbox.voiceflow_url) as client,
    ):
        for day in story.days[::15]:
            rows = voiceflow.read_day(client, day, [Project(str(clients.FERN.voiceflow_project))]).table.to_pylist()
            reported = [row for row in rows if row["metric"] == "interactions"]
            billed = [row for row in reported if row["environment_id"] == "production" and row["usage_type"] == LIVE]
            assert sum(row["quantity"] for row in billed) == story.interactions(day)
            assert len(billed) < len(reported)


def test_the_revoked_key_is_rejected() -> None:
    story = Story(MONTH)
    with serving(story.world) as sandbox, pytest.raises(CredentialRejected):
        read(sandbox, clients.LUMEN.vapi_key, story.days[0])


def test_a_day_is_restated_and_another_emptied_only_when_told() -> None:
    story = Story(MONTH)
    with serving(story.world) as sandbox:
        restated, emptied = (
            read(sandbox, clients.HARBOR.vapi_key, day) for day in (story.restated_day, story.emptied_day)
        )
        again = read(sandbox, clients.HARBOR.vapi_key, story.restated_day)
        before = story.totals("harbor-dental", story.restated_day)
        assert again.content_hash == restated.content_hash
        assert emptied.table.num_rows
        story.restate()
        story.empty_a_day()
        changed = read(sandbox, clients.HARBOR.vapi_key, story.restated_day)
        after = story.totals("harbor-dental", story.restated_day)
        assert changed.content_hash != restated.content_hash
        assert changed.keys > restated.keys
        assert (changed.totals["calls"], changed.totals["costs"]) == (Decimal(after.calls), after.cost)
        assert after.minutes > before.minutes + 13
        assert read(sandbox, clients.HARBOR.vapi_key, story.emptied_day).table.num_rows == 0
        assert story.totals("harbor-dental", story.emptied_day).calls == 0


def test_the_usage_database_holds_the_storys_rows(empty_database_url: str) -> None:
    story = Story(MONTH)
    write_usage(empty_database_url, story.metric_rows)
    engine = usage_metrics.open_engine(empty_database_url)
    office = usage_metrics.read_day(engine, story.first_day, ["agent-corner-office"], Choices())
    assert office.totals == {"rows": 2, "quantity": 6, "cost": Decimal("0.075")}
    stray = usage_metrics.read_unrouted_day(engine, story.first_day, ["agent-corner-office"])
    assert stray.table.column("usage_agent_id").to_pylist() == [clients.FORGOTTEN_AGENT]
    engine.dispose()
    assert isinstance(story.metric_rows[0], MetricRow)


def test_a_crowd_has_as_many_calls_as_asked_for() -> None:
    with serving(crowd(tenants=3, calls_per_day=250)) as sandbox:
        readings = [read(sandbox, crowd_key(number), MONTH) for number in range(3)]
    assert [reading.table.num_rows for reading in readings] == [250] * 3
    assert len(frozenset().union(*(reading.keys for reading in readings))) == 750


def test_the_sandbox_starts_alone_and_says_how_to_ask_it() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sandbox", "2026-03"],
        cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip().removeprefix("export MINUTEBOOK_VAPI_URL=")
        answer = httpx.get(
            f"{url}/call", params={"limit": 1}, headers={"authorization": f"Bearer {clients.HARBOR.vapi_key}"}
        )
        assert len(json.loads(answer.text)) == 1
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
