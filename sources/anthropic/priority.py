"""What ran on the priority tier: tokens are reported of it and no money, since it is paid for by a commitment.

https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-messages-usage-report
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from sources.anthropic.client import AnthropicClient
from sources.bills import bill_line, checked, every_page, number
from sources.rows import Row, parser
from sources.window import Window

PATH = "/organizations/usage_report/messages"
TIER = "priority"
MOST_BUCKETS = 31


class Bucket(msgspec.Struct):
    results: list[dict[str, Any]]


class Page(msgspec.Struct):
    data: list[Bucket]
    has_more: bool
    next_page: str | None = None


parse_page = parser(Page)


def unknown_costs(client: AnthropicClient, window: Window) -> Iterator[Row]:
    """A line without an amount for each workspace and model that used the priority tier: its cost is unknown, and not
    zero. Raises SourceFailure.
    """

    def ask(token: str | None) -> Page:
        more = {} if token is None else {"page": token}
        return client.get(PATH, parse_page, {**_question(window), **more})

    for page in every_page(f"Anthropic GET {PATH}", ask):
        used = (line for bucket in page.data for line in bucket.results if line.get("service_tier") == TIER)
        yield from checked(_line, used)


def _question(window: Window) -> dict[str, str | int | list[str]]:
    return {
        "starting_at": f"{window.start:%Y-%m-%dT%H:%M:%SZ}",
        "ending_at": f"{window.end:%Y-%m-%dT%H:%M:%SZ}",
        "bucket_width": "1d",
        "group_by[]": ["workspace_id", "model", "service_tier"],
        "service_tiers[]": [TIER],
        "limit": MOST_BUCKETS,
    }


def _line(reported: Mapping[str, Any]) -> Row:
    written = reported.get("cache_creation") or {}
    counted = [
        reported.get("uncached_input_tokens"),
        reported.get("cache_read_input_tokens"),
        reported.get("output_tokens"),
        *written.values(),
    ]
    return bill_line(
        reported,
        scope=("anthropic_workspace", reported.get("workspace_id")),
        service="llm",
        line_item=f"{reported.get('model') or 'a model'}, priority tier (not in the cost report)",
        amount=None,
        currency=None,
        quantity=sum((number(count) for count in counted if count is not None), Decimal(0)),
        quantity_unit="tokens",
    )
