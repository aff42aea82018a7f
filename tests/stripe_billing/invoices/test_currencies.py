"""Statement, invoice item and final invoice agree where Stripe charges less finely than it counts."""

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
import stripe

from tests.sandbox.stripe import StripeSandbox
from tests.stripe_billing.close import DEC, NOV, Close
from tests.stripe_billing.scene import OVERAGES, Scene

START = 1_793_448_000.0  # 2026-10-31 12:00 UTC


@pytest.fixture(params=["BHD", "JOD", "KWD", "OMR", "TND", "ISK", "UGX"])
def close(request: pytest.FixtureRequest, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Close]:
    with StripeSandbox(START) as sandbox, psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(OVERAGES)
        yield Close(Scene(database_url, sandbox, owner), monkeypatch, request.param)


def test_a_month_agrees_from_statement_over_items_to_the_final_invoice(close: Close) -> None:
    """A unit costs 123.7 minor units, so that no usage is exact before it is rounded to what can be charged."""
    is_whole = close.currency in ("ISK", "UGX")
    close.tenant(subscribes=False)
    items = [{"price": close.price("100000")}, {"price": close.price("123.7", close.meter)}]
    anchor = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
    close.stripe.catalogue.create_subscription(
        {"customer": "cus_acme", "items": items, "billing_cycle_anchor_config": anchor, "proration_behavior": "none"}
    )
    close.scene.owner.execute("update control.plan_terms set subscription_fee = %s", [1000 if is_whole else 100])
    close.at("2026-11-20")
    close.use(date(2026, 11, 18), 101)
    close("post")
    close.at("2026-12-02")
    # 101 × 123.7 = 12493.7 of the minor unit: 12.49 dinars, or 125 crowns.
    overage = "125" if is_whole else "12.49"
    close.approve(subscription="1000" if is_whole else "100", overage=overage, setup="7" if is_whole else "7.35")
    close("post")
    close.at("2026-12-06")
    assert close.findings() == []
    assert [int(line["difference"].replace(".", "")) for line in close.final()] == [0, 0, 0]
    step = 100 if is_whole else 10
    final = close.invoices()[-1]
    assert [line["amount"] % step for line in final["lines"]["data"]] == [0, 0, 0]
    stated = 1000 + 125 + 7 if is_whole else 100 + 12.49 + 7.35
    assert final["total"] == round(stated * (100 if is_whole else 1000))
    close.approve(DEC, adjustment="-3" if is_whole else "-1.01")
    close("post")
    assert close.items()[-1] == (-300 if is_whole else -1010)


def test_stripe_refuses_what_no_card_can_be_charged(close: Close) -> None:
    close.tenant(subscribes=False)
    params = {"customer": "cus_acme", "amount": 12_345, "currency": close.currency.lower()}
    with pytest.raises(stripe.InvalidRequestError, match="evenly divisible"):
        close.scene.api().create_invoice_item(params, "k")


def test_a_line_that_was_rounded_too_finely_is_left_and_said(close: Close) -> None:
    close.tenant(proration_behavior="none")
    close.at("2026-12-02")
    close.approve(NOV, setup="7.355")
    assert "round the line first" in close("post", code=1).output
    assert close.items() == []


@pytest.mark.parametrize("close", ["JPY"], indirect=True)
def test_a_currency_without_a_minor_unit_agrees_and_is_corrected_by_whole_yen(close: Close) -> None:
    """By hand: 101 units at 123.7 are 12,493.7, so 12,494; with a fee of 10,000 and a setup of 7, 22,501."""
    close.tenant(subscribes=False)
    close.scene.owner.execute("update control.plan_terms set subscription_fee = 10000, gives_credit_notes = true")
    items = [{"price": close.price("10000")}, {"price": close.price("123.7", close.meter)}]
    anchor = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
    close.stripe.catalogue.create_subscription(
        {"customer": "cus_acme", "items": items, "billing_cycle_anchor_config": anchor, "proration_behavior": "none"}
    )
    close.at("2026-11-20")
    close.use(date(2026, 11, 18), 101)
    close("post")
    close.at("2026-12-02")
    close.approve(subscription="10000", overage="12494", setup="7")
    close("post")
    close.at("2026-12-06")
    assert close.findings() == []
    # December's fee in advance, November's usage, and the setup; November's fee was on the invoice before.
    assert close.invoices()[-1]["total"] == 10_000 + 12_494 + 7
    close.approve(DEC, subscription="10000", adjustment="-124")
    close("post")
    (note,) = close.stripe.invoicing.credit_notes.values()
    assert (note["amount"], note["currency"]) == (124, "jpy")
    close.at("2027-01-06")
    newest = close.invoices()[-1]
    assert (newest["total"], newest["amount_due"]) == (10_000, 10_000 - 124)
    assert close.findings("2026-12") == []
    close.approve(date(2027, 1, 1), adjustment="-0.5")
    assert "round the line first" in close("post", code=1).output
