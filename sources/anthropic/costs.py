"""The bill of one UTC day: a bucket by workspace and description, its amounts in cents.

https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-cost-report
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from sources.anthropic.client import AnthropicClient
from sources.anthropic.priority import unknown_costs
from sources.bills import bill, bill_line, checked, every_page, number, of_cents
from sources.checks.undocumented import Undocumented, currency_in, kind_of
from sources.day import Day, Scope
from sources.errors import CredentialRejected, NotYetReported, ProviderRefused
from sources.http import Params
from sources.reading import Reading
from sources.rows import Row, parser
from sources.source import Source
from sources.text import said_day
from sources.window import Window

PATH = "/organizations/cost_report"
ORGANIZATION = "/organizations/me"
WORKSPACES = "/organizations/workspaces"
WORKSPACE = "anthropic_workspace"
MOST_BUCKETS = 31
MOST_WORKSPACES = 100
BEFORE_ALL = Window.of_day(date(2025, 1, 1))
_SERVICES = {"tokens": "llm", "web_search": "platform", "code_execution": "platform", "session_usage": "platform"}
_USUAL = {"service_tier": "standard", "context_window": "0-200k", "inference_geo": "global"}
_TWIN = ("model", "cost_type", "token_type")


class Bucket(msgspec.Struct):
    """A UTC day, half-open."""

    starting_at: datetime
    ending_at: datetime
    results: list[dict[str, Any]]


class Page(msgspec.Struct):
    data: list[Bucket]
    has_more: bool
    next_page: str | None = None


class Organization(msgspec.Struct):
    id: str
    name: str


class Workspace(msgspec.Struct):
    id: str
    name: str


class Workspaces(msgspec.Struct):
    data: list[Workspace]
    has_more: bool = False
    last_id: str | None = None

    @property
    def next_page(self) -> str | None:
        return self.last_id


parse_page = parser(Page)
parse_organization = parser(Organization)
parse_workspaces = parser(Workspaces)


def read(source: Source, client: AnthropicClient, day: Day) -> Reading:
    """The day's lines, and lines without an amount for what ran on the priority tier. NotYetReported without a bucket
    of the day: what is missing is unknown, and not zero.
    """
    try:
        buckets = [bucket for bucket in _buckets(client, day.window) if bucket.starting_at == day.window.start]
    except ProviderRefused as refused:
        # A start within the last 24 hours is refused like a wrong date.
        if refused.status == 400 and any(word in str(refused) for word in ("date", "starting_at", "ending_at")):
            raise NotYetReported(f"Anthropic does not give {said_day(day.usage_date)} yet: {refused}") from None
        raise
    if not buckets:
        raise NotYetReported(f"Anthropic gives no bucket of {said_day(day.usage_date)}: what it cost is not known yet")
    lines = checked(_line, (line for bucket in buckets for line in bucket.results))
    return bill(source, [*lines, *unknown_costs(client, day.window)], day)


def verify(client: AnthropicClient, scopes: tuple[Scope, ...]) -> str:
    """The organisation of the key. CredentialRejected where an attached workspace is none of its own."""
    client.get(PATH, parse_page, _question(BEFORE_ALL))
    organization = client.get(ORGANIZATION, parse_organization, {})
    attached = {scope.value for scope in scopes if scope.kind == WORKSPACE}
    known = {workspace.id for workspace in _workspaces(client)} if attached else set()
    if other := sorted(attached - known):
        raise CredentialRejected(
            f"Anthropic: workspace {other[0]} is attached, and organisation {organization.name} has none of that id;"
            " the key may be of another organisation"
        )
    return f"its organisation is {organization.name} ({organization.id})"


def _buckets(client: AnthropicClient, window: Window) -> Iterator[Bucket]:
    def ask(token: str | None) -> Page:
        more = {} if token is None else {"page": token}
        return client.get(PATH, parse_page, {**_question(window), **more})

    for page in every_page(f"Anthropic GET {PATH}", ask):
        yield from page.data


def _question(window: Window) -> Params:
    """Buckets that end before a moment: a day needs the midnight after it."""
    return {
        "starting_at": f"{window.start:%Y-%m-%dT%H:%M:%SZ}",
        "ending_at": f"{window.end:%Y-%m-%dT%H:%M:%SZ}",
        "bucket_width": "1d",
        "group_by[]": ["workspace_id", "description"],
        "limit": MOST_BUCKETS,
    }


def _workspaces(client: AnthropicClient) -> Iterator[Workspace]:
    def ask(token: str | None) -> Workspaces:
        more = {} if token is None else {"after_id": token}
        return client.get(WORKSPACES, parse_workspaces, {"limit": MOST_WORKSPACES, "include_archived": "true", **more})

    for page in every_page(f"Anthropic GET {WORKSPACES}", ask):
        yield from page.data


def _line(reported: Mapping[str, Any]) -> Row:
    """Cents, as a text that may have fractions of one, made dollars exactly. Other money has no cents, or others."""
    cents = reported["amount"]
    if not isinstance(cents, str):
        raise Undocumented(f"its amount is no text but {kind_of(cents)}")
    if reported["currency"] != "USD":
        raise Undocumented(f"the lowest unit of {currency_in(reported['currency'])} is not known")
    return bill_line(
        reported,
        scope=(WORKSPACE, reported.get("workspace_id")),
        service=_SERVICES.get(str(reported.get("cost_type")), "other"),
        line_item=_named(reported),
        amount=of_cents(number(cents)),
        currency=reported["currency"],
        amount_told=cents,
        amount_unit="cents",
    )


def _named(reported: Mapping[str, Any]) -> str:
    """Anthropic's description, and what it leaves unsaid where that is not the usual: two lines must not be one."""
    unusual = [reported[name] for name, usual in _USUAL.items() if reported.get(name) not in (None, usual)]
    what = reported.get("description") or " ".join(str(reported[name]) for name in _TWIN if reported.get(name))
    return ", ".join(map(str, [what or "costs", *unusual]))
