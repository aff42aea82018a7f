"""OpenAI's costs: what is asked, what a day is made of, and each trap of its answers."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sources import openai
from sources.day import Attachment, Day, Scope, Scopes
from sources.errors import ContractBroken, CredentialRejected, NotYetReported, ProviderRefused
from sources.openai.client import OpenAIClient
from sources.openai.services import service_of
from sources.reading import SUMMED, Reading
from sources.rows import parser
from tests.sandbox.faults import altered, ok_with, status
from tests.sandbox.openai import Organization
from tests.sandbox.server import Sandbox
from tests.sources.access import UnhurriedAccess

KEY = "sk-admin-0123456789"
DAY = date(2026, 10, 5)
COSTS = "/openai/organization/costs"
OFFICIAL = Path(__file__).parents[4] / "shared/payloads/openai/organization_costs_official.json"


@pytest.fixture
def organization(sandbox: Sandbox) -> Organization:
    sandbox.world.openai[KEY] = Organization(projects={"proj_a": "Acme", "proj_b": "Globex"})
    return sandbox.world.openai[KEY]


@pytest.fixture
def client(sandbox: Sandbox, organization: Organization) -> Iterator[OpenAIClient]:
    with closing(opened(sandbox)) as client:
        yield client


def opened(sandbox: Sandbox, key: str = KEY, **settings: str) -> OpenAIClient:
    return openai.connect(UnhurriedAccess(key, settings, sandbox.url_of("openai")))


def line(item: str | None, value: object, project: str | None = "proj_a", **more: Any) -> dict[str, Any]:
    return {"amount": {"value": value, "currency": "usd"}, "line_item": item, "project_id": project, **more}


def rows(reading: Reading, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in reading.table.to_pylist()]


def test_one_utc_day_is_asked_by_project_and_line_item_with_its_end_left_out(
    sandbox: Sandbox, client: OpenAIClient
) -> None:
    openai.read(client, Day(DAY))
    (asked,) = sandbox.asked(COSTS)
    start = int(datetime(2026, 10, 5, tzinfo=UTC).timestamp())
    assert (asked.params["start_time"], asked.params["end_time"]) == (str(start), str(start + 86400))
    assert (asked.params["bucket_width"], asked.params["limit"]) == ("1d", "180")
    assert [value for name, value in asked.query if name == "group_by[]"] == ["project_id", "line_item"]


def test_lines_keep_project_words_dollars_and_quantity(client: OpenAIClient, organization: Organization) -> None:
    organization.lines[DAY] = [
        line("gpt-4o-mini, input", 10.1425634, quantity=1234.5, quantity_unit="1000_tokens"),
        line("Web search tool calls", 0.06, None),
    ]
    found = openai.read(client, Day(DAY))
    assert rows(found, "scope_kind", "scope_ref", "service", "line_item", "amount", "currency") == [
        ("openai_project", "proj_a", "llm", "gpt-4o-mini, input", "10.1425634", "USD"),
        (None, None, "platform", "Web search tool calls", "0.06", "USD"),
    ]
    assert rows(found, "quantity", "quantity_unit") == [("1234.5", "1000_tokens"), (None, None)]
    assert found.totals["amount"] == Decimal("10.2025634")


@pytest.mark.parametrize(
    ("value", "amount", "literal"),
    [
        ("2.25", "2.25", "2.25"),
        (2.25, "2.25", "2.25"),
        (1, "1", "1"),
        ("-3.5", "-3.5", "-3.5"),
        ("1e-5", "0.00001", "1e-5"),
        (1e-5, "0.00001", "0.00001"),
        ("2.5E+3", "2500", "2.5E+3"),
    ],
)
def test_dollars_are_taken_as_number_or_text_and_never_as_cents(
    client: OpenAIClient, organization: Organization, value: object, amount: str, literal: str
) -> None:
    organization.lines[DAY] = [line("gpt-4o, input", value)]
    found = openai.read(client, Day(DAY))
    assert rows(found, "amount", "amount_told", "amount_unit") == [(amount, literal, "dollars")]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", "1e-60", "1,234.56", "", "1_000", " 1", "１２"])
def test_a_text_that_is_no_plain_number_is_set_aside_by_itself(
    client: OpenAIClient, organization: Organization, value: str
) -> None:
    organization.lines[DAY] = [line("gpt-4o, input", value), line("gpt-4o, output", "2")]
    found = openai.read(client, Day(DAY))
    assert (rows(found, "amount"), len(found.quarantined)) == ([("2",)], 1)


def test_an_amount_that_is_not_named_is_unknown_and_not_zero(client: OpenAIClient, organization: Organization) -> None:
    organization.lines[DAY] = [{**line("gpt-4o, input", 1, quantity=5, quantity_unit="tokens"), "amount": None}]
    found = openai.read(client, Day(DAY))
    assert rows(found, "amount", "currency", "amount_told", "quantity") == [(None, None, None, "5")]
    assert "amount" not in found.totals


def test_an_empty_bucket_is_a_day_without_cost(client: OpenAIClient) -> None:
    found = openai.read(client, Day(DAY))
    assert (found.table.num_rows, found.is_whole) == (0, True)


def test_a_missing_bucket_is_an_unknown_day(client: OpenAIClient, organization: Organization) -> None:
    organization.missing.add(DAY)
    with pytest.raises(NotYetReported, match="not known yet"):
        openai.read(client, Day(DAY))


def test_a_bucket_of_another_day_is_not_this_days(sandbox: Sandbox, client: OpenAIClient) -> None:
    def moved(answer: Any) -> Any:
        answer["data"][0]["start_time"] += 86400
        return answer

    sandbox.faults.script(COSTS, altered(moved))
    with pytest.raises(NotYetReported):
        openai.read(client, Day(DAY))


def test_the_older_name_of_results_is_known_and_none_at_all_is_a_broken_contract(
    sandbox: Sandbox, client: OpenAIClient, organization: Organization
) -> None:
    organization.lines[DAY] = [line("gpt-4o, input", 1)]

    def renamed(answer: Any) -> Any:
        answer["data"][0]["result"] = answer["data"][0].pop("results")
        return answer

    def unnamed(answer: Any) -> Any:
        del answer["data"][0]["results"]
        return answer

    sandbox.faults.script(COSTS, altered(renamed), altered(unnamed))
    assert openai.read(client, Day(DAY)).table.num_rows == 1
    with pytest.raises(ContractBroken):
        openai.read(client, Day(DAY))


def test_lines_on_later_pages_are_read(sandbox: Sandbox, client: OpenAIClient, organization: Organization) -> None:
    organization.lines[DAY] = [line("gpt-4o, input", 1)]

    def more(answer: Any) -> Any:
        return answer | {"has_more": True, "next_page": "page_0"}

    sandbox.faults.script(COSTS, altered(more))
    found = openai.read(client, Day(DAY))
    assert [asked.params.get("page") for asked in sandbox.asked(COSTS)] == [None, "page_0"]
    assert rows(found, "amount") == [
        ("2",)
    ]  # the sandbox has one page: it comes twice, and nothing tells its lines apart


@pytest.mark.parametrize("token", [None, "page_0"])
def test_more_pages_without_a_new_token_fail_the_day(sandbox: Sandbox, client: OpenAIClient, token: str | None) -> None:
    def more(answer: Any) -> Any:
        return answer | {"has_more": True, "next_page": token}

    sandbox.faults.script(COSTS, altered(more), altered(more))
    with pytest.raises(ContractBroken, match="no new one is named"):
        openai.read(client, Day(DAY))


def test_a_later_page_that_is_refused_publishes_nothing_of_the_day(
    sandbox: Sandbox, client: OpenAIClient, organization: Organization
) -> None:
    organization.lines[DAY] = [line("gpt-4o, input", 1)]
    more = altered(lambda answer: answer | {"has_more": True, "next_page": "page_1"})
    sandbox.faults.script(COSTS, more, status(400, body={"error": {"message": "group_by refused"}}), *[status(400)] * 2)
    with pytest.raises(ProviderRefused, match=r"group_by refused|fault 400"):
        openai.read(client, Day(DAY))


def test_lines_that_nothing_tells_apart_are_added_up_and_counted(
    client: OpenAIClient, organization: Organization
) -> None:
    organization.lines[DAY] = [line("gpt-4o, input", 1.1), line("gpt-4o, input", "0.4"), line("gpt-4o, output", 1)]
    found = openai.read(client, Day(DAY))
    assert rows(found, "line_item", "amount") == [("gpt-4o, input", "1.5"), ("gpt-4o, output", "1")]
    assert found.totals[SUMMED] == 1


def test_fields_of_no_contract_are_dropped_and_named(client: OpenAIClient, organization: Organization) -> None:
    organization.lines[DAY] = [
        line("gpt-4o, input", 1, organization_name="Acme", api_key="sk-1", organization_id="org-1")
    ]
    found = openai.read(client, Day(DAY))
    ((payload,),) = rows(found, "payload")
    assert msgspec.json.decode(payload).keys() >= {"organization_id", "amount"}
    assert "sk-1" not in payload
    assert found.new_fields == {"organization_name", "api_key"}


def test_a_currency_is_upper_case_and_whatever_it_says(client: OpenAIClient, organization: Organization) -> None:
    organization.lines[DAY] = [{**line("gpt-4o, input", 1), "amount": {"value": 1, "currency": "eur"}}]
    assert rows(openai.read(client, Day(DAY)), "currency") == [("EUR",)]


def test_keys_are_not_grouped_by_which_openai_refuses_for_older_days(
    sandbox: Sandbox, client: OpenAIClient, organization: Organization
) -> None:
    old = date(2025, 12, 5)
    organization.lines[old] = [line("gpt-4o, input", 1, api_key_id="key_1")]
    assert rows(openai.read(client, Day(old)), "amount") == [("1",)]
    with pytest.raises(ProviderRefused, match="1764979200"):
        client.get(
            "/organization/costs", parser(dict[str, Any]), {"start_time": 1764892800, "group_by[]": ["api_key_id"]}
        )


def test_more_buckets_than_openai_gives_are_refused(client: OpenAIClient) -> None:
    with pytest.raises(ProviderRefused, match=r"366\. Limit must be less than or equal to 180"):
        client.get("/organization/costs", parser(dict[str, Any]), {"start_time": 1764892800, "limit": 366})


def test_verify_shows_the_projects_of_the_keys_organization(client: OpenAIClient) -> None:
    assert openai.verify(client, ()) == "its organisation's projects: 2 (Acme, Globex)"


def test_the_key_of_another_organization_which_answers_with_zeros_is_noticed(
    sandbox: Sandbox, client: OpenAIClient
) -> None:
    sandbox.world.openai["sk-admin-of-another"] = Organization("org-other", {"proj_x": "Other"})
    attached = (Scope("openai_project", "proj_a"),)
    with closing(opened(sandbox, "sk-admin-of-another")) as other:
        assert openai.read(other, Day(DAY)).table.num_rows == 0
        with pytest.raises(CredentialRejected, match=r"proj_a is attached, and none of the 1 .* Other; .*another org"):
            openai.verify(other, attached)
    assert openai.verify(client, attached)


def test_an_organization_that_is_set_is_held_to(sandbox: Sandbox, organization: Organization) -> None:
    with closing(opened(sandbox, organization="org-else")) as client, pytest.raises(CredentialRejected):
        openai.read(client, Day(DAY))
    with closing(opened(sandbox, organization="org-sandbox")) as client:
        organization.lines[DAY] = [line("gpt-4o, input", 1, organization_id="org-sandbox")]
        assert openai.read(client, Day(DAY)).table.num_rows == 1
        organization.lines[DAY] = [line("gpt-4o, input", 1, organization_id="org-else")]
        with pytest.raises(CredentialRejected, match="lines are of organisation org-else"):
            openai.read(client, Day(DAY))


@pytest.mark.parametrize("word", ["org-Ab12", "org-x"])
def test_an_organizations_id_has_its_form(word: str) -> None:
    assert openai.COSTS.fault_of_settings({"organization": word}) is None
    assert "the id of the organisation" in str(openai.COSTS.fault_of_settings({"organization": f"{word} x"}))


def test_what_is_missing_is_said_with_what_gives_it(sandbox: Sandbox, organization: Organization) -> None:
    with closing(opened(sandbox, "sk-proj-0123456789")) as client:
        with pytest.raises(CredentialRejected, match="admin key") as refused:
            openai.verify(client, ())
        assert "sk-proj-0123456789" not in str(refused.value)
    organization.may_read = False
    with (
        closing(opened(sandbox)) as client,
        pytest.raises(CredentialRejected, match=r"lacks the permission api\.usage\.read"),
    ):
        openai.verify(client, ())


@pytest.mark.parametrize(
    ("line_item", "service"),
    [
        ("gpt-6-astra, input_tokens", "llm"),
        ("text-embedding-3-small", "llm"),
        ("whisper-1", "stt"),
        ("gpt-4o-transcribe, input audio", "stt"),
        ("gpt-4o-mini-tts, output audio", "tts"),
        ("Web search tool calls", "platform"),
        ("something of tomorrow", "other"),
        (None, "other"),
    ],
)
def test_a_line_item_is_of_a_service_and_an_unknown_one_of_other(line_item: str | None, service: str) -> None:
    assert service_of(line_item) == service


def official(sandbox: Sandbox, client: OpenAIClient, answer: Any) -> Reading:
    sandbox.faults.script(COSTS, ok_with(answer))
    day = datetime.fromtimestamp(answer["data"][0]["start_time"], UTC).date()
    return openai.read(client, Day(day))


@pytest.mark.skipif(not OFFICIAL.exists(), reason="the samples are not part of the product")
def test_the_official_sample_loads(sandbox: Sandbox, client: OpenAIClient) -> None:
    found = official(sandbox, client, msgspec.json.decode(OFFICIAL.read_bytes()))
    assert rows(found, "scope_ref", "service", "line_item", "amount", "currency") == [
        (None, "other", "costs", "0.06", "USD")
    ]


def test_an_ungrouped_answer_loads(sandbox: Sandbox, client: OpenAIClient) -> None:
    bucket = {"start_time": 1764892800, "end_time": 1764979200, "results": [line(None, 0.08, None)]}
    found = official(sandbox, client, {"data": [bucket], "has_more": False})
    assert rows(found, "line_item", "amount") == [("costs", "0.08")]


def test_of_attached_projects_each_is_looked_for(client: OpenAIClient) -> None:
    scope = Scope("openai_project", "proj_a")
    day = Day(DAY, "acme", Scopes((Attachment(scope, "acme", DAY),)))
    assert openai.verify(client, day.attached).startswith("its organisation")
