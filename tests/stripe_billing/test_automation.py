"""The sensor decides and never posts; a run posts; the check is red when the three are not one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from orchestration.defs.stripe.assets import READ_OF_ALL, final_lines, postings, stripe_day_summaries, stripe_events
from orchestration.defs.stripe.checks import (
    marts_postings_and_stripe_agree,
    statements_and_final_invoices_agree,
    statements_and_upcoming_invoices_agree,
    stripe_is_set_up_as_our_prices_say,
)
from orchestration.defs.stripe.sensors import post_overage_when_due, process_stripe_events_when_due
from orchestration.resources import Minutebook
from tests.sandbox.stripe import Fault
from tests.stripe_billing.scene import KEY, STATEMENT_LINES, Scene, month_of
from warehouse.stripe.events import receive


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def billed(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scene:
    scene.stripe.now = datetime.now(UTC).timestamp()
    scene.owner.execute("create table marts.fct_pulls_built (); create table marts.dim_build ()")
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", scene.url)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_URL", scene.stripe.url)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", KEY)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_GRACE_HOURS", "72")
    scene.meter()
    scene.tenant("acme")
    scene.overage("acme", scene.today - timedelta(days=1), 7)
    return scene


def decide(instance: dg.DagsterInstance) -> object:
    with dg.build_sensor_context(instance, resources={"minutebook": Minutebook()}) as context:
        return post_overage_when_due(context)


def verdict(result: dg.ExecuteInProcessResult, check: str) -> dg.AssetCheckEvaluation:
    (evaluation,) = (one for one in result.get_asset_check_evaluations() if one.check_name == check)
    return evaluation


def run(instance: dg.DagsterInstance, *assets: object) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        list(assets),  # type: ignore[arg-type]
        instance=instance,
        resources={"minutebook": Minutebook()},
        raise_on_error=False,
    )


def test_the_sensor_decides_and_a_run_posts(billed: Scene, instance: dg.DagsterInstance) -> None:
    request = decide(instance)
    assert isinstance(request, dg.RunRequest)
    assert billed.sent() == 0
    assert run(instance, postings).success
    assert billed.sent() == 1
    skipped = decide(instance)
    assert isinstance(skipped, dg.SkipReason)
    assert "Stripe holds" in str(skipped.skip_message)


def test_a_line_approved_when_no_day_is_due_asks_for_a_run_once(billed: Scene, instance: dg.DagsterInstance) -> None:
    """A setup fee; then usage from before the subscription, which no day value carries."""
    assert run(instance, postings).success
    start, end = month_of(billed.today - timedelta(days=40))
    billed.owner.execute(
        "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
        " values ('acme', %s, %s, 'approved', 'x')", [start, end],
    )  # fmt: skip
    wanted = []
    for kind, meter, amount in (("setup", None, 500), ("overage", "voice", 15)):
        billed.owner.execute(
            "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, meter_id, amount,"
            " currency, service_period_start, service_period_end, inputs)"
            " values (%s, 'acme', %s, %s, %s, %s, 'USD', %s, %s, '{}')",
            [f"acme/{start}/{kind}", start, kind, meter, amount, start, end],
        )
        wanted.append(amount * 100)
        assert isinstance(decide(instance), dg.RunRequest)
        assert run(instance, postings).success
        assert [item["amount"] for item in billed.stripe.invoicing.items.values()] == wanted
        assert isinstance(decide(instance), dg.SkipReason)


def test_a_run_that_holds_something_back_posts_the_rest_and_fails(billed: Scene, instance: dg.DagsterInstance) -> None:
    billed.tenant("late", anchor_config={"hour": 9})
    billed.overage("late", billed.today - timedelta(days=1), 3)
    result = run(instance, postings)
    assert not result.success
    assert billed.sent() == 1


def test_the_check_is_red_until_the_three_are_one(billed: Scene, instance: dg.DagsterInstance) -> None:
    for posted, passes in ((False, False), (True, True)):
        if posted:
            assert run(instance, postings).success
        result = run(instance, stripe_day_summaries, marts_postings_and_stripe_agree)
        assert result.success
        evaluation = verdict(result, "marts_postings_and_stripe_agree")
        assert evaluation.passed is passes


def test_a_tenant_that_cannot_be_read_is_named_by_a_check_and_the_others_are_compared(
    billed: Scene, instance: dg.DagsterInstance
) -> None:
    billed.tenant("ill")
    billed.overage("ill", billed.today - timedelta(days=1), 3)
    assert run(instance, postings).success
    billed.stripe.catalogue.delete_customer("cus_ill")
    result = run(instance, stripe_day_summaries, marts_postings_and_stripe_agree)
    assert result.success
    unread = verdict(result, READ_OF_ALL)
    found = unread.metadata["found"]
    assert isinstance(found, dg.TableMetadataValue)
    assert [(record.data["tenant"], record.data["code"]) for record in found.records] == [("ill", "customer_deleted")]
    assert not unread.passed
    assert billed.owner.execute("select distinct tenant_id from ledger.stripe_day_summaries").fetchall() == [("acme",)]


def test_a_price_at_stripe_that_differs_from_ours_is_a_red_check_and_posting_goes_on(
    billed: Scene, instance: dg.DagsterInstance
) -> None:
    billed.owner.execute(
        """
        insert into control.plans (plan_id, name, currency) values ('starter', 'Starter', 'USD');
        insert into control.prices (plan_id, meter_id, valid_from, model, unit_amount)
        values ('starter', 'voice', '2025-01-01', 'per_unit', 0.15);
        insert into control.tenant_plans values ('acme', '2025-01-01', 'starter');
        """
    )
    (price,) = billed.stripe.catalogue.prices.values()
    for amount, passes in (("15", True), ("15.5", False)):
        price["unit_amount_decimal"] = amount
        billed.owner.execute("update ledger.stripe_cache set invalidated_at = now()")
        result = run(instance, stripe_day_summaries, stripe_is_set_up_as_our_prices_say)
        evaluation = verdict(result, "stripe_is_set_up_as_our_prices_say")
        assert evaluation.passed is passes
    found = evaluation.metadata["found"]
    assert isinstance(found, dg.TableMetadataValue)
    assert [(record.data["tenant"], record.data["code"]) for record in found.records] == [("acme", "price_differs")]
    assert run(instance, postings).success
    assert billed.sent() == 1


def test_the_check_of_upcoming_invoices_warns_of_a_cent_and_of_what_stripe_does_not_tell(
    billed: Scene, instance: dg.DagsterInstance
) -> None:
    billed.owner.execute(STATEMENT_LINES)
    asked = []
    for ours, down, passes in ((0, False, True), (Decimal("0.01"), False, False), (0, True, False)):
        billed.owner.execute("delete from marts.fct_statement_lines")
        billed.owner.execute(
            "insert into marts.fct_statement_lines values ('acme', %s, 'overage', 'voice', %s, 0)",
            [month_of(billed.today)[0], ours],
        )
        if down:
            billed.owner.execute("update ledger.stripe_cache set read_at = read_at - interval '1 hour'")
            billed.stripe.fault = lambda call: Fault.DOWN if "invoice" in call.path else None
        before = billed.stripe.requests
        result = run(instance, stripe_day_summaries, statements_and_upcoming_invoices_agree)
        asked.append(billed.stripe.requests - before)
        evaluation = verdict(result, "statements_and_upcoming_invoices_agree")
        assert (evaluation.passed, evaluation.severity) == (passes, dg.AssetCheckSeverity.WARN), evaluation
    lines = evaluation.metadata["lines"]
    assert isinstance(lines, dg.TableMetadataValue)
    assert [(line.data["stripe_answers"], str(line.data["age"])[:5]) for line in lines.records] == [
        (False, "1:00:"), (False, "1:00:"),
    ]  # fmt: skip
    # Whose key it is, and the day summaries; meters, the subscription, its next invoice and its items, which are kept.
    assert asked[:2] == [1 + 1 + 4, 1]


def test_the_check_of_final_invoices_names_each_line_and_what_resolves_it(
    billed: Scene, instance: dg.DagsterInstance
) -> None:
    billed.owner.execute(STATEMENT_LINES)
    start = month_of(month_of(billed.today)[0] - timedelta(days=1))[0]
    billed.owner.execute(
        "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
        " values ('acme', %s, %s, 'approved', 'x')", [start, month_of(start)[1]],
    )  # fmt: skip
    for amount, passes in ((None, True), (20, False)):
        if amount:
            billed.owner.execute(
                "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, amount, currency,"
                " service_period_start, service_period_end, inputs)"
                " values ('acme/x/setup', 'acme', %s, 'setup', %s, 'USD', %s, %s, '{}')", [start, amount, start, start],
            )  # fmt: skip
        result = run(instance, final_lines, statements_and_final_invoices_agree)
        (evaluation,) = result.get_asset_check_evaluations()
        assert evaluation.passed is passes
    lines = evaluation.metadata["lines"]
    assert isinstance(lines, dg.TableMetadataValue)
    assert [(line.data["line"], line.data["code"], line.data["what_to_do"]) for line in lines.records] == [
        ("acme/x/setup", "not posted", "minutebook post --tenant acme"),
    ]  # fmt: skip


def test_a_drafted_invoice_is_the_last_call_of_its_tenant_alone(billed: Scene, instance: dg.DagsterInstance) -> None:
    beta = billed.tenant("beta")
    billed.overage("beta", billed.today - timedelta(days=1), 9)
    event = {
        "event_id": "evt_1", "event_type": "invoice.created", "is_thin": False, "object_id": "in_1",
        "stripe_customer_id": beta, "facts": {}, "happened_at": billed.now(), "account": None, "is_live": False,
    }  # fmt: skip
    with billed.billing() as connection:
        receive(connection, event, billed.now())
    assert run(instance, stripe_events).success
    assert billed.held(beta, billed.today - timedelta(days=1)) == 9
    assert billed.sent() == 1


def test_without_a_key_nothing_is_decided(
    billed: Scene, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MINUTEBOOK_STRIPE_API_KEY")
    assert isinstance(decide(instance), dg.SkipReason)
    with dg.build_sensor_context(instance, resources={"minutebook": Minutebook()}) as context:
        assert isinstance(process_stripe_events_when_due(context), dg.SkipReason)
