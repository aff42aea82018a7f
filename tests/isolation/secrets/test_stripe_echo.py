"""A Stripe that repeats our key to us is quoted without it: in every error the library makes of an answer."""

import traceback

import pytest
import stripe

from orchestration.stripe_billing.api.calls import StripeApi
from tests.sandbox.faults import status
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.server import Sandbox

KEY = "sk_test_canaryEcho41aa"


@pytest.mark.parametrize("code", [400, 401, 403, 429, 500])
@pytest.mark.parametrize(
    "body", [{"error": {"message": f"no such key: {KEY}"}}, f"<html>{KEY}".encode()], ids=["json", "html"]
)
def test_an_error_of_stripe_never_holds_our_key(sandbox: Sandbox, code: int, body: object) -> None:  # noqa: F811
    sandbox.faults.script("/v1/products", status(code, body=body), times=20)
    with pytest.raises(stripe.StripeError) as refused:
        StripeApi(KEY, sandbox.url, read_retries=0).products()
    error = refused.value
    reported = [str(error), repr(error), repr(error.args), str(error.http_body), str(error.json_body), str(vars(error))]
    assert KEY not in "".join([*reported, *traceback.format_exception(error)])
    assert "[key]" in str(error.http_body)
