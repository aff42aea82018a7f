"""Every line of a final invoice has its line of a statement, or a finding; and what a finding prints resolves it."""

from collections.abc import Iterator
from datetime import date

import psycopg
import pytest

from tests.sandbox.stripe import Fault, StripeSandbox
from tests.stripe_billing.close import DEC, NOV, Close
from tests.stripe_billing.scene import OVERAGES, Scene

START = 1_793_448_000.0  # 2026-10-31 12:00 UTC


@pytest.fixture
def close(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Close]:
    with StripeSandbox(START) as stripe, psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(OVERAGES)
        yield Close(Scene(database_url, stripe, owner), monkeypatch)


@pytest.fixture
def billed(close: Close) -> Close:
    """November is over and its invoice drafted: fee 100.00 in advance, 100 units of 0.15, and a setup fee of ours."""
    close.tenant(proration_behavior="none")
    close.at("2026-11-20")
    close.use(date(2026, 11, 18), 100)
    close("post")
    close.at("2026-12-02")
    close.approve(subscription="100", overage="15.00", setup="500")
    close("post")
    return close


def test_a_month_whose_every_line_agrees_says_so(billed: Close) -> None:
    assert {line["line"].split("/")[2]: line["waits"] for line in billed.final()} == {
        "subscription": None, "overage": "a draft", "setup": "a draft",
    }  # fmt: skip
    billed.at("2026-12-06")
    assert {line["line"]: (line["ours"], line["stripe"]) for line in billed.final()} == {
        f"acme/{NOV}/subscription": ("100", "100.00"),
        f"acme/{NOV}/overage/voice": ("15.00", "15.00"),
        f"acme/{NOV}/setup": ("500", "500.00"),
    }
    assert billed.findings() == []
    assert "agree to the cent" in billed("reconcile --final 2026-11").output


def test_tiers_that_stripe_rounds_one_by_one_are_one_line_of_ours(close: Close) -> None:
    close.tenant(subscribes=False)
    tiers = [
        {"up_to": bound, "unit_amount_decimal": cents} for bound, cents in (("1", "0.5"), ("2", "0.5"), ("inf", "15"))
    ]
    recurring = {"interval": "month", "usage_type": "metered", "meter": close.meter}
    product = close.stripe.catalogue.create_product({"name": "x"})["id"]
    price = close.stripe.catalogue.create_price(
        {
            "product": product, "currency": "usd", "recurring": recurring, "billing_scheme": "tiered",
            "tiers_mode": "graduated", "tiers": tiers,
        }
    )["id"]  # fmt: skip
    anchor = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
    close.stripe.catalogue.create_subscription(
        {"customer": "cus_acme", "items": [{"price": price}], "billing_cycle_anchor_config": anchor}
    )
    close.at("2026-11-20")
    close.use(date(2026, 11, 18), 102)
    close("post")
    close.at("2026-12-02")
    close.approve(overage="15.01")
    close("post")
    close.at("2026-12-06")
    assert [line["amount"] for line in close.invoices()[-1]["lines"]["data"]] == [1, 1, 1500, -1]
    assert close.findings() == []


# S3: the subscription fee is a line as any other


@pytest.mark.parametrize(
    ("made", "params", "charged", "difference"),
    [
        ("2026-10-31T12:00", {}, "100.00", "1.61"),
        ("2026-11-03T10:00", {}, "91.94", "-8.06"),
        ("2026-10-31T12:00", {"proration_behavior": "none"}, "100.00", None),
        ("2026-11-03T10:00", {"backdate_start_date": str(int(START) + 43_200)}, "100.00", None),
    ],
)
@pytest.mark.resolves("differs")
def test_a_fee_that_stripe_charged_otherwise_is_a_finding_and_settled_once(
    close: Close, made: str, params: dict[str, str], charged: str, difference: str | None
) -> None:
    close.at(made)
    close.tenant(**params)
    close.at("2026-12-05")
    close.approve(subscription="100")
    fee = f"acme/{NOV}/subscription"
    assert {line["line"]: line["stripe"] for line in close.final() if line["line"] == fee} == {fee: charged}
    # What was charged of October has no statement at all.
    off = fee if charged != "100.00" else "acme/2026-10-01/subscription"
    assert close.findings() == ([(off, "differs", difference)] if difference else [])
    if difference is None:
        return
    assert "planned" in close(f"stripe settle {off}").output
    assert close.items() == []
    for _ in range(2):
        close(f"stripe settle {off} --apply")
        assert close.items() == [-round(float(difference) * 100)]
        assert close.findings() == []


