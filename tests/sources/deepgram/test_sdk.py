"""The official SDK's types read what the sandbox answers, and say what can be asked for."""

import inspect
import typing
from datetime import date

import httpx
import pytest

from sources.deepgram import costs
from tests.sandbox.deepgram import GROUPS, Project, row
from tests.sandbox.server import Sandbox

DAY = date(2026, 10, 5)


@pytest.fixture
def answer(sandbox: Sandbox) -> bytes:
    sandbox.world.deepgram["p1"] = Project("a-key-of-deepgram", {DAY: [row(tags=["t"]), row(accessor=None, tags=None)]})
    asked = {"start": "2026-10-05", "end": "2026-10-06", "grouping": list(GROUPS)}
    headers = {"authorization": "Token a-key-of-deepgram"}
    path = f"{sandbox.url_of('deepgram')}/v1/projects/p1/billing/breakdown"
    return httpx.get(path, params=asked, headers=headers, trust_env=False).raise_for_status().content


def test_the_sandbox_answers_as_the_types_have_it(answer: bytes) -> None:
    from deepgram.types import BillingBreakdownV1Response

    read = BillingBreakdownV1Response.model_validate_json(answer)
    known = set(type(read.results[0].grouping).model_fields)
    assert all(set(one.grouping.model_dump()) <= known for one in read.results), (
        "the sandbox answers what is in no type"
    )
    assert [one.dollars for one in read.results] == [0.25, 0.25]
    assert set(BillingBreakdownV1Response.model_fields) == set(read.model_dump())


def test_what_is_asked_for_is_what_the_sdk_can_ask_for() -> None:
    from deepgram.manage.v1.projects.billing.breakdown.client import BreakdownClient
    from deepgram.manage.v1.projects.billing.breakdown.types import BreakdownListRequestGroupingItem

    literals = next(one for one in typing.get_args(BreakdownListRequestGroupingItem) if one is not typing.Any)
    assert set(costs.GROUPS) == set(typing.get_args(literals)) == set(GROUPS)
    assert {"start", "end", "grouping"} <= set(inspect.signature(BreakdownClient.list).parameters)
