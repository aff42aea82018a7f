"""A unit of overage reaches Stripe exactly once, whatever fails on the way."""

from datetime import date, timedelta

import psycopg
import pytest

from orchestration.stripe_billing.api.errors import StripeRefused, StripeUnavailable
from orchestration.stripe_billing.posting import run
from orchestration.stripe_billing.posting.report import Limits
from tests.sandbox.stripe import Fault
from tests.stripe_billing.scene import DAY, Scene, month_of, on_call
from warehouse.stripe.postings import PosterBusy, posting_lock

FAULTS_THAT_HEAL = [
    Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.ERROR, Fault.ERROR_AFTER, Fault.LIMITED, Fault.BUSY, Fault.DOWN,
]  # fmt: skip


@pytest.fixture
def acme(scene: Scene) -> str:
    scene.meter()
    return scene.tenant("acme")


def test_overage_is_posted_once_and_a_second_run_costs_one_query(scene: Scene, acme: str) -> None:
    days = [scene.today - timedelta(days=age) for age in (3, 2, 1)]
    for value, day in enumerate(days, 5):
        scene.overage("acme", day, value)
    report = scene.post()
    assert report.is_clean
    assert report.counts == {"accepted": 3}
    assert [scene.held(acme, day) for day in days] == [5, 6, 7]
    requests = scene.stripe.requests
    with scene.desk() as (poster, _):
        statements: list[str] = []
        real = psycopg.Cursor.execute

        def counted(cursor: psycopg.Cursor, query: object, *rest: object, **options: object) -> object:
            statements.append(str(query))
            return real(cursor, query, *rest, **options)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(psycopg.Cursor, "execute", counted)
            assert poster.run().counts == {}
    assert len([text for text in statements if "fct_overages_daily" in text]) == 1
    assert len(statements) == 3  # the lock, the query, the lock given back
    assert scene.stripe.requests == requests


def test_a_restated_day_overwrites_and_a_day_that_fell_to_nothing_is_posted_as_zero(scene: Scene, acme: str) -> None:
    first, second = scene.today - timedelta(days=2), scene.today - timedelta(days=1)
    scene.overage("acme", first, 5)
    scene.overage("acme", second, 9)
    scene.post()
    scene.overage("acme", first, 8)
    scene.forget_overage("acme", second)
    scene.post()
    assert (scene.held(acme, first), scene.held(acme, second)) == (8, 0)
    assert scene.states("acme") == [
        (first, 1, 5, "accepted", None), (first, 2, 8, "accepted", None),
        (second, 1, 9, "accepted", None), (second, 2, 0, "accepted", None),
    ]  # fmt: skip


def test_a_day_never_posted_counts_as_zero(scene: Scene, acme: str) -> None:
    scene.overage("acme", scene.today - timedelta(days=1), 0)
    assert scene.post().counts == {}
    assert scene.sent() == 0


def test_incomplete_and_unflagged_days_are_not_posted(scene: Scene, acme: str) -> None:
    scene.tenant("beta")
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 4, complete=False)
    scene.overage("beta", day, 4)
    scene.owner.execute("update control.tenants set feature_flags = '{}' where tenant_id = 'beta'")
    assert scene.post().counts == {}


def test_the_day_in_progress_is_sent_as_it_stands_and_what_replaces_it_overwrites_it(scene: Scene, acme: str) -> None:
    day = scene.today
    for value in (4, 4, 9, 7):
        scene.overage("acme", day, value, complete=False, known=True)
        scene.post()
    assert scene.held(acme, day) == 7
    assert [value for _, _, value, *_ in scene.states("acme")] == [4, 9, 7]
    scene.stripe.advance(DAY)
    scene.overage("acme", day, 7, complete=False)
    scene.overage("acme", scene.today, 3, complete=False)
    assert scene.post().counts == {}, "until the night has read the day, neither it nor the next is known"
    scene.overage("acme", day, 8)
    scene.overage("acme", scene.today, 3, complete=False, known=True)
    assert scene.post().counts == {"accepted": 2}
    assert (scene.held(acme, day), scene.held(acme, scene.today)) == (8, 3)


