"""The total of a final invoice is our statement and what is named beside it; invoices made by hand are seen."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.stripe_billing.invoices.findings import Code
from tests.stripe_billing.close import DEC, NOV, Close
from tests.stripe_billing.invoices.test_final import billed, close  # noqa: F401 - fixtures

MART = Path(__file__).parents[3] / "dbt_project/models/marts/stripe/fct_invoice_lines.yml"


def cents(lines: list[dict[str, Any]], invoice: str, *, but: tuple[str, ...] = ()) -> int:
    """What Stripe has on the lines of one invoice."""
    of = [line for line in lines if invoice in line["invoices"] and not line["line"].endswith(but or ("\n",))]
    return int(sum(Decimal(line["stripe"]) for line in of) * 100)


def over(billed: Close, amount: int, reason: str) -> str:  # noqa: F811
    """Somebody changes the customer's balance."""
    balances = billed.stripe.invoicing.balances
    params = {"amount": str(amount), "currency": "usd", "description": reason}
    return str(balances.create("cus_acme", params)["id"])


@pytest.mark.resolves("customer balance")
def test_the_total_of_an_invoice_is_our_lines_and_what_is_named_beside_them(billed: Close) -> None:  # noqa: F811
    """A coupon of 10.00, 20 % tax, 30.00 of balance by hand and an item of 7.00 beside fee, usage and setup."""
    invoicing = billed.stripe.invoicing
    invoicing.coupon, invoicing.tax = 1000, Decimal(20)
    by_hand = over(billed, -3000, "sorry")
    draft = billed.invoices()[-1]["id"]
    period = {"start": int(billed.stripe.now), "end": int(billed.stripe.now)}
    invoicing.create_item(
        {"customer": "cus_acme", "amount": "700", "currency": "usd", "invoice": draft, "period": period}
    )
    (waiting,) = [line for line in billed.final("2026-12") if line["line"] == "ii_000002"]
    assert (waiting["code"], waiting["stripe"]) == (None, "7.00")
    assert "somebody added it" in waiting["waits"]
    billed.at("2026-12-06")
    lines = [*billed.final(), *billed.final("2026-12")]
    lines = list({(line["line"], line["period_start"]): line for line in lines}.values())
    # Setup 500.00, usage 15.00, December's fee 100.00 and 7.00 less 10.00, and the tax on them.
    assert invoicing.invoices[draft]["total"] == 73_440
    assert cents(lines, draft, but=("/balance",)) == 73_440
    assert cents(lines, draft) == invoicing.invoices[draft]["amount_due"] == 70_440
    named = {line["line"]: line["stripe"] for line in lines if line["line"].startswith(draft)}
    assert named == {f"{draft}/discount": "-10.00", f"{draft}/tax": "122.40", f"{draft}/balance": "-30.00"}
    found = {line["line"]: line["code"] for line in lines if line["code"]}
    assert found == {f"{draft}/discount": "discount", by_hand: "customer balance", "ii_000002": "not ours"}
    for code, month in (("customer balance", "2026-12"), ("discount", "2026-11"), ("not ours", "2026-12")):
        billed.follow(code, month)
    assert billed.findings() == billed.findings("2026-12") == []


def test_a_note_of_a_taxed_invoice_gives_back_what_its_lines_had(billed: Close) -> None:  # noqa: F811
    """Of 18.00 that somebody gives back, 3.00 are tax, which stands in no line."""
    invoicing = billed.stripe.invoicing
    invoicing.tax = Decimal(20)
    draft = billed.invoices()[-1]["id"]
    billed.at("2026-12-06")
    note = invoicing.create_credit_note({"invoice": draft, "amount": "1800", "credit_amount": "1800"})["id"]
    assert (note, "credit note not ours", "-15.00") in billed.findings()
    billed.follow("credit note not ours")
    assert billed.findings() == []


@pytest.mark.parametrize("is_automatic", [False, True])
@pytest.mark.parametrize("rate", ["20", "0"])
def test_a_correction_of_a_taxed_invoice_gives_back_its_tax_too(
    billed: Close, rate: str, is_automatic: bool  # noqa: F811
) -> None:  # fmt: skip
    """A note of a line of our own would give back 4.00 of the 4.80, and Stripe Tax refuses such a line."""
    invoicing = billed.stripe.invoicing
    invoicing.tax = Decimal(rate)
    billed.invoices()[-1]["automatic_tax"]["enabled"] = invoicing.is_tax_automatic = is_automatic
    billed.scene.owner.execute("update control.plan_terms set gives_credit_notes = true")
    billed.at("2026-12-06")
    billed.approve(DEC, subscription="100", adjustment="-4.00")
    billed("post")
    is_note = rate == "0" and not is_automatic
    assert len(invoicing.credit_notes) == is_note
    billed.at("2027-01-06")
    newest, factor = billed.invoices()[-1], 100 + int(rate)
    assert newest["amount_due"] == (9600 if is_note else 96 * factor)
    assert [code for _, code, _ in billed.findings("2026-12") if code] == []


