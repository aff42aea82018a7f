"""The sandbox's answers against what the providers publish: their SDK's types, their documents, and real answers of
theirs.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox import clients
from tests.sandbox.server import Sandbox, serving
from tests.sandbox.story import Story

PUBLISHED = Path(__file__).parents[2].parent / "shared/payloads"
published = pytest.mark.skipif(not PUBLISHED.exists(), reason="the published payloads are not beside this checkout")
STORY = Story(date(2026, 3, 1))
HARBOR_KEY = {"authorization": f"Bearer {clients.HARBOR.vapi_key}"}


@pytest.fixture(scope="module")
def reported() -> Iterator[Sandbox]:
    with serving(STORY.world) as running:
        yield running


def calls_of(sandbox: Sandbox, **params: str | int) -> list[dict[str, Any]]:
    answer = httpx.get(f"{sandbox.vapi_url}/call", params=params, headers=HARBOR_KEY)
    assert answer.status_code == 200
    rows: list[dict[str, Any]] = answer.json()
    return rows


def shapes(rows: list[dict[str, Any]], *path: str) -> set[frozenset[str]]:
    """The sets of keys found at a path of the rows."""
    found: list[Any] = rows
    for name in path:
        found = [row[name] for row in found if name in row]
        found = [item for value in found for item in (value if isinstance(value, list) else [value])]
    return {frozenset(item) for item in found}


def test_every_call_is_one_to_vapis_own_sdk(reported: Sandbox) -> None:
    import vapi.types  # six seconds, which collecting the tests need not pay
    from vapi.types import Call

    rows = calls_of(reported, limit=1000)
    assert len(rows) == 1000
    for row in rows:
        Call.model_validate(row)
    kinds = {"Transcriber", "Model", "Voice", "Vapi", "Analysis", "VoicemailDetection", "KnowledgeBase"}
    names = {f"CallCostsItem_{kind}" for kind in kinds}
    assert {type(item).__name__ for row in rows for item in Call.model_validate(row).costs or []} <= names
    assert names <= set(dir(vapi.types))


@published
def test_calls_have_the_keys_of_a_real_account(reported: Sandbox) -> None:
    real = json.loads((PUBLISHED / "vapi/get_call_list_one_day_real.json").read_text())
    ours = calls_of(reported, limit=1000)
    assert shapes(ours) == shapes(real)
    for path in (["costs"], ["costBreakdown"], ["costBreakdown", "analysisCostBreakdown"], ["transport"], ["monitor"]):
        assert shapes(ours, *path) <= shapes(real, *path), path
    assert {item["type"] for row in ours for item in row.get("costs", [])} == {
        item["type"] for row in real for item in row.get("costs", [])
    }


@published
@pytest.mark.parametrize(
    ("file", "metric"),
    [
        ("v2_usage_total_interactions_official.json", "interactions"),
        ("v2_usage_unique_users_official.json", "unique_users"),
        ("v2_usage_credits_usage_official.json", "credit_usage"),
        ("v2_usage_top_intents_official.json", "top_intents"),
    ],
)
def test_voiceflow_answers_as_its_documentation_prints(reported: Sandbox, file: str, metric: str) -> None:
    official = json.loads((PUBLISHED / "voiceflow" / file).read_text())
    query = official["request"]["data"]["filter"] | {"projectID": clients.FERN.voiceflow_project}
    query.pop("endTime", None)
    answer = httpx.post(
        f"{reported.voiceflow_url}/v2/query/usage",
        json={"data": {"name": metric, "filter": query}},
        headers={"authorization": str(clients.FERN.voiceflow_key)},
    ).json()
    assert answer["result"].keys() == official["response"]["result"].keys()
    rows = "intents" if metric == "top_intents" else "items"
    assert shapes(answer["result"][rows]) == shapes(official["response"]["result"][rows])


def test_a_listing_without_a_limit_is_cut_at_100_newest_first_without_a_word(reported: Sandbox) -> None:
    rows = calls_of(reported)
    assert len(rows) == 100
    assert rows == sorted(rows, key=lambda row: row["createdAt"], reverse=True)


def test_bounds_are_inclusive_or_not_as_their_names_say(reported: Sandbox) -> None:
    at = calls_of(reported, limit=1)[0]["createdAt"]
    found = {
        bound: len(calls_of(reported, limit=10, **{f"createdAt{bound}": at})) for bound in ("Gt", "Ge", "Lt", "Le")
    }
    assert found == {"Gt": 0, "Ge": 1, "Lt": 10, "Le": 10}
    assert at not in [row["createdAt"] for row in calls_of(reported, limit=10, createdAtLt=at)]
    updated = calls_of(reported, limit=1)[0]["updatedAt"]
    assert all(row["updatedAt"] >= updated for row in calls_of(reported, limit=1000, updatedAtGe=updated))


@pytest.mark.parametrize("params", [{"limit": 1001}, {"limit": "many"}, {"page": 2}])
def test_what_vapi_does_not_offer_is_refused_in_nests_words(reported: Sandbox, params: dict[str, Any]) -> None:
    answer = httpx.get(f"{reported.vapi_url}/call", params=params, headers=HARBOR_KEY)
    assert (answer.status_code, set(answer.json())) == (400, {"message", "error", "statusCode"})


def test_a_key_opens_its_own_organisation_only(reported: Sandbox) -> None:
    assert {row["orgId"] for row in calls_of(reported, limit=1000)} == {"0d9a0000-0000-4000-8000-000000000001"}
    for key in (clients.LUMEN.vapi_key, "nobody's"):
        answer = httpx.get(f"{reported.vapi_url}/call", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code == 401


def test_voiceflow_refuses_a_key_sent_with_bearer(reported: Sandbox) -> None:
    query = {"data": {"name": "interactions", "filter": {"projectID": clients.FERN.voiceflow_project}}}
    for key, status in ((clients.FERN.voiceflow_key, 200), (f"Bearer {clients.FERN.voiceflow_key}", 401)):
        answer = httpx.post(f"{reported.voiceflow_url}/v2/query/usage", json=query, headers={"authorization": str(key)})
        assert answer.status_code == status


def test_analytics_agrees_with_the_listing(reported: Sandbox) -> None:
    day = STORY.days[3]
    span = {"start": f"{day}T00:00:00.000Z", "end": f"{day}T23:59:59.999Z", "timezone": "UTC"}
    operations = [{"operation": "count", "column": "id"}, {"operation": "sum", "column": "cost"}]
    query = {"table": "call", "name": "x", "timeRange": span, "operations": operations}
    (answer,) = httpx.post(f"{reported.vapi_url}/analytics", json={"queries": [query]}, headers=HARBOR_KEY).json()
    rows = calls_of(
        reported, limit=1000, createdAtGe=f"{day}T00:00:00Z", createdAtLt=f"{day + timedelta(days=1)}T00:00:00Z"
    )
    assert answer["result"] == [{"countId": str(len(rows)), "sumCost": pytest.approx(sum(row["cost"] for row in rows))}]
