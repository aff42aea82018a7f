"""The report as Anthropic's description of its API has it, field by field.

Its SDK for Python (2.14) has another report, that of Claude Enterprise, and no types of this one; SDKs that are made
from the description (for .NET, for one) name what stands here.
"""

from contextlib import closing
from datetime import UTC, date, datetime
from typing import Literal, get_args

import httpx
import msgspec

from sources import anthropic
from sources.anthropic import costs
from sources.anthropic.contract import FACTS
from sources.day import Day
from sources.window import Window
from tests.sandbox.anthropic import Organization
from tests.sandbox.server import Sandbox
from tests.sources.access import UnhurriedAccess

KEY = "sk-ant-admin01-0123456789"
DAY = date(2026, 10, 5)
GROUPS = Literal["description", "workspace_id"]


class Item(msgspec.Struct, forbid_unknown_fields=True):
    """Required are the currency and the amount, a decimal text in the currency's lowest unit."""

    currency: str
    amount: str
    workspace_id: str | None = None
    description: str | None = None
    cost_type: Literal["tokens", "web_search", "code_execution", "session_usage"] | None = None
    context_window: Literal["0-200k", "200k-1M"] | None = None
    model: str | None = None
    service_tier: Literal["standard", "batch"] | None = None
    token_type: (
        Literal[
            "uncached_input_tokens", "output_tokens", "cache_read_input_tokens",
            "cache_creation.ephemeral_1h_input_tokens", "cache_creation.ephemeral_5m_input_tokens",
        ]
        | None
    ) = None  # fmt: skip
    inference_geo: str | None = None


class Bucket(msgspec.Struct, forbid_unknown_fields=True):
    starting_at: datetime
    ending_at: datetime
    results: list[Item]


class Report(msgspec.Struct, forbid_unknown_fields=True):
    data: list[Bucket]
    has_more: bool
    next_page: str | None


def test_the_sandbox_answers_as_it_is_described_and_every_field_of_a_line_is_stored(sandbox: Sandbox) -> None:
    line = {"currency": "USD", "amount": "123.78912", "workspace_id": "wrkspc_a", "description": "Input Tokens",
            "cost_type": "tokens", "service_tier": "batch", "token_type": "uncached_input_tokens"}  # fmt: skip
    sandbox.world.anthropic[KEY] = Organization(costs={DAY: [line, line | {"workspace_id": None}]})
    with closing(anthropic.connect(UnhurriedAccess(KEY, {}, sandbox.url_of("anthropic")))) as client:
        anthropic.read(client, Day(DAY))
    asked, *_ = sandbox.asked("/anthropic/organizations/cost_report")
    answer = httpx.get(
        f"{sandbox.url_of('anthropic')}/organizations/cost_report", params=asked.query,
        headers={"x-api-key": KEY, "anthropic-version": "2023-06-01"}, trust_env=False,
    ).raise_for_status()  # fmt: skip
    report = msgspec.json.decode(answer.content, type=Report)
    assert [item.amount for item in report.data[0].results] == ["123.78912", "123.78912"]
    assert report.data[0].ending_at == datetime(2026, 10, 6, tzinfo=UTC)
    assert {field.name for field in msgspec.structs.fields(Item)} <= set(FACTS)


def test_what_is_asked_for_is_what_is_described() -> None:
    asked = costs._question(Window.of_day(DAY))
    assert set(asked) == {"starting_at", "ending_at", "bucket_width", "group_by[]", "limit"}
    assert set(asked["group_by[]"]) == set(get_args(GROUPS))  # type: ignore[arg-type]
    assert (asked["bucket_width"], asked["limit"]) == ("1d", 31)
