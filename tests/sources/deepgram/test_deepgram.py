"""Deepgram's bill: a set of tags is one scope, a day is one day, and each trap of its answers."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sources import deepgram
from sources.day import Day
from sources.deepgram.client import DeepgramClient
from sources.errors import ContractBroken, CredentialRejected, NotConfigured, NotYetReported, ProviderRefused
from sources.reading import SUMMED, Reading
from tests.sandbox.deepgram import Project, row
from tests.sandbox.faults import FOREVER, altered, cut_body, ok_with, status
from tests.sandbox.server import Sandbox
from tests.sources.access import UnhurriedAccess

KEY = "deepgram-key-0123456789"
DAY = date(2026, 10, 5)
PATH = "/deepgram/v1/projects/p1/billing/breakdown"
PAYLOADS = Path(__file__).parents[4] / "shared/payloads/deepgram"


@pytest.fixture
def project(sandbox: Sandbox) -> Project:
    sandbox.world.deepgram["p1"] = Project(KEY)
    return sandbox.world.deepgram["p1"]


def opened(sandbox: Sandbox, key: str = KEY, **settings: str) -> DeepgramClient:
    known = {"project_id": "p1"} | settings
    return deepgram.connect(UnhurriedAccess(key, known, sandbox.url_of("deepgram")))


@pytest.fixture
def client(sandbox: Sandbox, project: Project) -> Iterator[DeepgramClient]:
    with closing(opened(sandbox)) as client:
        yield client


def lines(reading: Reading) -> list[tuple[Any, ...]]:
    names = ("scope_kind", "scope_ref", "line_item", "amount")
    return sorted(tuple(one[name] for name in names) for one in reading.table.to_pylist())


def test_a_set_of_tags_is_one_scope_and_one_line(client: DeepgramClient, project: Project) -> None:
    project.rows[DAY] = [row("0.25", tags=["tag2", "tag1"])]
    found = deepgram.read(client, Day(DAY))
    assert lines(found) == [("deepgram_tags", '["tag1","tag2"]', "streaming::nova-3", "0.25")]
    (one,) = found.table.to_pylist()
    assert (one["currency"], one["amount_unit"], one["amount_told"], one["service"]) == (
        "USD",
        "dollars",
        "0.25",
        "stt",
    )
    assert found.totals["amount"] == Decimal("0.25"), "neither 25 nor 0.50, once for each tag"


def test_the_finest_of_tags_key_and_project_says_whose_a_line_is(sandbox: Sandbox, project: Project) -> None:
    project.rows[DAY] = [row("1", tags=["t"]), row("2"), row("4", accessor=None, tags=None)]
    by_scope = {}
    for scope in ("tags", "key", "project"):
        with closing(opened(sandbox, scope=scope)) as client:
            by_scope[scope] = [one[:2] + one[3:] for one in lines(deepgram.read(client, Day(DAY)))]
    key, whole = ("deepgram_key", "key-1"), ("deepgram_project", "p1")
    assert by_scope["tags"] == [(*key, "2"), (*whole, "4"), ("deepgram_tags", '["t"]', "1")]
    assert by_scope["key"] == [(*key, "3"), (*whole, "4")]
    assert by_scope["project"] == [(*whole, "7")]


def test_lines_that_nothing_tells_apart_are_added_up_and_counted(client: DeepgramClient, project: Project) -> None:
    project.rows[DAY] = [row("1"), row("2", deployment="self-hosted")]
    found = deepgram.read(client, Day(DAY))
    assert [one[3] for one in lines(found)] == ["3"]
    assert found.totals[SUMMED] == 1
    assert '"deployment":"self-hosted"' in found.table["payload"][0].as_py()


@pytest.mark.parametrize("counts_end", [True, False])
def test_a_day_is_its_own_rows_whether_the_end_is_in_the_answer_or_not(
    client: DeepgramClient, project: Project, sandbox: Sandbox, counts_end: bool
) -> None:
    project.counts_end = counts_end
    project.rows = {DAY + timedelta(days=n): [row(str(n + 2))] for n in (-1, 0, 1)}
    assert [one[3] for one in lines(deepgram.read(client, Day(DAY)))] == ["2"]
    (asked,) = sandbox.asked(PATH)
    groups = ("accessor", "deployment", "line_item", "tags")
    assert asked.query == (("start", "2026-10-05"), ("end", "2026-10-06"), *(("grouping", group) for group in groups))
    assert asked.key == f"Token {KEY}"


def test_a_day_without_results_cost_nothing_and_one_outside_the_answer_is_unknown(
    client: DeepgramClient, sandbox: Sandbox
) -> None:
    assert deepgram.read(client, Day(DAY)).table.num_rows == 0
    earlier = {"start": "2026-10-01", "end": "2026-10-04", "results": []}
    sandbox.faults.script(PATH, ok_with(earlier), times=FOREVER)
    with pytest.raises(NotYetReported):
        deepgram.read(client, Day(DAY))


@pytest.mark.parametrize(
    "wrong",
    [
        {"dollars": None}, {"dollars": "dear"}, {"dollars": True}, {"grouping": None},
        {"grouping": {"start": "2026-10-05", "end": "2026-10-07", "accessor": "k", "line_item": "x", "tags": []}},
        {"grouping": {"start": "2026-10-05", "end": "2026-10-05", "accessor": "k", "line_item": None, "tags": []}},
        # Of another day, which has it already, and of one that is written otherwise.
        {"grouping": {"start": "2026-10-04", "end": "2026-10-04", "accessor": "k", "line_item": "x", "tags": []}},
        {"grouping": {"start": "2026-10-06T00:00:00Z", "end": "2026-10-06T00:00:00Z", "accessor": "k",
                      "line_item": "x", "tags": []}},
    ],
)  # fmt: skip
def test_a_line_that_breaks_the_contract_is_set_aside_by_itself(
    client: DeepgramClient, project: Project, sandbox: Sandbox, wrong: dict[str, Any]
) -> None:
    project.rows[DAY] = [row("0.25")]

    def add(answer: Any) -> Any:
        answer["results"].append(answer["results"][0] | wrong)
        return answer

    sandbox.faults.script(PATH, altered(add))
    found = deepgram.read(client, Day(DAY))
    assert [one[3] for one in lines(found)] == ["0.25"]
    assert len(found.quarantined) == 1


def test_a_credit_is_negative_and_every_digit_stays(client: DeepgramClient, project: Project) -> None:
    project.rows[DAY] = [row("-0.10"), row("0.12345678901234567890123", line_item="sync::aura-2")]
    assert [(one[2], one[3]) for one in lines(deepgram.read(client, Day(DAY)))] == [
        ("streaming::nova-3", "-0.10"), ("sync::aura-2", "0.12345678901234567890123"),
    ]  # fmt: skip


def test_each_refusal_says_what_it_means(sandbox: Sandbox, project: Project, client: DeepgramClient) -> None:
    assert deepgram.verify(client, ()) == "the bill of project p1 can be read"
    with pytest.raises(CredentialRejected, match=r"401: Invalid credentials.; the key is not accepted"):
        deepgram.verify(opened(sandbox, "another-key-0123456789"), ())
    with pytest.raises(ProviderRefused, match=r"404: Project not found.; the project is not there"):
        deepgram.verify(opened(sandbox, project_id="p2"), ())
    project.may_read_billing = False
    with pytest.raises(CredentialRejected, match=r"403: .*give it the scope billing:read"):
        deepgram.verify(client, ())
    with pytest.raises(NotConfigured, match="project_id"):
        deepgram.connect(UnhurriedAccess(KEY, {}, sandbox.url_of("deepgram")))


def test_a_parameter_that_deepgram_does_not_know_is_refused(client: DeepgramClient) -> None:
    with pytest.raises(ProviderRefused, match="Unknown parameter"):
        client.get("/v1/projects/p1/billing/breakdown", lambda body: body, {"group_by": "tags"})


def test_what_passes_is_asked_again_and_a_wrong_shape_is_no_empty_day(
    client: DeepgramClient, project: Project, sandbox: Sandbox
) -> None:
    project.rows[DAY] = [row("0.25")]
    sandbox.faults.script(PATH, status(429, retry_after=3), cut_body(), status(502))
    assert len(lines(deepgram.read(client, Day(DAY)))) == 1
    sandbox.faults.script(PATH, ok_with({"start": "2026-10-05", "end": "2026-10-06"}), times=FOREVER)
    with pytest.raises(ContractBroken):
        deepgram.read(client, Day(DAY))


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the published payloads are not here")
def test_the_official_answer_is_one_line_of_one_scope(client: DeepgramClient, sandbox: Sandbox) -> None:
    answer = msgspec.json.decode((PAYLOADS / "billing_breakdown_official.json").read_bytes())
    sandbox.faults.script(PATH, ok_with(answer))
    found = deepgram.read(client, Day(date(2025, 1, 16)))
    assert lines(found) == [("deepgram_tags", '["tag1","tag2"]', "streaming::nova-3", "0.25")]
    assert found.new_fields == frozenset()
    fields = msgspec.json.decode((PAYLOADS / "billing_fields_official.json").read_bytes())
    assert {deepgram.costs.service_of(item) for item in fields["line_items"]} == {"stt", "tts"}