def test_a_note_of_ours_is_not_one_by_hand_where_somebody_emptied_its_metadata(billed: Close) -> None:  # noqa: F811
    billed.scene.owner.execute("update control.plan_terms set gives_credit_notes = true")
    billed.at("2026-12-06")
    billed.approve(DEC, subscription="100", adjustment="-4.00")
    billed("post")
    (note,) = billed.stripe.invoicing.credit_notes.values()
    note["metadata"] = {}
    billed.scene.owner.execute(
        "insert into ledger.statement_lines select * from jsonb_populate_record(null::ledger.statement_lines, (select"
        """ to_jsonb(l) || '{"line_id": "acme/2026-12-01/adjustment/more", "amount": -1}' from ledger.statement_lines"""
        " as l where l.line_kind = 'adjustment'))"
    )
    billed("post")
    assert sorted(one["amount"] for one in billed.stripe.invoicing.credit_notes.values()) == [100, 400]


def test_a_note_of_ours_that_somebody_voided_is_named_and_given_back_otherwise(billed: Close) -> None:  # noqa: F811
    billed.scene.owner.execute("update control.plan_terms set gives_credit_notes = true")
    billed.at("2026-12-06")
    billed.approve(DEC, subscription="100", adjustment="-4.00")
    billed("post")
    (note,) = billed.stripe.invoicing.credit_notes.values()
    note["status"] = "void"
    billed.at("2027-01-06")
    (line,) = [one for one in billed.final("2026-12") if one["code"]]
    assert line["what"].startswith(f"{note['id']} was voided")
    billed.follow("voided", "2026-12")
    assert billed.findings("2026-12") == []
    billed("post")
    assert billed.items().count(-400) == 1


def test_every_code_of_a_line_is_one_that_the_mart_takes() -> None:
    """One that it does not know would stop the marts of all tenants."""
    (columns,) = (one["columns"] for one in yaml.safe_load(MART.read_text())["models"])
    (tests,) = (column["data_tests"] for column in columns if column["name"] == "code")
    assert set(tests[0]["accepted_values"]["arguments"]["values"]) == set(Code)


def test_a_balance_that_our_own_credit_note_gave_needs_nobody(billed: Close) -> None:  # noqa: F811
    billed.scene.owner.execute("update control.plan_terms set gives_credit_notes = true")
    billed.at("2026-12-06")
    billed.approve(DEC, subscription="100", adjustment="-4.00")
    billed("post")
    billed.at("2027-01-06")
    newest = billed.invoices()[-1]
    assert (newest["total"], newest["amount_due"]) == (10_000, 9600)
    (line,) = [one for one in billed.final("2026-12") if one["line"] == f"{newest['id']}/balance"]
    assert (line["stripe"], line["code"]) == ("-4.00", None)
    assert billed.findings("2026-12") == billed.findings("2027-01") == []


@pytest.mark.resolves("total differs")
def test_a_total_that_nothing_explains_is_a_finding(billed: Close) -> None:  # noqa: F811
    billed.at("2026-12-06")
    draft = billed.invoices()[-1]
    draft["total"] += 1
    assert billed.findings() == [(f"{draft['id']}/total", "total differs", "0.01")]
    billed.follow("total differs")
    assert billed.findings() == []


@pytest.mark.resolves("paid elsewhere")
def test_an_invoice_that_was_marked_as_paid_outside_stripe_is_told_until_somebody_accepts_it(
    billed: Close,  # noqa: F811
) -> None:
    billed.stripe.invoicing.pays = False
    billed.at("2026-12-06")
    name = billed.invoices()[-1]["id"]
    assert billed.findings() == []
    client = billed.scene.api()._client
    client.v1.invoices.pay(name, {"paid_out_of_band": True})
    assert billed.findings() == [(f"{name}/paid-elsewhere", "paid elsewhere", "-615.00")]
    billed.follow("paid elsewhere")
    assert billed.findings() == []


# S10: an invoice that somebody makes by hand


def by_hand(billed: Close, amount: int, words: str) -> str:  # noqa: F811
    """A one-off invoice of one item, final; returns its id."""
    client = billed.scene.api()._client
    made = client.v1.invoices.create({"customer": "cus_acme", "currency": "usd"})
    client.v1.invoice_items.create(
        {"customer": "cus_acme", "amount": amount, "currency": "usd", "invoice": made.id, "description": words}
    )
    client.v1.invoices.finalize_invoice(made.id)
    return str(made.id)


