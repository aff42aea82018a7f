"""The official SDK's types read what the sandbox answers, and say what can be asked for."""

import typing
from contextlib import closing
from datetime import date

import httpx

from sources import openai
from sources.day import Day
from sources.openai import costs
from sources.window import Window
from tests.sandbox.openai import Organization
from tests.sandbox.server import Sandbox
from tests.sources.access import UnhurriedAccess

DAY = date(2026, 10, 5)
KEY = "sk-admin-0123456789"


def test_the_sandbox_answers_as_the_types_have_it(sandbox: Sandbox) -> None:
    from openai.types.admin.organization.usage_costs_response import (
        DataResultOrganizationCostsResult,
        UsageCostsResponse,
    )  # fmt: skip

    line = {"amount": {"value": 0.25, "currency": "usd"}, "line_item": "gpt-4o, input", "project_id": "proj_a"}
    counted = {**line, "line_item": "gpt-4o, output", "quantity": 3, "quantity_unit": "1000_tokens"}
    sandbox.world.openai[KEY] = Organization(lines={DAY: [line, counted]})
    with closing(openai.connect(UnhurriedAccess(KEY, {}, sandbox.url_of("openai")))) as client:
        openai.read(client, Day(DAY))
    (asked,) = sandbox.asked("/openai/organization/costs")
    answer = httpx.get(
        f"{sandbox.url_of('openai')}/organization/costs", params=asked.query,
        headers={"authorization": f"Bearer {KEY}"}, trust_env=False,
    ).raise_for_status()  # fmt: skip
    read = UsageCostsResponse.model_validate_json(answer.content, strict=True)
    (bucket,) = read.data
    known = set(DataResultOrganizationCostsResult.model_fields)
    for found, told in zip(bucket.results, answer.json()["data"][0]["results"], strict=True):
        assert isinstance(found, DataResultOrganizationCostsResult)
        assert set(told) <= known, "the sandbox answers what is in no type"
        assert found.amount is not None
        assert (found.amount.value, found.amount.currency) == (0.25, "usd")
    assert {name for page in (answer.json(), *answer.json()["data"]) for name in page} <= {
        *UsageCostsResponse.model_fields, *type(bucket).model_fields,
    }  # fmt: skip


def test_what_is_asked_for_is_what_the_sdk_can_ask_for() -> None:
    from openai.types.admin.organization.usage_costs_params import UsageCostsParams

    known = typing.get_type_hints(UsageCostsParams)
    asked = costs._question(Window.of_day(DAY))
    assert {name.removesuffix("[]") for name in asked} <= set(known)
    groups = asked["group_by[]"]
    assert isinstance(groups, list)
    assert set(groups) <= set(typing.get_args(typing.get_args(known["group_by"])[0]))
    assert asked["bucket_width"] in typing.get_args(known["bucket_width"])