@pytest.mark.resolves("differs")
def test_a_fee_price_that_was_changed_at_stripe_is_a_finding(close: Close) -> None:
    close.tenant(proration_behavior="none")
    (subscription,) = close.stripe.catalogue.subscriptions.values()
    changes = [{"id": subscription["items"]["data"][0]["id"], "price": close.price("3000")}]
    close.stripe.subscribing.update(subscription["id"], {"items": changes, "proration_behavior": "none"})
    close.at("2026-12-05")
    close.approve(subscription="100")
    assert close.findings() == [(f"acme/{NOV}/subscription", "differs", "-70.00")]
    close.follow("differs")
    assert (close.findings(), close.items()) == ([], [7000])


@pytest.mark.resolves("differs")
def test_a_fee_of_a_time_that_the_tenant_has_no_statement_of_is_a_finding(billed: Close) -> None:
    billed.scene.owner.execute("insert into control.tenant_statuses values ('acme', '2026-12-01', 'closed')")
    billed.at("2026-12-06")
    fee = f"acme/{DEC}/subscription"
    assert billed.findings("2026-12") == [(fee, "differs", "100.00")]
    billed.follow("differs", "2026-12")
    assert (billed.findings("2026-12"), billed.items()) == ([], [50_000, -10_000])


# S4: an item counts for as long as Stripe has it


@pytest.mark.resolves("voided")
def test_what_a_voided_invoice_had_charged_is_added_again_exactly_once(billed: Close) -> None:
    billed.stripe.invoicing.pays = False
    billed.at("2026-12-06")
    billed.stripe.invoicing.void(billed.invoices()[-1]["id"])
    assert billed.findings() == [
        (f"acme/{NOV}/overage/voice", "voided", "-15.00"), (f"acme/{NOV}/setup", "voided", "-500.00"),
    ]  # fmt: skip
    billed("post")  # nothing by itself: a person voided it, and decides
    assert len(billed.items()) == 1
    for _ in range(2):
        billed(f"stripe settle acme/{NOV}/setup --apply")
    billed.follow("voided")
    billed("post")
    assert sorted(billed.items()) == [1500, 50_000, 50_000]
    assert billed.findings() == []
    # December's fee was on the voided invoice too.
    billed.stripe.invoicing.pays = True
    billed.at("2027-01-06")
    billed.approve(DEC, subscription="100")
    assert billed.findings("2026-12") == [(f"acme/{DEC}/subscription", "voided", "-100.00")]
    billed.follow("voided", "2026-12")
    assert (billed.findings("2026-12"), billed.items()[-1]) == ([], 10_000)


@pytest.mark.resolves("gone at Stripe")
def test_a_pending_item_that_was_deleted_at_stripe_is_added_again_exactly_once(billed: Close) -> None:
    billed.at("2026-12-06")
    billed.approve(DEC, credit="-54.00")
    billed("post")
    billed.stripe.invoicing.delete_item(list(billed.stripe.invoicing.items)[-1])
    assert billed.findings("2026-12") == [(f"acme/{DEC}/credit", "gone at Stripe", "54.00")]
    billed("post")
    assert billed.items() == [50_000]
    billed.follow("gone at Stripe", "2026-12")
    billed(f"stripe settle acme/{DEC}/credit --apply")
    billed("post")
    assert (billed.items(), billed.findings("2026-12")) == ([50_000, -5400], [])


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.ERROR_AFTER, Fault.DOWN])
def test_settling_that_lost_its_answer_adds_it_once_all_the_same(billed: Close, fault: Fault) -> None:
    billed.at("2026-12-06")
    billed.approve(DEC, setup="54.00")
    billed("post")
    billed.stripe.invoicing.delete_item(list(billed.stripe.invoicing.items)[-1])
    billed.stripe.fault = lambda call: fault if call.method == "POST" and call.path == "/v1/invoiceitems" else None
    billed(f"stripe settle acme/{DEC}/setup --apply", code=1)
    billed.stripe.fault = lambda call: None
    billed.at("2026-12-08")
    billed(f"stripe settle acme/{DEC}/setup --apply")
    billed("post")
    assert (billed.items(), billed.findings("2026-12")) == ([50_000, 5400], [])


