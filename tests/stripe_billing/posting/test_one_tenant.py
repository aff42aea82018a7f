"""What fails of one tenant at Stripe is that tenant's finding: everything goes on for all others."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.errors import KeyRefused, StripeRefused, StripeUnavailable
from orchestration.stripe_billing.each import PATIENCE, ask_each
from orchestration.stripe_billing.invoices.upcoming import compare_upcoming
from orchestration.stripe_billing.posting.readiness import Finding, Readiness
from orchestration.stripe_billing.posting.report import Limits
from orchestration.stripe_billing.reconciliation import read_summaries
from orchestration.stripe_billing.setup import check
from tests.sandbox.stripe import Fault
from tests.stripe_billing.scene import GRACE, STATEMENT_LINES, Scene, month_of
from warehouse.stripe.billed_tenants import billed_tenants

OTHERS = ("alpha", "beta", "zeta")
FAULTS = [Fault.CUT_OFF, Fault.HOLLOW, Fault.MISSING, Fault.FORBIDDEN, Fault.DOWN, Fault.LIMITED, Fault.ERROR]


@pytest.fixture
def four(scene: Scene) -> Scene:
    """The one that fails is neither the first nor the last."""
    scene.owner.execute(STATEMENT_LINES)
    scene.meter()
    for tenant in (*OTHERS, "ill"):
        scene.tenant(tenant)
        scene.overage(tenant, scene.today - timedelta(days=1), 5)
    return scene


def of_ill(scene: Scene, fault: Fault) -> Callable[[Any], Fault | None]:
    """A fault for whatever is asked of one tenant."""
    ill = {one["id"] for one in scene.stripe.catalogue.subscriptions.values() if one["customer"] == "cus_ill"}

    def chosen(call: Any) -> Fault | None:
        reported = f"{call.path} {call.params}"
        return fault if "cus_ill" in reported or any(name in reported for name in ill) else None

    return chosen


@pytest.mark.parametrize("fault", FAULTS)
def test_posting_goes_on_for_the_others_and_names_the_one(four: Scene, fault: Fault) -> None:
    four.stripe.fault = of_ill(four, fault)
    report = four.post()
    assert report.counts["accepted"] == 3
    assert {tenant for tenant, _ in report.stopped} == {"ill"}
    assert not report.is_clean
    four.stripe.fault = lambda call: None
    four.stripe.now += 7200
    four.post()
    assert [four.held(f"cus_{one}", four.today - timedelta(days=1)) for one in (*OTHERS, "ill")] == [5] * 4


def test_however_many_meters_of_one_go_unanswered_the_others_are_posted(four: Scene) -> None:
    day = four.today - timedelta(days=1)
    meters = [f"m{number}" for number in range(6)]
    for meter in meters:
        four.meter(meter)
    four.tenant("bad", tuple(meters))
    for meter in meters:
        four.overage("bad", day, 5, meter)
    four.stripe.fault = lambda call: Fault.DOWN if "cus_bad" in str(call.params) and call.method == "POST" else None
    report = four.post(Limits(workers=1, per_second=1e6))
    assert report.counts["accepted"] == 4
    assert {tenant for tenant, _ in report.stopped} == {"bad"}


def test_one_that_is_due_alone_and_not_answered_holds_up_nothing_that_follows(four: Scene) -> None:
    four.post()
    four.overage("ill", four.today - timedelta(days=1), 6)
    four.owner.execute("delete from ledger.stripe_cache")
    four.stripe.fault = of_ill(four, Fault.CUT_OFF)
    assert four.post().stopped["ill", None].code == "unanswered"


@pytest.mark.parametrize("fault", [*FAULTS, None])
def test_reading_comparing_and_checking_go_on_for_the_others_and_name_the_one(four: Scene, fault: Fault | None) -> None:
    four.post()
    if fault:
        four.stripe.fault = of_ill(four, fault)
    else:
        four.stripe.catalogue.delete_customer("cus_ill")
    four.owner.execute("delete from ledger.stripe_cache")
    api = four.api()
    with four.billing() as connection, four.billing() as of_cache:
        cache = StripeCache(of_cache, api, four.now)
        readiness = Readiness(cache, four.now, GRACE)
        read = read_summaries(connection, api, readiness, four.now, per_second=1e6)
        upcoming = compare_upcoming(connection, readiness, billed_tenants(connection, four.today), per_second=1e6)
        checked = check(connection, api, cache, readiness, four.now)
    assert (read.days, {one.tenant_id for one in read.failed}) == (3, {"ill"})
    assert {one.tenant_id for one in upcoming.lines} == set(OTHERS)
    assert {one.tenant_id for one in upcoming.failed} <= {"ill"}
    assert {one.tenant_id for one in checked} == {"ill"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/invoiceitems"])
def test_items_go_on_for_the_others_and_name_the_one(four: Scene, fault: Fault, path: str) -> None:
    start, end = month_of(four.today - timedelta(days=40))
    four.owner.execute(
        "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
        " select tenant_id, %s, %s, 'approved', 'x' from control.tenants", [start, end],
    )  # fmt: skip
    four.owner.execute(
        "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, amount, currency,"
        " service_period_start, service_period_end, inputs)"
        " select tenant_id || '/setup', tenant_id, %s, 'setup', 5, 'USD', %s, %s, '{}' from control.tenants",
        [start, start, end],
    )
    ill = of_ill(four, fault)
    four.stripe.fault = lambda call: ill(call) if call.path == path else None
    with four.desk() as (_, invoicer):
        report = invoicer.run()
    assert {item["tenant_id"] for item in report.added} >= set(OTHERS)
    assert {item["tenant_id"] for item, _ in report.left} <= {"ill"}
    four.stripe.fault = lambda call: None
    four.stripe.now += 7200
    for _ in range(2):
        with four.desk() as (_, invoicer):
            invoicer.run()
    assert sorted(item["customer"] for item in four.stripe.invoicing.items.values()) == sorted(
        f"cus_{one}" for one in (*OTHERS, "ill")
    )
    assert {item["amount"] for item in four.stripe.invoicing.items.values()} == {Decimal(500)}


def silent(_: object) -> int:
    raise StripeUnavailable("down")


def test_many_in_a_row_unanswered_or_all_of_them_are_an_outage_and_a_refused_key_is_nobodys() -> None:
    def refused(_: object) -> int:
        raise KeyRefused("no key")

    def odd(number: int) -> int:
        return silent(number) if number % 2 else number

    with pytest.raises(StripeUnavailable, match="7: down"):
        ask_each([7], silent, str)
    with pytest.raises(StripeUnavailable):
        ask_each(range(100), lambda number: number if not number else silent(number), str)
    with pytest.raises(KeyRefused):
        ask_each(range(9), refused, str)
    answers = ask_each(range(2 * PATIENCE + 2), odd, str)
    assert [answer for _, answer in answers if not isinstance(answer, Finding)] == list(range(0, 2 * PATIENCE + 2, 2))


def test_a_refusal_says_our_word_for_it() -> None:
    def gone(_: object) -> int:
        raise StripeRefused("gone", "customer_deleted")

    ((_, finding),) = ask_each(["acme"], gone, str)
    assert isinstance(finding, Finding)
    assert (finding.tenant_id, finding.code) == ("acme", "customer_deleted")


def test_two_items_that_bill_one_meter_are_red_and_hold_it_back_and_the_advice_never_makes_them(four: Scene) -> None:
    catalogue = four.stripe.catalogue
    first = next(one for one in catalogue.subscriptions.values() if one["customer"] == "cus_ill")
    fee = catalogue.create_price(
        {
            "product": next(iter(catalogue.products)), "currency": "usd", "unit_amount_decimal": "100",
            "recurring": {"interval": "month"},
        }
    )["id"]  # fmt: skip
    anchor = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
    wanted = {"customer": "cus_ill", "items": [{"price": fee}], "billing_cycle_anchor_config": anchor}
    second = catalogue.create_subscription(wanted)
    assert four.post().is_clean  # the newer subscription bills no meter, so nothing is advised for it
    four.overage("ill", four.today - timedelta(days=1), 6)
    price = first["items"]["data"][0]["price"]["id"]
    four.stripe.subscribing.update(second["id"], {"items": [{"price": price}], "proration_behavior": "none"})
    four.stripe.now += 120
    found = four.post().stopped["ill", "voice"]
    assert found.code == "billed_twice"
    assert all(name in found.message for name in (first["id"], second["id"], "cus_ill"))
    four.stripe.subscribing.cancel(second["id"], {})
    four.stripe.now += 120
    assert four.post().counts == {"accepted": 1}