def test_an_approved_period_takes_no_new_day_values(scene: Scene, acme: str) -> None:
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 4)
    scene.owner.execute(
        "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
        " select tenant_id, period_start, period_start + 31, 'approved', 'x' from marts.fct_overages_daily"
    )
    assert scene.post().counts == {}


@pytest.mark.parametrize("fault", FAULTS_THAT_HEAL)
@pytest.mark.parametrize("number", [1, 2])
def test_a_fault_on_the_way_neither_loses_nor_doubles(scene: Scene, acme: str, fault: Fault, number: int) -> None:
    days = [scene.today - timedelta(days=age) for age in (2, 1)]
    for day in days:
        scene.overage("acme", day, 7)
    scene.stripe.fault = on_call(number, fault)
    report = scene.post(Limits(workers=1, per_second=1e6))
    assert report.counts["accepted"] == 2
    assert [scene.held(acme, day) for day in days] == [7, 7]


def test_an_answer_that_never_comes_is_awaited_no_longer_than_the_timeout_and_its_row_sent_again(
    scene: Scene, acme: str
) -> None:
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 7)
    scene.stripe.fault = on_call(1, Fault.HANG)
    with scene.desk(scene.api(timeout=0.3)) as (poster, _):
        assert poster.run().counts == {"accepted": 1}
    assert scene.held(acme, day) == 7
    assert scene.states("acme") == [(day, 1, 7, "accepted", None)]


def test_an_outage_stops_the_run_and_the_next_run_sends_the_same_rows(scene: Scene, acme: str) -> None:
    day = scene.today - timedelta(days=1)
    scene.tenant("bolt")
    for tenant in ("acme", "bolt"):
        scene.overage(tenant, day, 7)
    scene.stripe.fault = lambda call: Fault.DOWN if call.path.endswith("meter_events") else None
    with pytest.raises(StripeUnavailable, match="pending"):
        scene.post(Limits(workers=1, per_second=1e6, patience=6))
    assert scene.states("acme") == [(day, 1, 7, "pending", None)]
    scene.stripe.fault = lambda call: None
    scene.overage("acme", day, 11)
    scene.post()
    assert [row[1:4] for row in scene.states("acme")] == [(1, 7, "accepted"), (2, 11, "accepted")]
    assert scene.held(acme, day) == 11


@pytest.mark.parametrize("arrived", [True, False])
def test_after_a_day_of_outage_stripe_is_read_before_anything_is_sent_again(
    scene: Scene, acme: str, arrived: bool
) -> None:
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 7)
    fault = Fault.LOST_ANSWER if arrived else Fault.LOST_REQUEST
    scene.stripe.fault = lambda call: fault if call.path.endswith("meter_events") else None
    scene.post(Limits(workers=1, per_second=1e6, attempts=2))
    scene.stripe.fault = lambda call: None
    scene.stripe.advance(26 * 3600)
    sent = scene.sent()
    scene.post()
    assert scene.held(acme, day) == 7
    versions = [row[1:] for row in scene.states("acme")]
    if arrived:
        assert versions == [(1, 7, "accepted", None)]
        assert scene.sent() == sent
    else:
        assert versions == [(1, 7, "lost", "forgotten"), (2, 7, "accepted", None)]


def test_a_month_of_outage_leaves_what_no_meter_can_carry_uncovered(scene: Scene, acme: str) -> None:
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 7)
    scene.stripe.fault = lambda call: Fault.LOST_REQUEST if call.path.endswith("meter_events") else None
    scene.post(Limits(workers=1, per_second=1e6, attempts=2))
    scene.stripe.fault = lambda call: None
    scene.stripe.advance(40 * DAY)
    scene.post()
    assert scene.states("acme") == [(day, 1, 7, "uncovered", "too_old")]


