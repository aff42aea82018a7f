"""Marts = postings = Stripe, or a finding says where not and what to do."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.errors import NotFoundInLedger, StripeUnavailable
from orchestration.stripe_billing.posting.readiness import Readiness
from orchestration.stripe_billing.posting.report import Limits
from orchestration.stripe_billing.reconciliation import Difference, differences, post_again, read_summaries
from tests.sandbox.stripe import Fault
from tests.stripe_billing.comparison import set_today
from tests.stripe_billing.scene import GRACE, Scene, month_of


@pytest.fixture
def acme(scene: Scene) -> str:
    scene.meter()
    customer = scene.tenant("acme")
    for age in (1, 2, 3):
        scene.overage("acme", scene.today - timedelta(days=age), 10 + age)
    scene.post()
    scene.stripe.advance(2 * 3600)
    return customer


def compared(scene: Scene) -> list[Difference]:
    api = scene.api()
    with scene.billing() as connection, scene.billing() as of_cache:
        readiness = Readiness(StripeCache(of_cache, api, scene.now), scene.now, GRACE)
        read_summaries(connection, api, readiness, scene.now, per_second=1e6)
        set_today(scene.owner, scene.now().date())
        return differences(connection)


def overwrite(scene: Scene, customer: str, day: date, value: int) -> None:
    """Somebody else posts."""
    params = {
        "event_name": "minutebook_voice", "payload": {"stripe_customer_id": customer, "value": str(value)},
        "timestamp": str((day - date(1970, 1, 1)).days * 86_400),
    }  # fmt: skip
    scene.stripe.metering.receive(params, "theirs")


def test_what_agrees_is_not_told(scene: Scene, acme: str) -> None:
    assert compared(scene) == []


@pytest.mark.parametrize(("held", "finding"), [(4, "missing"), (400, "extra")])
def test_over_and_under_are_told_and_repaired_only_by_a_person(
    scene: Scene, acme: str, held: int, finding: str
) -> None:
    day = scene.today - timedelta(days=2)
    overwrite(scene, acme, day, held)
    (found,) = compared(scene)
    assert (found.finding, found.ours, found.posted, found.stripe) == (finding, 12, 12, held)
    assert f"post --again acme/voice/{day}" in found.what_to_do
    assert scene.post().counts == {}
    with scene.billing() as connection:
        post_again(connection, "acme", "voice", day, scene.now())
    scene.post()
    assert scene.held(acme, day) == 12
    assert [one for one in compared(scene) if one.is_red] == []


def test_what_nobody_of_ours_posted_is_extra(scene: Scene, acme: str) -> None:
    overwrite(scene, acme, scene.today - timedelta(days=9), 5)
    (found,) = compared(scene)
    assert (found.finding, found.difference) == ("extra", 5)
    assert "Somebody else" in found.what_to_do


def test_what_is_restated_and_not_posted_yet_is_told(scene: Scene, acme: str) -> None:
    scene.overage("acme", scene.today - timedelta(days=1), 50)
    (found,) = compared(scene)
    assert (found.finding, found.ours, found.posted) == ("not posted", 50, 11)


def test_what_stripe_drops_after_its_answer_is_missing(scene: Scene, acme: str) -> None:
    day = scene.today - timedelta(days=1)
    scene.stripe.metering.lag = lambda: 60
    scene.overage("acme", day, 70)
    scene.post()
    scene.stripe.metering._waiting.clear()
    assert [one.finding for one in compared(scene)] == ["settling"]
    scene.stripe.advance(7200)
    assert [one.finding for one in compared(scene)] == ["missing"]


def test_what_no_meter_takes_is_red_until_it_is_billed_and_says_at_each_step_what_to_do(
    scene: Scene, acme: str
) -> None:
    """Here it arrived after Stripe was read back, so that its invoice charges 7 of the 9 that were used."""
    assert compared(scene) == []
    first, turn = month_of(scene.today)
    day = turn - timedelta(days=1)
    scene.stripe.advance(((day - scene.today).days + 1) * 86_400)
    scene.stripe.metering.lag = lambda: 2 * 86_400
    scene.stripe.fault = lambda call: Fault.LOST_ANSWER if call.path.endswith("meter_events") else None
    scene.overage("acme", day, 7)
    scene.post(Limits(workers=1, per_second=1e6, attempts=2))
    scene.stripe.fault = lambda call: None
    scene.stripe.advance(4 * 86_400)
    scene.overage("acme", day, 9)
    scene.post()
    old = scene.today - timedelta(days=40)
    scene.overage("acme", old, 3)  # restated when no meter takes it any more: there is no posting of it
    scene.stripe.advance(86_400)

    def reported() -> list[tuple[str, int, int, int, bool]]:
        found = compared(scene)
        assert all("--again" not in one.what_to_do for one in found)
        assert all(words in one.what_to_do for one in found for words in next_steps), found
        return [(one.finding, one.ours, one.posted, int(one.stripe), one.is_red) for one in found]

    next_steps = ["minutebook approve", "--tenant acme"]
    assert reported() == [("uncovered", 3, 0, 0, True), ("uncovered", 9, 7, 7, True)]
    scene.stripe.advance(10 * 86_400)  # and it stays red however old it is
    assert [row[0] for row in reported()] == ["uncovered"] * 2
    for start, end, units in ((*month_of(old), 11 + 12 + 13 + 3), (first, turn, 9)):
        scene.owner.execute(
            "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
            " values ('acme', %s, %s, 'approved', 'x')", [start, end],
        )  # fmt: skip
        scene.owner.execute(
            "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, meter_id, amount,"
            " currency, service_period_start, service_period_end, inputs)"
            " values (%s, 'acme', %s, 'overage', 'voice', %s, 'USD', %s, %s, '{}')",
            [f"acme/{start}/overage/voice", start, Decimal(15 * units) / 100, start, end],
        )
    next_steps = ["`minutebook post` bills"]
    assert reported() == [("uncovered", 7, 7, 7, True)]
    with scene.desk() as (_, invoicer):
        assert sorted(item["amount"] for item in invoicer.run().added) == [Decimal("0.30"), Decimal("5.85")]
    assert reported() == []
    overwrite(scene, acme, day, 8)  # whatever Stripe comes to hold of it, the invoice is final
    assert reported() == []


def test_without_stripe_nothing_is_compared(scene: Scene, acme: str) -> None:
    scene.stripe.fault = lambda call: Fault.DOWN if "summaries" in call.path else None
    with pytest.raises(StripeUnavailable, match="nothing was compared"):
        compared(scene)


def test_a_repair_names_a_posting_that_is_there(scene: Scene, acme: str) -> None:
    with scene.billing() as connection, pytest.raises(NotFoundInLedger):
        post_again(connection, "acme", "voice", scene.today, scene.now())
