"""The bill of one UTC day: a bucket by project and line item.

https://platform.openai.com/docs/api-reference/usage/costs
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from sources.bills import bill, bill_line, checked, every_page, literal, number
from sources.day import Day, Scope
from sources.errors import ContractBroken, CredentialRejected, NotYetReported
from sources.http import Params
from sources.openai.client import OpenAIClient
from sources.openai.services import service_of
from sources.reading import Reading
from sources.rows import Row, parser
from sources.source import Source
from sources.text import said_day
from sources.window import Window

PATH = "/organization/costs"
PROJECTS = "/organization/projects"
PROJECT = "openai_project"
MOST_BUCKETS = 180
MOST_PROJECTS = 100
SHOWN_PROJECTS = 10
BEFORE_ALL = Window.of_day(date(2025, 1, 1))


class Bucket(msgspec.Struct):
    """A UTC day, in Unix seconds, half-open. Older texts of the specification call its lines `result`."""

    start_time: int
    end_time: int
    results: list[dict[str, Any]] | None = None
    result: list[dict[str, Any]] | None = None

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its lines. ContractBroken where neither name is there: an empty day has an empty list."""
        lines = self.result if self.results is None else self.results
        if lines is None:
            raise ContractBroken(f"OpenAI GET {PATH}: a bucket has neither results nor result")
        return lines


class Page(msgspec.Struct):
    data: list[Bucket]
    has_more: bool
    next_page: str | None = None


class Project(msgspec.Struct):
    id: str
    name: str | None = None


class Projects(msgspec.Struct):
    data: list[Project]
    has_more: bool = False
    last_id: str | None = None

    @property
    def next_page(self) -> str | None:
        return self.last_id


parse_page = parser(Page)
parse_projects = parser(Projects)


def read(source: Source, client: OpenAIClient, day: Day) -> Reading:
    """The day's lines. NotYetReported without a bucket of the day: what is missing is unknown, and not zero."""
    buckets = [bucket for bucket in _buckets(client, day.window) if _start(bucket) in day.window]
    if not buckets:
        raise NotYetReported(f"OpenAI gives no bucket of {said_day(day.usage_date)}: what it cost is not known yet")
    lines = [line for bucket in buckets for line in bucket.lines]
    _refuse_another_organization(client, lines)
    return bill(source, checked(_line, lines), day)


def verify(client: OpenAIClient, scopes: tuple[Scope, ...]) -> str:
    """The projects that the key sees: the key of another organisation answers all else, with zeros. CredentialRejected
    where an attached project is none of them.
    """
    client.get(PATH, parse_page, _question(BEFORE_ALL))
    projects = {project.id: project.name or project.id for project in _projects(client)}
    if other := sorted(scope.value for scope in scopes if scope.kind == PROJECT and scope.value not in projects):
        raise CredentialRejected(
            f"OpenAI: project {other[0]} is attached, and none of the {len(projects)} that the key's organisation has:"
            f" {_named(projects)}; the key may be of another organisation"
        )
    return f"its organisation's projects: {len(projects)} ({_named(projects)})"


def _buckets(client: OpenAIClient, window: Window) -> Iterator[Bucket]:
    def ask(token: str | None) -> Page:
        more = {} if token is None else {"page": token}
        return client.get(PATH, parse_page, {**_question(window), **more})

    for page in every_page(f"OpenAI GET {PATH}", ask):
        yield from page.data


def _question(window: Window) -> Params:
    return {
        "start_time": int(window.start.timestamp()),
        "end_time": int(window.end.timestamp()),
        "bucket_width": "1d",
        "group_by[]": ["project_id", "line_item"],
        "limit": MOST_BUCKETS,
    }


def _projects(client: OpenAIClient) -> Iterator[Project]:
    def ask(token: str | None) -> Projects:
        more = {} if token is None else {"after": token}
        return client.get(PROJECTS, parse_projects, {"limit": MOST_PROJECTS, **more})

    for page in every_page(f"OpenAI GET {PROJECTS}", ask):
        yield from page.data


def _line(reported: Mapping[str, Any]) -> Row:
    amount, quantity = reported["amount"], reported.get("quantity")
    value, currency = (None, None) if amount is None else (amount["value"], amount["currency"])
    return bill_line(
        reported,
        scope=(PROJECT, reported.get("project_id")),
        service=service_of(reported.get("line_item")),
        line_item=reported.get("line_item") or "costs",
        amount=None if value is None else number(value),
        currency=currency,
        amount_told=None if value is None else literal(value),
        amount_unit="dollars",
        quantity=None if quantity is None else number(quantity),
        quantity_unit=reported.get("quantity_unit"),
    )


def _refuse_another_organization(client: OpenAIClient, lines: list[dict[str, Any]]) -> None:
    named = {line.get("organization_id") for line in lines} - {None, client.organization}
    if client.organization is not None and named:
        raise CredentialRejected(
            f"OpenAI: lines are of organisation {min(map(str, named))}, and the credential is for {client.organization}"
        )


def _named(projects: Mapping[str, str]) -> str:
    names = sorted(projects.values())
    return ", ".join(names[:SHOWN_PROJECTS]) + (" …" if len(names) > SHOWN_PROJECTS else "")


def _start(bucket: Bucket) -> datetime:
    return datetime.fromtimestamp(bucket.start_time, UTC)