def test_a_final_invoice_takes_no_late_usage(scene: Scene, acme: str) -> None:
    last_day = scene.today.replace(day=1) + timedelta(days=31)
    last_day = last_day.replace(day=1) - timedelta(days=1)
    scene.stripe.advance(((last_day - scene.today).days + 2) * DAY)
    scene.overage("acme", last_day, 7)
    assert scene.post().counts == {"accepted": 1}  # the draft still takes it
    scene.stripe.advance(3 * DAY)
    scene.overage("acme", last_day, 9)
    assert scene.post().counts == {"uncovered": 1}
    assert scene.post().counts == {}
    assert scene.states("acme")[-1][3:] == ("uncovered", "invoice_final")


def test_a_value_of_more_than_fifteen_digits_is_never_sent(scene: Scene, acme: str) -> None:
    scene.overage("acme", scene.today - timedelta(days=1), 10**15)
    assert scene.post().counts == {"uncovered": 1}
    assert scene.sent() == 0
    assert scene.post().counts == {}


def test_a_tenant_that_is_not_set_up_is_named_and_the_others_go_on(scene: Scene) -> None:
    scene.meter()
    scene.meter("chat")
    scene.meter("raw", event_time_window=None)
    scene.meter("gone")
    good = scene.tenant("good")
    scene.tenant("archived", meters=("gone",))
    scene.tenant("ended")
    scene.tenant("euro")
    meters = scene.stripe.metering.meters
    next(one for one in meters.values() if one["event_name"] == "minutebook_gone")["status"] = "inactive"
    for subscription in scene.stripe.catalogue.subscriptions.values():
        if subscription["customer"] == "cus_ended":
            subscription["status"] = "canceled"
    scene.owner.execute("update control.tenants set currency = 'EUR' where tenant_id = 'euro'")
    scene.owner.execute(
        "insert into control.meters (meter_id, name, unit, source, item, stripe_event_name)"
        " values ('new', 'new', 'unit', 'usage_metrics', 'new', 'mb_new'),"
        " ('plain', 'plain', 'unit', 'usage_metrics', 'plain', null)"
    )
    deleted = scene.tenant("deleted")
    scene.tenant("late", anchor_config={"hour": 9})
    scene.tenant("itemless", meters=("chat",))
    scene.tenant("double", meters=("raw",))
    scene.tenant("nobody")
    scene.owner.execute("update control.tenants set stripe_customer_id = null where tenant_id = 'nobody'")
    scene.stripe.catalogue.delete_customer(deleted)
    day = scene.today - timedelta(days=1)
    for tenant in ("good", "deleted", "late", "itemless", "nobody", "ended", "euro"):
        scene.overage(tenant, day, 3)
    for tenant, meter in (("double", "raw"), ("archived", "gone"), ("good", "new"), ("good", "plain")):
        scene.overage(tenant, day, 3, meter)
    report = scene.post()
    assert scene.held(good, day) == 3
    assert {key: found.code for key, found in report.stopped.items()} == {
        ("deleted", None): "customer_deleted", ("late", None): "anchor_wrong", ("itemless", "voice"): "no_item",
        ("double", "raw"): "meter_wrong", ("nobody", None): "no_customer", ("ended", None): "no_subscription",
        ("euro", None): "currency_wrong", ("archived", "gone"): "meter_archived", ("good", "new"): "meter_missing",
        ("good", "plain"): "no_event_name",
    }  # fmt: skip
    assert scene.sent() == 1
    assert not report.is_clean


def test_a_grace_of_an_hour_stops_posting(scene: Scene, acme: str) -> None:
    scene.stripe.invoicing.grace = 3600
    scene.stripe.advance(40 * DAY)
    scene.overage("acme", scene.today - timedelta(days=1), 3)
    report = scene.post()
    assert report.stopped["acme", None].code == "grace_too_short"
    assert scene.sent() == 0


def test_an_invoice_that_a_person_finalised_early_does_not_stop_posting(scene: Scene, acme: str) -> None:
    scene.stripe.advance(61 * DAY)
    invoicing = scene.stripe.invoicing
    (draft,) = [one["id"] for one in invoicing.invoices.values() if one["status"] == "draft"]
    invoicing.finalize(draft)
    scene.overage("acme", scene.today - timedelta(days=1), 3)
    assert scene.post().counts == {"uncovered": 1}
    scene.stripe.advance(2 * DAY)
    scene.overage("acme", scene.today - timedelta(days=1), 3)
    assert scene.post().counts == {"accepted": 1}


