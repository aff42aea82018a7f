"""OpenRouter's activity: what is asked, two payers that are never one, and each trap of its answers."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sources import openrouter
from sources.day import Day
from sources.errors import ContractBroken, CredentialRejected, ProviderRefused
from sources.openrouter.client import OpenRouterClient
from sources.reading import SUMMED, Reading
from tests.sandbox.faults import ok_with
from tests.sandbox.openrouter import Account
from tests.sandbox.server import Sandbox
from tests.sources.access import UnhurriedAccess

KEY = "sk-or-v1-management-0123456789"
DAY = date(2026, 10, 5)
ACTIVITY = "/openrouter/activity"
OFFICIAL = Path(__file__).parents[4] / "shared/payloads/openrouter/activity_official.json"


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    sandbox.world.openrouter[KEY] = Account()
    return sandbox.world.openrouter[KEY]


@pytest.fixture
def client(sandbox: Sandbox, account: Account) -> Iterator[OpenRouterClient]:
    with closing(openrouter.connect(UnhurriedAccess(KEY, {}, sandbox.url_of("openrouter")))) as client:
        yield client


def row(usage: object = 0.015, byok: object = 0, model: str = "openai/gpt-4.1", **more: Any) -> dict[str, Any]:
    named = {"date": DAY.isoformat(), "model": model, "model_permaslug": f"{model}-2025", "endpoint_id": "e1"}
    used = {
        "provider_name": "OpenAI",
        "requests": 5,
        "prompt_tokens": 50,
        "completion_tokens": 125,
        "reasoning_tokens": 25,
    }
    return named | used | {"usage": usage, "byok_usage_inference": byok, "workspace_id": "w1"} | more


def rows(reading: Reading, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(one[name] for name in names) for one in reading.table.to_pylist()]


def test_one_completed_day_is_asked_by_workspace(sandbox: Sandbox, client: OpenRouterClient) -> None:
    openrouter.read(client, Day(DAY))
    (asked,) = sandbox.asked(ACTIVITY)
    assert asked.params == {"date": "2026-10-05", "group_by": "workspace"}


def test_two_payers_are_two_lines_and_never_one_sum(client: OpenRouterClient, account: Account) -> None:
    account.rows[DAY] = [row(0.015, 0.012)]
    found = openrouter.read(client, Day(DAY))
    name = "openai/gpt-4.1-2025 at OpenAI (e1)"
    assert rows(found, "payer", "line_item", "amount", "currency", "quantity") == [
        ("provider_account", name, "0.015", "USD", "175"),
        ("external", f"{name}, by a key of one's own", "0.012", "USD", None),
    ]
    assert rows(found, "scope_kind", "scope_ref", "service") == [("openrouter_workspace", "w1", "llm")] * 2


def test_nothing_by_a_key_of_ones_own_is_no_line_and_a_fee_on_it_is(client: OpenRouterClient, account: Account) -> None:
    account.rows[DAY] = [row(0.015, 0), row(0.0006, 0.012, model="x/y")]
    found = openrouter.read(client, Day(DAY))
    assert rows(found, "payer", "amount") == [
        ("provider_account", "0.015"), ("provider_account", "0.0006"), ("external", "0.012"),
    ]  # fmt: skip


@pytest.mark.parametrize(("usage", "amount"), [(1.5, "1.5"), ("1.5", "1.5"), (15, "15"), (0, "0"), (1e-7, "0.0000001")])
def test_dollars_are_dollars_and_not_cents(
    client: OpenRouterClient, account: Account, usage: object, amount: str
) -> None:
    account.rows[DAY] = [row(usage)]
    found = openrouter.read(client, Day(DAY))
    assert rows(found, "amount", "amount_unit") == [(amount, "dollars")]
    assert found.totals["amount"] == Decimal(amount)


@pytest.mark.parametrize("written", ["2026-10-05", "2026-10-05 00:00:00", "2026-10-05T00:00:00.000Z"])
def test_a_date_may_carry_a_time(client: OpenRouterClient, account: Account, written: str) -> None:
    account.rows[DAY] = [row(date=written)]
    assert openrouter.read(client, Day(DAY)).table.num_rows == 1


def test_a_row_of_another_day_is_set_aside(client: OpenRouterClient, account: Account) -> None:
    account.rows[DAY] = [row(), row(model="x/y", date="2026-10-06 00:00:00")]
    found = openrouter.read(client, Day(DAY))
    assert (found.table.num_rows, len(found.quarantined)) == (1, 1)
    assert "it is of 6 Oct 2026" in found.quarantined[0].reason


def test_a_wrong_amount_of_the_other_payer_is_set_aside_too(client: OpenRouterClient, account: Account) -> None:
    account.rows[DAY] = [row(0.015, "dear")]
    found = openrouter.read(client, Day(DAY))
    assert (rows(found, "payer"), len(found.quarantined)) == ([("provider_account",)], 1)


def test_cached_tokens_may_be_missing_or_exceed_the_prompt_and_are_no_part_of_the_quantity(
    client: OpenRouterClient, account: Account
) -> None:
    account.rows[DAY] = [row(), row(model="x/y", cached_tokens=900), row(model="x/z", prompt_tokens=None)]
    assert rows(openrouter.read(client, Day(DAY)), "quantity", "quantity_unit") == [
        ("175", "tokens"), ("175", "tokens"), (None, None),
    ]  # fmt: skip


def test_what_is_of_no_workspace_is_attributed_to_none(client: OpenRouterClient, account: Account) -> None:
    without = row()
    del without["workspace_id"]
    account.rows[DAY] = [without]
    assert rows(openrouter.read(client, Day(DAY)), "scope_kind", "scope_ref") == [(None, None)]


def test_rows_that_nothing_tells_apart_are_added_up(client: OpenRouterClient, account: Account) -> None:
    account.rows[DAY] = [row(0.5), row(0.25)]
    found = openrouter.read(client, Day(DAY))
    assert (rows(found, "amount", "quantity"), found.totals[SUMMED]) == ([("0.75", "350")], 1)


def test_a_completed_day_without_activity_cost_nothing(client: OpenRouterClient) -> None:
    assert openrouter.read(client, Day(DAY)).table.num_rows == 0


@pytest.mark.parametrize("back", [0, 31])
def test_a_day_that_is_not_over_or_forgotten_is_refused_and_never_empty(
    client: OpenRouterClient, account: Account, back: int
) -> None:
    with pytest.raises(ProviderRefused, match=r"one completed day of the last 30"):
        openrouter.read(client, Day(account.today - timedelta(days=back)))
    assert openrouter.read(client, Day(account.today - timedelta(days=30))).table.num_rows == 0
    assert openrouter.ACTIVITY.horizon_days == 30


def test_an_ordinary_key_is_told_which_one_it_takes(
    sandbox: Sandbox, client: OpenRouterClient, account: Account
) -> None:
    account.is_management = False
    with pytest.raises(CredentialRejected, match="it takes a management key") as refused:
        openrouter.verify(client, ())
    assert KEY not in str(refused.value)
    sandbox.world.openrouter.clear()
    with pytest.raises(CredentialRejected, match=r"User not found.*management key"):
        openrouter.read(client, Day(DAY))


def test_verify_names_the_workspaces_that_were_used(client: OpenRouterClient, account: Account) -> None:
    assert openrouter.verify(client, ()) == "its account was used lately in workspaces: none"
    account.rows[DAY] = [row(), row(workspace_id="w2")]
    assert openrouter.verify(client, ()) == "its account was used lately in workspaces: w1, w2"


def test_fields_of_no_contract_are_dropped_and_named(client: OpenRouterClient, account: Account) -> None:
    account.rows[DAY] = [row(api_key="sk-1", byok_requests=2)]
    found = openrouter.read(client, Day(DAY))
    ((payload,),) = rows(found, "payload")
    assert "sk-1" not in payload
    assert found.new_fields == {"api_key", "byok_requests"}


def test_another_answer_is_no_empty_day(sandbox: Sandbox, client: OpenRouterClient) -> None:
    sandbox.faults.script(ACTIVITY, ok_with({"rows": []}), times=3)
    with pytest.raises(ContractBroken):
        openrouter.read(client, Day(DAY))


def test_an_answer_of_the_documented_shape_loads(sandbox: Sandbox, client: OpenRouterClient) -> None:
    sandbox.faults.script(ACTIVITY, ok_with({"data": [row(0.015, 0.012)]}))
    assert openrouter.read(client, Day(DAY)).new_fields == frozenset()


@pytest.mark.skipif(not OFFICIAL.exists(), reason="the samples are not part of the product")
def test_the_official_sample_loads(sandbox: Sandbox, client: OpenRouterClient) -> None:
    sandbox.faults.script(ACTIVITY, ok_with(msgspec.json.decode(OFFICIAL.read_bytes())))
    found = openrouter.read(client, Day(date(2025, 8, 24)))
    assert rows(found, "payer", "amount") == [("provider_account", "0.015"), ("external", "0.012")]
    assert found.new_fields == frozenset()
