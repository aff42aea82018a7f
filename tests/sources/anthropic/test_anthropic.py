"""Anthropic's cost report: what is asked, cents made dollars, and each trap of its answers."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sources import anthropic
from sources.anthropic.client import AnthropicClient
from sources.bills import of_cents
from sources.day import Day, Scope
from sources.errors import ContractBroken, CredentialRejected, NotYetReported, ProviderDown, ProviderRefused
from sources.http import ProviderClient
from sources.reading import SUMMED, Reading
from sources.rows import parser
from tests.sandbox.anthropic import Organization
from tests.sandbox.faults import altered, ok_with, status
from tests.sandbox.server import Sandbox
from tests.sources.access import UnhurriedAccess

KEY = "sk-ant-admin01-0123456789"
DAY = date(2026, 10, 5)
REPORT = "/anthropic/organizations/cost_report"
USAGE = "/anthropic/organizations/usage_report/messages"
OFFICIAL = Path(__file__).parents[4] / "shared/payloads/anthropic"


@pytest.fixture
def organization(sandbox: Sandbox) -> Organization:
    sandbox.world.anthropic[KEY] = Organization("Acme", {"wrkspc_a": "Acme", "wrkspc_b": "Globex"})
    return sandbox.world.anthropic[KEY]


@pytest.fixture
def client(sandbox: Sandbox, organization: Organization) -> Iterator[AnthropicClient]:
    with closing(opened(sandbox)) as client:
        yield client


def opened(sandbox: Sandbox, key: str = KEY) -> AnthropicClient:
    return anthropic.connect(UnhurriedAccess(key, {}, sandbox.url_of("anthropic")))


def line(item: str, cents: object, workspace: str | None = "wrkspc_a", **more: Any) -> dict[str, Any]:
    told = {"currency": "USD", "amount": cents, "workspace_id": workspace, "description": item, "cost_type": "tokens"}
    return told | more


def rows(reading: Reading, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in reading.table.to_pylist()]


def test_a_day_is_asked_up_to_the_next_midnight_by_workspace_and_description(
    sandbox: Sandbox, client: AnthropicClient
) -> None:
    anthropic.read(client, Day(DAY))
    (asked,) = sandbox.asked(REPORT)
    assert (asked.params["starting_at"], asked.params["ending_at"]) == ("2026-10-05T00:00:00Z", "2026-10-06T00:00:00Z")
    assert (asked.params["bucket_width"], asked.params["limit"]) == ("1d", "31")
    assert [value for name, value in asked.query if name == "group_by[]"] == ["workspace_id", "description"]


def test_the_last_second_of_the_day_as_its_end_is_refused(client: AnthropicClient) -> None:
    same_day = {"starting_at": "2026-10-05T00:00:00Z", "ending_at": "2026-10-05T23:59:59Z"}
    with pytest.raises(ProviderRefused, match="ending date must be after starting date"):
        client.get("/organizations/cost_report", parser(dict[str, Any]), same_day)


def test_more_buckets_or_another_group_than_anthropic_has_are_refused(client: AnthropicClient) -> None:
    for wrong in ({"limit": 32}, {"group_by[]": ["api_key_id"]}, {"timezone": "UTC"}):
        with pytest.raises(ProviderRefused):
            client.get(
                "/organizations/cost_report", parser(dict[str, Any]), {"starting_at": "2026-10-05T00:00:00Z", **wrong}
            )


@pytest.mark.parametrize(
    ("cents", "dollars"),
    [
        ("123.78912", "1.2378912"),
        ("123.45", "1.2345"),
        ("100", "1"),
        ("0.01", "0.0001"),
        ("-50", "-0.5"),
        ("1234567890.123456789012345678", "12345678.90123456789012345678"),
    ],
)
def test_cents_are_made_dollars_exactly(
    client: AnthropicClient, organization: Organization, cents: str, dollars: str
) -> None:
    organization.costs[DAY] = [line("Input Tokens", cents)]
    found = anthropic.read(client, Day(DAY))
    (row,) = found.table.to_pylist()
    assert (Decimal(row["amount"]), row["currency"]) == (Decimal(dollars), "USD")
    assert (row["amount_told"], row["amount_unit"]) == (cents, "cents")


def test_cents_of_any_length_keep_every_digit() -> None:
    assert of_cents(Decimal("1" * 40)) == Decimal("1" * 38 + ".11")
    with pytest.raises(TypeError):
        of_cents(Decimal("NaN"))


def test_an_amount_that_is_no_text_may_be_dollars_and_is_set_aside(
    client: AnthropicClient, organization: Organization
) -> None:
    organization.costs[DAY] = [line("Input Tokens", 123.45), line("Output Tokens", "5")]
    found = anthropic.read(client, Day(DAY))
    assert rows(found, "line_item") == [("Output Tokens",)]
    assert "no text but a number" in found.quarantined[0].reason


@pytest.mark.parametrize("currency", ["JPY", "EUR", "usd", None])
def test_of_money_but_dollars_the_lowest_unit_is_not_known_and_the_line_is_set_aside(
    client: AnthropicClient, organization: Organization, currency: str | None
) -> None:
    """A hundredth of 150 yen would be a bill a hundred times too low."""
    organization.costs[DAY] = [line("Input Tokens", "150", currency=currency), line("Output Tokens", "5")]
    found = anthropic.read(client, Day(DAY))
    assert rows(found, "line_item", "amount") == [("Output Tokens", "0.05")]
    assert f"the lowest unit of {currency or 'null'} is not known" in found.quarantined[0].reason


def test_workspace_service_and_words_are_kept(client: AnthropicClient, organization: Organization) -> None:
    organization.costs[DAY] = [
        line("Claude Sonnet 4 Usage - Input Tokens", "1", service_tier="standard", context_window="0-200k"),
        line("Claude Sonnet 4 Usage - Input Tokens", "2", service_tier="batch", context_window="200k-1M"),
        line("Web Search", "3", None, cost_type="web_search"),
        line("Something", "4", "wrkspc_b", cost_type="of_tomorrow"),
    ]
    assert rows(anthropic.read(client, Day(DAY)), "scope_kind", "scope_ref", "service", "line_item") == [
        ("anthropic_workspace", "wrkspc_a", "llm", "Claude Sonnet 4 Usage - Input Tokens"),
        ("anthropic_workspace", "wrkspc_a", "llm", "Claude Sonnet 4 Usage - Input Tokens, batch, 200k-1M"),
        (None, None, "platform", "Web Search"),
        ("anthropic_workspace", "wrkspc_b", "other", "Something"),
    ]


def test_a_line_without_a_description_is_named_by_what_else_it_says(
    client: AnthropicClient, organization: Organization
) -> None:
    told = {"model": "claude-sonnet-4", "token_type": "output_tokens"}
    organization.costs[DAY] = [{**line("", "1"), "description": None, **told}, {"currency": "USD", "amount": "2"}]
    assert rows(anthropic.read(client, Day(DAY)), "line_item") == [
        ("claude-sonnet-4 tokens output_tokens",),
        ("costs",),
    ]


def test_what_ran_on_the_priority_tier_has_an_unknown_cost(client: AnthropicClient, organization: Organization) -> None:
    organization.costs[DAY] = [line("Input Tokens", "100")]
    counted = {"uncached_input_tokens": 1500, "cache_read_input_tokens": 200, "output_tokens": 500}
    written = {"cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500}}
    told = {"workspace_id": "wrkspc_a", "model": "claude-opus-4", **counted, **written}
    organization.usage[DAY] = [{**told, "service_tier": "priority"}, {**told, "service_tier": "standard"}]
    found = anthropic.read(client, Day(DAY))
    assert rows(found, "line_item", "amount", "currency", "quantity", "quantity_unit") == [
        ("Input Tokens", "1.00", "USD", None, None),
        ("claude-opus-4, priority tier (not in the cost report)", None, None, "3700", "tokens"),
    ]
    assert found.totals["amount"] == 1


def test_an_empty_bucket_is_a_day_without_cost_and_a_missing_one_an_unknown_day(
    client: AnthropicClient, organization: Organization
) -> None:
    assert anthropic.read(client, Day(DAY)).table.num_rows == 0
    organization.missing.add(DAY)
    with pytest.raises(NotYetReported, match="not known yet"):
        anthropic.read(client, Day(DAY))


def test_a_bucket_that_must_end_before_the_midnight_is_missing_and_not_zero(
    client: AnthropicClient, organization: Organization
) -> None:
    organization.ends_before = True
    with pytest.raises(NotYetReported):
        anthropic.read(client, Day(DAY))


def test_a_day_of_the_last_24_hours_is_not_there_yet(client: AnthropicClient, organization: Organization) -> None:
    organization.now = datetime(2026, 10, 5, 23, tzinfo=UTC)
    with pytest.raises(NotYetReported, match="does not give 5 Oct 2026 yet"):
        anthropic.read(client, Day(DAY))


def test_another_refusal_is_no_day_that_is_not_there_yet(sandbox: Sandbox, client: AnthropicClient) -> None:
    wrong = status(400, body={"type": "error", "error": {"type": "invalid_request_error", "message": "limit is wrong"}})
    sandbox.faults.script(REPORT, wrong, times=3)
    with pytest.raises(ProviderRefused, match="limit is wrong"):
        anthropic.read(client, Day(DAY))


@pytest.mark.parametrize("path", [REPORT, USAGE])
@pytest.mark.parametrize("token", [None, "page_0"])
def test_more_pages_without_a_new_token_fail_the_day(
    sandbox: Sandbox, client: AnthropicClient, path: str, token: str | None
) -> None:
    more = altered(lambda answer: answer | {"has_more": True, "next_page": token})
    sandbox.faults.script(path, more, more)
    with pytest.raises(ContractBroken, match="no new one is named"):
        anthropic.read(client, Day(DAY))


def test_lines_on_later_pages_are_read_and_equal_ones_added_up(
    sandbox: Sandbox, client: AnthropicClient, organization: Organization
) -> None:
    organization.costs[DAY] = [line("Input Tokens", "100")]
    sandbox.faults.script(REPORT, altered(lambda answer: answer | {"has_more": True, "next_page": "page_0"}))
    found = anthropic.read(client, Day(DAY))
    assert [asked.params.get("page") for asked in sandbox.asked(REPORT)] == [None, "page_0"]
    assert (found.totals["amount"], found.totals[SUMMED]) == (2, 1)


def test_overload_is_tried_again(sandbox: Sandbox, client: AnthropicClient) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    sandbox.faults.script(REPORT, status(529, body=overloaded), times=2)
    assert anthropic.read(client, Day(DAY)).table.num_rows == 0
    sandbox.faults.script(REPORT, status(529, body=overloaded), times=6)
    with pytest.raises(ProviderDown, match="Overloaded"):
        anthropic.read(client, Day(DAY))


def test_the_key_is_a_header_of_its_own_and_no_bearer(sandbox: Sandbox, client: AnthropicClient) -> None:
    anthropic.read(client, Day(DAY))
    assert {asked.key for asked in sandbox.received} == {""}
    headers = {"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"}
    budget = UnhurriedAccess(KEY).budget(1)
    bearer = ProviderClient("Anthropic", sandbox.url_of("anthropic"), headers, budget)
    with closing(bearer), pytest.raises(CredentialRejected, match="invalid x-api-key"):
        bearer.get("/organizations/cost_report", parser(dict[str, Any]), {"starting_at": "2026-10-05T00:00:00Z"})


def test_verify_names_the_organization_and_misses_a_workspace_of_another(client: AnthropicClient) -> None:
    assert anthropic.verify(client, (Scope("anthropic_workspace", "wrkspc_b"),)) == "its organisation is Acme (org-1)"
    with pytest.raises(CredentialRejected, match="wrkspc_z is attached, and organisation Acme has none"):
        anthropic.verify(client, (Scope("anthropic_workspace", "wrkspc_z"),))


def test_what_is_missing_is_said_with_what_gives_it(
    sandbox: Sandbox, client: AnthropicClient, organization: Organization
) -> None:
    with closing(opened(sandbox, "sk-ant-api03-0123456789")) as ordinary:
        with pytest.raises(CredentialRejected, match=r"invalid x-api-key; it takes an admin key") as refused:
            anthropic.verify(ordinary, ())
        assert "sk-ant-api03-0123456789" not in str(refused.value)
    organization.may_read = False
    with pytest.raises(CredentialRejected, match="an admin of the organisation has to make one"):
        anthropic.verify(client, ())
    sandbox.faults.script(REPORT, status(404, body={"type": "error", "error": {"message": "Not found"}}), times=3)
    with pytest.raises(ProviderRefused, match="an individual account has none"):
        anthropic.verify(client, ())


def test_fields_of_no_contract_are_dropped_and_named(client: AnthropicClient, organization: Organization) -> None:
    organization.costs[DAY] = [line("Input Tokens", "1", api_key="sk-1", note={"token": "x"})]
    found = anthropic.read(client, Day(DAY))
    ((payload,),) = rows(found, "payload")
    assert not {"api_key", "note"} & msgspec.json.decode(payload).keys()
    assert found.new_fields == {"api_key", "note"}


def built(name: str) -> dict[str, Any]:
    """A page of the shape that the reference prints, on the last page."""
    told = {"uncached_input_tokens": 5, "output_tokens": 7, "service_tier": "standard", "model": "claude"}
    results = [line("Input Tokens", "123.78912")] if name == "cost_report" else [told]
    bucket = {"starting_at": "2025-08-01T00:00:00Z", "ending_at": "2025-08-02T00:00:00Z", "results": results}
    return {"data": [bucket], "has_more": False, "next_page": None}


def loaded(sandbox: Sandbox, client: AnthropicClient, costs: Any, usage: Any) -> Reading:
    sandbox.faults.script(REPORT, ok_with(costs))
    sandbox.faults.script(USAGE, ok_with(usage))
    return anthropic.read(client, Day(date(2025, 8, 1)))


def test_an_answer_of_the_documented_shape_loads(sandbox: Sandbox, client: AnthropicClient) -> None:
    assert rows(loaded(sandbox, client, built("cost_report"), built("usage")), "amount") == [("1.2378912",)]


@pytest.mark.skipif(not OFFICIAL.exists(), reason="the samples are not part of the product")
def test_the_official_samples_load(sandbox: Sandbox, client: AnthropicClient) -> None:
    costs, usage = (
        msgspec.json.decode((OFFICIAL / f"{name}_official.json").read_bytes()) | {"has_more": False}
        for name in ("cost_report", "usage_report_messages")
    )
    found = loaded(sandbox, client, costs, usage)
    assert rows(found, "scope_ref", "service", "line_item", "amount") == [
        ("wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ", "llm", "Claude Sonnet 4 Usage - Input Tokens", "1.2378912")
    ]
    assert found.new_fields == frozenset()
    sandbox.faults.script(
        REPORT, status(400, body=msgspec.json.decode((OFFICIAL / "error_official.json").read_bytes())), times=3
    )
    with pytest.raises(ProviderRefused, match="Invalid request"):
        anthropic.read(client, Day(DAY))