def test_a_subscription_of_more_items_than_it_shows_is_read_whole(scene: Scene) -> None:
    meters = tuple(f"meter_{number}" for number in range(12))
    for meter in meters:
        scene.meter(meter)
    scene.tenant("acme", meters)
    for meter in meters:
        scene.overage("acme", scene.today - timedelta(days=1), 3, meter)
    report = scene.post()
    assert report.is_clean
    assert report.counts == {"accepted": 12}


def test_an_unknown_grace_stops_posting_until_a_person_or_an_invoice_tells_it(scene: Scene, acme: str) -> None:
    scene.overage("acme", scene.today - timedelta(days=1), 3)
    scene.grace = None
    report = scene.post()
    assert report.stopped["acme", None].code == "grace_unknown"
    assert "MINUTEBOOK_STRIPE_GRACE_HOURS" in report.stopped["acme", None].message
    assert scene.sent() == 0
    scene.stripe.advance(31 * DAY)  # Stripe drafts an invoice, which shows it
    scene.overage("acme", scene.today - timedelta(days=1), 3)
    assert scene.post().counts == {"accepted": 2}


def test_a_refused_key_stops_the_run_at_once(scene: Scene, acme: str) -> None:
    scene.overage("acme", scene.today - timedelta(days=1), 3)
    scene.stripe.fault = lambda call: Fault.UNAUTHORIZED if call.path.endswith("meter_events") else None
    with pytest.raises(StripeRefused, match="MINUTEBOOK_STRIPE_API_KEY"):
        scene.post()
    assert [row[3] for row in scene.states("acme")] == ["pending"]


def test_two_runs_never_post_at_once(scene: Scene, acme: str) -> None:
    scene.overage("acme", scene.today - timedelta(days=1), 3)
    with scene.billing() as other, posting_lock(other), pytest.raises(PosterBusy, match="Another process is posting"):
        scene.post()
    assert scene.post().counts == {"accepted": 1}


def test_a_dry_run_shows_every_event_and_sends_none(scene: Scene, acme: str) -> None:
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 3)
    report = scene.post(dry_run=True)
    assert [(row.tenant_id, row.usage_date, row.value, row.held) for row in report.events] == [("acme", day, 3, 0)]
    assert scene.sent() == 0
    assert scene.states("acme") == []


def test_our_clock_a_day_ahead_or_behind_bills_the_same(scene: Scene, acme: str) -> None:
    day = scene.today - timedelta(days=3)
    for skew, value in ((DAY, 4), (-DAY, 6), (0, 5)):
        scene.skew = skew
        scene.overage("acme", day, value)
        scene.post()
    assert scene.held(acme, day) == 5


def test_a_value_that_may_have_arrived_is_overwritten_even_if_the_older_one_is_wanted_again(
    scene: Scene, acme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 5)
    scene.post()
    monkeypatch.setattr(run, "PASSES", 1)
    scene.overage("acme", day, 7)
    scene.stripe.fault = on_call(1, Fault.ERROR_AFTER)
    assert scene.post().counts == {"lost": 1}
    assert scene.held(acme, day) == 7
    scene.overage("acme", day, 5)
    scene.post()
    assert scene.held(acme, day) == 5


@pytest.fixture
def lost(scene: Scene, acme: str, monkeypatch: pytest.MonkeyPatch) -> date:
    """A day of which Stripe has taken 7 with an answer that says it has not: the row is lost, no other follows yet."""
    day = scene.today.replace(day=1) + timedelta(days=31)
    day = day.replace(day=1) - timedelta(days=1)
    scene.stripe.advance(((day - scene.today).days + 1) * DAY)
    scene.overage("acme", day, 7)
    scene.stripe.fault = on_call(1, Fault.ERROR_AFTER)
    with monkeypatch.context() as patch:
        patch.setattr(run, "PASSES", 1)
        assert scene.post().counts == {"lost": 1}
    return day


