"""The sandbox refuses what Stripe refuses: held against the official library, and each of our own calls against it."""

import inspect
import re
from datetime import date
from typing import Any

import pytest
import stripe

from orchestration.stripe_billing.api.calls import StripeApi
from tests.sandbox.stripe import StripeProblem, StripeSandbox
from tests.sandbox.stripe.contract import Told, accepted, route_of

CUSTOMER = {"customer": "cus_1"}


def refusal(method: str, path: str, params: dict[str, Any], key: str | None = None) -> StripeProblem:
    with pytest.raises(StripeProblem) as caught:
        accepted(method, path, params, key)
    return caught.value


@pytest.mark.parametrize(
    ("method", "path", "params", "unknown"),
    [
        ("GET", "/v2/core/events/evt_1", {"max_network_retries": "2"}, "max_network_retries"),
        ("GET", "/v1/invoices", {**CUSTOMER, "custmer": "cus_1"}, "custmer"),
        ("GET", "/v1/customers/cus_1", {"idempotency_key": "k"}, "idempotency_key"),
        ("POST", "/v1/prices", {"currency": "usd", "recurring": {"interval": "month", "metr": "m"}}, "recurring[metr]"),
        ("POST", "/v1/subscriptions", {**CUSTOMER, "items": [{"price": "p", "prise": "q"}]}, "items[0][prise]"),
        ("POST", "/v1/billing/meters/mtr_1/deactivate", {"now": "true"}, "now"),
    ],
)
def test_a_parameter_that_stripe_does_not_know_is_refused_wherever_it_stands(
    method: str, path: str, params: dict[str, Any], unknown: str
) -> None:
    problem = refusal(method, path, params)
    assert (problem.status, problem.code, problem.param) == (400, "parameter_unknown", unknown)
    assert problem.message == f"Received unknown parameter: {unknown}"
    assert problem.body()["error"]["type"] == "invalid_request_error"  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "params", "code", "words"),
    [
        ("/v1/billing/meter_events", {"event_name": "v"}, "parameter_missing", "Missing required param: payload."),
        ("/v1/invoiceitems", {**CUSTOMER, "amount": "1.5"}, "parameter_invalid_integer", "Invalid integer: 1.5"),
        ("/v1/products", {"name": ""}, "parameter_invalid_empty", "You passed an empty string for 'name'"),
        ("/v1/prices", {"currency": "usd", "billing_scheme": "flat"}, None, "must be one of per_unit, tiered"),
        ("/v1/prices", {"currency": "usd", "unit_amount_decimal": "0.1234567890123"}, None, "Invalid decimal"),
        ("/v1/prices", {"currency": "usd", "active": "yes"}, None, "Invalid boolean: yes"),
        ("/v1/prices", {"currency": "usd", "recurring": "month"}, None, "Invalid object: month"),
        ("/v1/subscriptions", {**CUSTOMER, "items": {"price": "p"}}, None, "Invalid array"),
        ("/v1/prices", {"currency": "usd", "expand": ["tears"]}, None, "cannot be expanded (tears)"),
        ("/v1/products", {"name": "x", "metadata": {"a": "b" * 501}}, None, "Metadata values"),
        ("/v1/billing/meter_events", {"event_name": "v", "payload": {}, "identifier": "i" * 101}, None, "100"),
        ("/v1/nothing", {}, None, "Unrecognized request URL (POST: /v1/nothing)."),
    ],
)  # fmt: skip
def test_a_parameter_is_of_its_kind(path: str, params: dict[str, Any], code: str | None, words: str) -> None:
    problem = refusal("POST", path, params)
    assert words in problem.message
    if code:
        assert problem.code == code


def test_a_key_has_at_most_255_characters() -> None:
    assert "255" in refusal("POST", "/v1/products", {"name": "x"}, "k" * 256).message


def test_a_list_expands_below_its_data_only() -> None:
    accepted("GET", "/v1/prices", {"expand": ["data.tiers"]}, None)
    accepted("GET", "/v1/prices/price_1", {"expand": ["tiers"]}, None)
    assert "expanded" in refusal("GET", "/v1/prices", {"expand": ["tiers"]}).message


def test_what_the_sandbox_would_ignore_is_told() -> None:
    reported = Told({"a": "1", "b": Told({"c": "1", "d": "2"}), "e": [Told({"f": "1"})]})
    assert reported["b"]["c"] == "1"
    assert [*reported.unread()] == ["a", "b[d]", "e"]
    with StripeSandbox() as sandbox:
        api = StripeApi("sk_test_x", sandbox.url, timeout=5, read_retries=0)
        with pytest.raises(stripe.InvalidRequestError, match=r"does not do .*description"):
            api.create_product({"name": "x", "description": "y"}, "k")
    assert sandbox.violations


def test_each_route_of_the_sandbox_is_one_of_the_library() -> None:
    for method, pattern, _ in StripeSandbox()._routes:
        path = pattern.pattern.replace("([^/]+)", "x_1")
        assert route_of(method, path).method == method


def test_the_options_of_a_call_never_travel_as_its_parameters() -> None:
    """Each call of ours, with its retries and keys: what Stripe is asked has none of them, and no unknown parameter."""
    asked: list[tuple[str, dict[str, Any]]] = []
    refusals: dict[str, str] = {}
    calls = [(name, call) for name, call in inspect.getmembers(StripeApi, inspect.isfunction) if name[0] != "_"]
    with StripeSandbox() as sandbox:
        sandbox.hook = lambda stage, call: asked.append((call.path, call.params)) if stage == "received" else None
        api = StripeApi("sk_test_x", sandbox.url, timeout=5)
        for name, call in calls:
            asks = [one for one in inspect.signature(call).parameters.values() if one.name != "self"]
            by_name = {one.name: _example(one) for one in asks if one.kind is one.KEYWORD_ONLY}
            try:
                call(api, *[_example(one) for one in asks if one.name not in by_name], **by_name)
            except stripe.StripeError as error:
                refusals[name] = str(error)
    assert len(calls) >= 20
    assert [one for one in refusals.values() if re.search("unknown parameter|Unrecognized|does not do", one)] == []
    assert {path for path, params in asked if params.keys() & stripe.RequestOptions.__annotations__.keys()} == set()
    assert {path for path, _ in asked} >= {"/v2/core/events/x_1", "/v1/invoices/create_preview"}


def _example(parameter: inspect.Parameter) -> Any:
    kind = str(parameter.annotation)
    if "Mapping" in kind:
        return {}
    if "date" in kind:
        return date(2026, 11, 1)
    if "bool" in kind:
        return True
    return 1 if "int" in kind else "x_1"