@pytest.mark.resolves("on no invoice")
def test_items_of_a_customer_without_a_subscription_go_on_a_one_off_invoice(close: Close) -> None:
    close.tenant(subscribes=False)
    close.at("2026-12-05")
    close.approve(setup="545.15")
    close("post")
    assert close.findings() == [(f"acme/{NOV}/setup", "on no invoice", "0.00")]
    close("stripe invoice acme")
    assert close.invoices() == []
    for _ in range(2):
        close("stripe invoice acme --apply")
    assert [invoice["total"] for invoice in close.invoices()] == [54_515]
    assert close.findings() == []
    close.at("2026-12-06")
    assert close.invoices()[0]["status"] == "paid"
    assert close.findings() == []


@pytest.mark.parametrize("metadata", [{}, {"minutebook_item": "mine now"}])
def test_an_item_whose_metadata_somebody_changed_is_still_ours(billed: Close, metadata: dict[str, str]) -> None:
    """To take it for gone and for somebody else's would have it added, and paid, twice."""
    (item,) = billed.stripe.invoicing.items.values()
    item["metadata"] = metadata
    billed.at("2026-12-06")
    assert billed.findings() == []


# What a person holds is never billed, unless somebody says so


@pytest.mark.resolves("held as a draft")
def test_a_draft_that_somebody_holds_is_told_takes_nothing_and_goes_on_by_what_is_printed(billed: Close) -> None:
    draft = billed.invoices()[-1]
    billed.stripe.invoicing.update_invoice(draft["id"], {"auto_advance": "false"})
    billed.at("2026-12-03")
    billed.scene.owner.execute(
        "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, amount, currency,"
        " service_period_start, service_period_end, inputs) values ('acme/2026-11-01/minimum', 'acme', '2026-11-01',"
        " 'minimum', 21, 'USD', '2026-11-01', '2026-12-01', '{}')"
    )
    billed("post")
    assert [item["invoice"] for item in billed.stripe.invoicing.items.values()] == [draft["id"], None]
    billed.at("2026-12-20")
    assert draft["status"] == "draft"
    assert billed.findings() == [(draft["id"], "held as a draft", "0")]
    billed.follow("held as a draft")
    billed.at("2026-12-21")
    assert draft["status"] == "paid"
    assert billed.findings() == []


def test_an_item_for_a_draft_that_was_held_since_our_last_look_is_billed_once_and_told(billed: Close) -> None:
    """Stripe is read through the cache: for a minute a draft that somebody has just held takes an item of ours."""
    draft = billed.invoices()[-1]
    billed("post")
    billed.stripe.invoicing.update_invoice(draft["id"], {"auto_advance": "false"})
    billed.approve(DEC, setup="54.00")
    billed("post")
    assert [item["invoice"] for item in billed.stripe.invoicing.items.values()] == [draft["id"]] * 2
    billed.at("2026-12-20")
    assert (draft["id"], "held as a draft", "0") in billed.findings()
    billed("post")
    billed.follow("held as a draft")
    billed.at("2026-12-21")
    assert draft["total"] == 61_500 + 5_400
    billed("post")
    assert billed.items() == [50_000, 5_400]
    assert billed.findings() == billed.findings("2026-12") == []


def test_a_draft_of_a_persons_own_is_left_to_the_person(billed: Close) -> None:
    billed.at("2026-12-06")
    made = billed.stripe.invoicing.create_invoice({"customer": "cus_acme", "currency": "usd"})
    assert made["auto_advance"] is False
    billed.approve(DEC, setup="54.00")
    billed("post")
    assert [item["invoice"] for item in billed.stripe.invoicing.items.values()][-1] is None
    assert made["id"] not in {line for line, _, _ in billed.findings("2026-12")}
    assert "no draft is held" in billed("stripe invoice acme").output


@pytest.mark.resolves("uncollectible")
def test_an_invoice_that_was_given_up_is_told_until_somebody_accepts_it(billed: Close) -> None:
    billed.stripe.invoicing.pays = False
    billed.at("2026-12-06")
    name = billed.invoices()[-1]["id"]
    billed.stripe.invoicing.mark_uncollectible(name)
    assert billed.findings() == [(f"{name}/payment", "uncollectible", "-615.00")]
    billed.follow("uncollectible")
    assert billed.findings() == []


# S10: what is used late by a closed tenant


def test_late_items_go_on_any_draft_of_the_customer(billed: Close) -> None:
    """November is corrected while December's draft is open."""
    billed.at("2027-01-02")
    draft = billed.invoices()[-1]
    assert draft["status"] == "draft"
    billed.scene.owner.execute(
        "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, amount, currency,"
        " service_period_start, service_period_end, inputs) values ('acme/2026-11-01/minimum', 'acme', '2026-11-01',"
        " 'minimum', 21, 'USD', '2026-11-01', '2026-12-01', '{}')"
    )
    billed("post")
    assert [item["invoice"] for item in billed.stripe.invoicing.items.values()][-1] == draft["id"]