def test_a_lost_row_is_never_sent_again_and_one_new_version_settles_its_day(scene: Scene, lost: date) -> None:
    for _ in range(3):
        scene.post()
        scene.stripe.advance(25 * 3600)
    assert [row[1:4] for row in scene.states("acme")] == [(1, 7, "lost"), (2, 7, "accepted")]
    sent = [event.identifier for event in scene.stripe.metering.received]
    assert len(sent) == len(set(sent)) == 2
    scene.overage("acme", lost, 9)
    scene.post()
    scene.post()
    assert scene.sent() == 2  # the invoice is final
    assert scene.states("acme")[2:] == [(lost, 3, 9, "uncovered", "invoice_final")]


def test_a_lost_row_that_no_meter_takes_any_more_is_settled_once(scene: Scene, lost: date) -> None:
    scene.stripe.advance(4 * DAY)
    assert scene.post().counts == {"uncovered": 1}
    assert scene.post().counts == {}
    assert scene.sent() == 1


def test_a_lost_row_of_an_approved_period_is_settled_with_what_it_said(scene: Scene, lost: date) -> None:
    scene.owner.execute(
        "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
        " values ('acme', %s, %s, 'approved', 'x')", month_of(lost),
    )  # fmt: skip
    scene.overage("acme", lost, 30)  # an adjustment carries it
    for _ in range(2):
        scene.post()
    assert [row[1:4] for row in scene.states("acme")] == [(1, 7, "lost"), (2, 7, "accepted")]


def test_an_identifier_that_said_something_else_before_gives_way_to_a_new_version(scene: Scene, acme: str) -> None:
    """As after a restore of an older database: versions are counted again."""
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 3)
    scene.post()
    scene.owner.execute("alter table ledger.postings disable trigger all")
    scene.owner.execute("delete from ledger.postings")
    scene.owner.execute("alter table ledger.postings enable trigger all")
    scene.overage("acme", day, 8)
    scene.post()
    assert scene.held(acme, day) == 8
    assert [row[3:] for row in scene.states("acme")] == [("lost", "identifier_reused"), ("accepted", None)]


def test_a_posting_cannot_be_rewritten_or_deleted(scene: Scene, acme: str) -> None:
    scene.overage("acme", scene.today - timedelta(days=1), 3)
    scene.post()
    for statement in (
        "update ledger.postings set value = 4",
        "update ledger.postings set state = 'pending', resolved_at = null",
        "delete from ledger.postings",
        "truncate ledger.postings",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            scene.owner.execute(statement)


def test_tenants_and_meters_go_at_once_but_one_call_per_customer_and_meter(scene: Scene) -> None:
    scene.meter()
    scene.meter("chat")
    customers = [scene.tenant(f"t{number}", meters=("voice", "chat")) for number in range(6)]
    for number in range(6):
        for age in range(1, 6):
            scene.overage(f"t{number}", scene.today - timedelta(days=age), age)
            scene.overage(f"t{number}", scene.today - timedelta(days=age), 10 * age, "chat")
    scene.stripe.latency = 0.002
    at_once: list[int] = []
    scene.stripe.hook = lambda stage, call: at_once.append(scene.stripe.at_work)
    assert scene.post(Limits(workers=8, per_second=1e6)).counts == {"accepted": 60}
    assert scene.stripe.violations == []
    assert 1 < max(at_once) <= 8
    assert all(scene.held(customer, scene.today - timedelta(days=2), "chat") == 20 for customer in customers)


def test_an_identifier_that_stripe_knows_is_refused_by_a_sentence_and_a_new_version_settles_the_day(
    scene: Scene, acme: str
) -> None:
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 7)
    scene.stripe.hook = lambda stage, call: scene.stripe.forget_keys() if stage == "processed" else None
    scene.stripe.fault = on_call(1, Fault.LOST_ANSWER)
    assert scene.post().counts == {"lost": 1, "accepted": 1}
    assert scene.states("acme") == [(day, 1, 7, "lost", "identifier_known"), (day, 2, 7, "accepted", None)]
    assert scene.held(acme, day) == 7