@pytest.mark.parametrize("subscribes", [True, False])
@pytest.mark.resolves("not ours")
def test_an_item_of_an_invoice_made_by_hand_is_named_and_accepted(close: Close, subscribes: bool) -> None:  # noqa: F811
    close.tenant(subscribes=subscribes, **({"proration_behavior": "none"} if subscribes else {}))
    close.at("2026-11-20")
    name = by_hand(close, 4200, "workshop")
    close.at("2026-12-06")
    close.approve(**({"subscription": "100"} if subscribes else {"setup": "0"}))
    (found,) = [line for line in close.final() if line["code"]]
    assert (found["code"], found["stripe"], found["invoices"]) == ("not ours", "42.00", [name])
    assert "workshop" in found["what"]
    close.follow("not ours")
    assert close.findings() == []


@pytest.mark.parametrize("decision", ["it was this correction", "it was something else"])
@pytest.mark.parametrize("by", ["credit note", "refund"])
def test_what_was_given_back_of_a_one_off_invoice_holds_a_correction_too(
    close: Close, by: str, decision: str,  # noqa: F811
) -> None:  # fmt: skip
    """A tenant without a subscription was charged by one-off invoices alone."""
    close.tenant(subscribes=False)
    close.at("2026-12-05")
    close.approve(setup="545.15")
    close("post")
    close.final()
    close("stripe invoice acme --apply")
    close.at("2026-12-07")
    invoice = close.invoices()[-1]["id"]
    if by == "refund":
        given = close.stripe.invoicing.create_refund({"payment_intent": f"pi_{invoice}", "amount": "1500"})["id"]
    else:
        params = {"invoice": invoice, "amount": "1500", "credit_amount": "1500"}
        given = close.stripe.invoicing.create_credit_note(params)["id"]
    close.at("2027-01-05")
    close.approve(DEC, adjustment="-15.00")
    reported = close("post", code=1).output
    assert given in reported
    assert len(close.items()) == 1
    close("reconcile --final 2026-12", code=1)
    line = f"acme/{DEC}/adjustment"
    close(f"stripe accept {line if decision == 'it was this correction' else given} --reason agreed")
    close("post")
    assert len(close.items()) == (1 if decision == "it was this correction" else 2)


# What is accepted although it is gone is neither added nor taken off


@pytest.mark.parametrize("how", ["voided", "deleted"])
def test_an_item_that_is_gone_and_accepted_as_gone_is_owed_by_nobody(billed: Close, how: str) -> None:  # noqa: F811
    billed.stripe.invoicing.pays = False
    if how == "deleted":
        billed.stripe.invoicing.delete_item("ii_000001")
    billed.at("2026-12-06")
    if how == "voided":
        billed.stripe.invoicing.void(billed.invoices()[-1]["id"])
    line = f"acme/{NOV}/setup"
    assert line in [name for name, *_ in billed.findings()]
    billed(f"stripe accept {line} --reason goodwill")
    before = len(billed.items())
    for _ in range(2):
        billed("post")
        assert len(billed.items()) == before
    assert line not in [name for name, *_ in billed.findings()]


# An invoice is looked at for as long as it can change


def test_an_invoice_that_is_not_paid_is_read_however_old_it_is(billed: Close) -> None:  # noqa: F811
    billed.stripe.invoicing.pays = False
    billed.at("2026-12-06")
    billed.final()
    name = billed.invoices()[-1]["id"]
    billed.at("2027-07-01")
    billed.stripe.invoicing.mark_uncollectible(name)
    with billed.scene.billing() as connection, billed.scene.finals(connection) as finals:
        lines = finals.read(date(2027, 6, 1), until_settled=True)
        assert ("in_000002/payment", "uncollectible") in [(line.line, line.code) for line in lines]
        assert not [line for line in finals.read(date(2027, 6, 1)) if line.line == "in_000002/payment"]


def test_what_a_draft_of_long_ago_charges_in_the_end_is_billed_to_the_cent(billed: Close) -> None:  # noqa: F811
    """Somebody stopped its finalisation, and finalised it after we would look no more."""
    draft = billed.invoices()[-1]
    draft["automatically_finalizes_at"] = None
    billed.at("2027-06-02")
    billed.final()
    billed.stripe.invoicing.finalize(draft["id"])
    line = next(one for one in draft["lines"]["data"] if one["amount"] == 1500)
    line["amount"], draft["total"] = 1000, draft["total"] - 500
    billed.final()
    before = len(billed.items())
    for _ in range(2):
        billed("post")
        assert billed.items()[before:] == [500]