@pytest.mark.resolves("on no invoice")
def test_late_usage_of_a_closed_tenant_reaches_a_one_off_invoice_and_no_subscription_is_advised(billed: Close) -> None:
    billed.scene.owner.execute("insert into control.tenant_statuses values ('acme', '2026-12-01', 'closed')")
    (subscription,) = billed.stripe.catalogue.subscriptions.values()
    billed.stripe.subscribing.cancel(subscription["id"], {})
    billed.at("2026-12-06")
    billed.use(date(2026, 11, 30), 140)
    billed("post")
    assert "no_subscription" not in billed("stripe check", code=0).output
    billed.approve(DEC, adjustment="21.00")
    billed("post")
    assert (f"acme/{DEC}/adjustment", "on no invoice", "0.00") in billed.findings("2026-12")
    billed.follow("on no invoice", "2026-12")
    assert [invoice["total"] for invoice in billed.invoices()][-1] == 2100


def test_usage_that_changes_after_the_subscription_has_ended_is_billed_at_approval(close: Close) -> None:
    close.tenant(proration_behavior="none")
    close.scene.owner.execute("insert into control.tenant_statuses values ('acme', '2026-11-20', 'closed')")
    close.at("2026-11-21")
    (subscription,) = close.stripe.catalogue.subscriptions.values()
    close.stripe.subscribing.cancel(subscription["id"], {})
    close.use(date(2026, 11, 18), 140)
    reported = close("post", code=1).output
    assert "no meter takes" in reported
    assert "subscription: create one" not in reported
    assert [row[3:] for row in close.scene.states("acme")] == [("uncovered", "subscription_ended")]
    close.at("2026-12-02")
    close.approve(subscription="100", overage="21.00")
    close("post")
    close.follow("on no invoice")
    assert ([invoice["total"] for invoice in close.invoices()][-1], close.findings()) == (2100, [])


# S11: what people do at Stripe is told


@pytest.mark.resolves("not ours")
@pytest.mark.resolves("credit note not ours")
@pytest.mark.resolves("refund")
@pytest.mark.resolves("discount")
def test_what_people_did_at_stripe_is_told_until_it_is_accepted(billed: Close) -> None:
    invoicing = billed.stripe.invoicing
    draft = billed.invoices()[-1]["id"]
    period = {"start": int(START) + 50_000, "end": int(START) + 60_000}
    item = {"customer": "cus_acme", "amount": "700", "currency": "usd", "invoice": draft, "period": period}
    invoicing.create_item(item)
    invoicing.coupon = 100
    billed.at("2026-12-06")
    note = invoicing.create_credit_note({"invoice": draft, "amount": "250", "credit_amount": "250"})["id"]
    refund = invoicing.create_refund({"payment_intent": f"pi_{draft}", "amount": "300"})["id"]
    both = {
        "ii_000002": ("not ours", "7.00"), note: ("credit note not ours", "-2.50"), refund: ("refund", "-3.00"),
        f"{draft}/discount": ("discount", "-1.00"),
    }  # fmt: skip
    assert {line: tuple(rest) for line, *rest in billed.findings()} == both
    for code in [code for code, _ in both.values()]:
        billed.follow(code)
    assert billed.findings() == []
    # Accepted is an amount, not the object whatever becomes of it.
    invoicing.invoices[draft]["total_discount_amounts"] = [{"amount": 101, "discount": "di_1"}]
    invoicing.invoices[draft]["total"] -= 1
    assert [found[0] for found in billed.findings()] == [f"{draft}/discount"]
    kept = billed.scene.owner.execute("select distinct reason from ledger.stripe_acceptances").fetchall()
    assert kept == [("agreed with Acme",)]
    audited = billed.scene.owner.execute(
        "select count(*) from ledger.audit_log where object_table = 'ledger.stripe_acceptances' and tenant_id = 'acme'"
    )
    assert audited.fetchone() == (4,)


def test_a_refund_that_a_credit_note_gave_is_told_once(billed: Close) -> None:
    billed.at("2026-12-06")
    draft = billed.invoices()[-1]["id"]
    billed.stripe.invoicing.create_credit_note({"invoice": draft, "amount": "250", "refund_amount": "250"})
    assert [found[1:] for found in billed.findings()] == [("credit note not ours", "-2.50")]


@pytest.mark.parametrize("by", ["credit note", "refund"])
@pytest.mark.parametrize("notes", [True, False])
@pytest.mark.parametrize("decision", ["it was this correction", "it was something else"])
def test_what_was_given_back_by_hand_is_not_given_back_again_unless_a_person_says_so(
    billed: Close, by: str, notes: bool, decision: str
) -> None:
    billed.scene.owner.execute("update control.plan_terms set gives_credit_notes = %s", [notes])
    billed.at("2026-12-06")
    invoice = billed.invoices()[-1]["id"]
    if by == "refund":
        given = billed.stripe.invoicing.create_refund({"payment_intent": f"pi_{invoice}", "amount": "1500"})["id"]
    else:
        params = {"invoice": invoice, "amount": "1500", "credit_amount": "1500"}
        given = billed.stripe.invoicing.create_credit_note(params)["id"]
    billed.approve(DEC, adjustment="-15.00")
    reported = billed("post", code=1).output
    assert given in reported
    before = len(billed.items()), len(billed.stripe.invoicing.credit_notes)
    line = f"acme/{DEC}/adjustment"
    billed("reconcile --final 2026-11", code=1)
    subject = line if decision == "it was this correction" else given
    assert f"minutebook stripe accept {subject}" in reported
    billed(f"stripe accept {subject} --reason agreed")
    billed("post")
    after = len(billed.items()), len(billed.stripe.invoicing.credit_notes)
    assert sum(after) - sum(before) == (decision == "it was something else")
    billed("post")
    assert (len(billed.items()), len(billed.stripe.invoicing.credit_notes)) == after


@pytest.mark.resolves("credit note refused")
@pytest.mark.parametrize("decision", ["settle", "accept"])
def test_a_refused_credit_note_asks_a_person(billed: Close, decision: str) -> None:
    billed.scene.owner.execute("update control.plan_terms set gives_credit_notes = true")
    billed.at("2026-12-06")
    billed.approve(DEC, adjustment="-700.00")  # more than the invoice was
    reported = billed("post", code=1).output
    assert "a person decides" in reported
    billed("post", code=1)
    assert billed.items() == [50_000]
    line = f"acme/{DEC}/adjustment"
    assert billed.findings("2026-12") == [(line, "credit note refused", "700.00")]
    if decision == "settle":
        billed.follow("credit note refused", "2026-12")
    else:
        billed(f"stripe accept {line} --reason agreed")
    billed("post")
    assert billed.items() == ([50_000, -70_000] if decision == "settle" else [50_000])
    assert billed.findings("2026-12") == []


@pytest.mark.resolves("not posted")
def test_an_approved_line_that_was_not_posted_is_told_with_what_posts_it(billed: Close) -> None:
    billed.at("2026-12-06")
    billed.approve(DEC, setup="20")
    assert billed.findings("2026-12") == [(f"acme/{DEC}/setup", "not posted", "-20.00")]
    billed.follow("not posted", "2026-12")
    assert billed.findings("2026-12") == []


@pytest.mark.resolves("not approved")
def test_a_final_invoice_of_a_statement_that_is_not_approved_is_told(billed: Close) -> None:
    owner = billed.scene.owner
    billed.at("2026-12-06")
    owner.execute("delete from ledger.statement_lines")
    owner.execute("update ledger.periods set state = 'in_review', manifest_hash = null")
    owner.execute(
        "insert into marts.fct_statement_lines"
        " values ('acme', %s, 'subscription', null, 90, 1, 'acme/2026-11-01/subscription')", [NOV],
    )  # fmt: skip
    (found,) = [line for line in billed.final() if line["line"].endswith("subscription")]
    assert (found["code"], found["what_to_do"]) == ("not approved", "minutebook approve 2026-11 --tenant acme")


@pytest.mark.resolves("not readable")
def test_a_tenant_that_stripe_does_not_show_is_its_own_finding(billed: Close) -> None:
    billed.scene.tenant("beta")
    billed.at("2026-12-06")
    customer = billed.stripe.catalogue.customers.pop("cus_beta")
    assert [found for found in billed.findings() if found[0] != "invoices"] == []
    (found,) = [line for line in billed.final() if line["code"]]
    assert (found["tenant_id"], found["code"]) == ("beta", "not readable")
    billed("stripe check --tenant beta", code=1)
    billed.stripe.catalogue.customers["cus_beta"] = customer
    assert billed.findings() == []
