"""minutebook post, reconcile and stripe, as finance runs them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from typer.testing import CliRunner, Result

from orchestration.cli import app
from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.invoices.upcoming import LineComparison, compare_upcoming
from orchestration.stripe_billing.posting.readiness import Readiness
from tests.sandbox.stripe import Fault
from tests.stripe_billing.scene import GRACE, KEY, STATEMENT_LINES, Scene, month_of
from warehouse.stripe.billed_tenants import billed_tenants

Minutebook = Callable[..., Result]


@pytest.fixture
def minutebook(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Minutebook:
    """The command line against the scene; Stripe's clock is the wall clock, which commands read."""
    scene.stripe.now = datetime.now(UTC).timestamp()
    scene.owner.execute(STATEMENT_LINES)
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", scene.url)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_URL", scene.stripe.url)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", KEY)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_GRACE_HOURS", "72")

    def run(line: str, code: int = 0) -> Result:
        result = CliRunner().invoke(app, line.split())
        assert result.exit_code == code, f"{line}: exit {result.exit_code}\n{result.output}"
        return result

    return run


def test_a_dry_run_then_a_post_then_a_reconciliation(scene: Scene, minutebook: Minutebook) -> None:
    scene.meter()
    customer = scene.tenant("acme")
    day = scene.today - timedelta(days=1)
    scene.overage("acme", day, 7)
    assert "acme" in minutebook("post --dry-run").output
    assert scene.sent() == 0
    assert "1 accepted" in minutebook("post").output
    assert scene.held(customer, day) == 7
    assert json.loads(minutebook("reconcile --json").output) == {
        "days_read": 1, "differences": [], "lines": [], "not_compared": [],
    }  # fmt: skip
    scene.overage("acme", day, 9)
    assert "not posted" in minutebook("reconcile", code=1).output
    again = f"post --again acme/voice/{day} --json"
    assert json.loads(minutebook(again).output)["postings"] == {"accepted": 1}
    assert [row[1:4] for row in scene.states("acme")] == [(1, 7, "lost"), (2, 9, "accepted")]


def test_what_is_held_back_is_named_and_the_exit_code_says_so(scene: Scene, minutebook: Minutebook) -> None:
    scene.meter()
    scene.tenant("acme", anchor_config={"hour": 9})
    scene.overage("acme", scene.today - timedelta(days=1), 7)
    reported = minutebook("post", code=1).output
    assert "anchor_wrong" in reported
    assert (
        "error: not everything was posted: acme: Subscription sub_" in reported
    )  # whose, and why, without a table too
    assert "billing_cycle_anchor_config" in minutebook("stripe check", code=1).output


def test_the_upcoming_invoice_is_compared_to_the_cent(scene: Scene) -> None:
    scene.owner.execute(STATEMENT_LINES)
    scene.meter()
    scene.tenant("acme")
    start = scene.today
    scene.stripe.advance(86_400)
    scene.overage("acme", start, 7)
    scene.post()
    scene.owner.execute(
        "insert into marts.fct_statement_lines values ('acme', %s, 'overage', 'voice', 1.05, 7)", [start]
    )
    assert [(line.line, line.ours, line.stripe) for line in upcoming(scene)] == [
        ("overage/voice", Decimal("1.05"), Decimal("1.05")), ("subscription", 0, 0),
    ]  # fmt: skip
    scene.owner.execute("update marts.fct_statement_lines set amount = 1.06")
    assert upcoming(scene)[0].difference == Decimal("-0.01")
    assert "minutebook post --tenant acme" in str(upcoming(scene)[0].what_to_do)
    assert upcoming(scene)[1].what_to_do is None


def test_a_subscription_that_will_not_be_invoiced_is_compared_with_nothing_and_hinders_no_other(scene: Scene) -> None:
    scene.owner.execute(STATEMENT_LINES)
    scene.meter()
    customer, _ = scene.tenant("acme"), scene.tenant("beta")
    scene.owner.execute(
        """
        insert into control.plans (plan_id, name, currency) values ('starter', 'Starter', 'USD');
        insert into control.plan_terms (plan_id, valid_from, subscription_fee) values ('starter', '2025-01-01', 249);
        insert into control.tenant_plans values ('acme', '2025-01-01', 'starter');
        """
    )
    scene.owner.execute("insert into marts.fct_statement_lines values ('acme', %s, 'overage', 'voice', 1.05, 7)", [
        month_of(scene.today)[0],
    ])  # fmt: skip
    (subscription,) = (one for one in scene.stripe.catalogue.subscriptions.values() if one["customer"] == customer)
    subscription["cancel_at_period_end"] = True
    reported = {(line.tenant_id, line.line): (line.ours, line.stripe) for line in upcoming(scene)}
    assert reported["acme", "overage/voice"] == (Decimal("1.05"), 0)
    assert reported["acme", "subscription"] == (249, 0)
    assert reported["beta", "subscription"] == (0, 0)
    scene.owner.execute("insert into control.tenant_statuses values ('acme', %s, 'closed')", [month_of(scene.today)[1]])
    reported = {(line.tenant_id, line.line): (line.ours, line.stripe) for line in upcoming(scene)}
    assert reported["acme", "subscription"] == (0, 0)


def upcoming(scene: Scene) -> list[LineComparison]:
    api = scene.api()
    with scene.billing() as connection, scene.billing() as of_cache:
        readiness = Readiness(StripeCache(of_cache, api, scene.now), scene.now, GRACE)
        return compare_upcoming(connection, readiness, billed_tenants(connection, scene.today)).lines


def test_set_up_is_planned_then_applied(scene: Scene, minutebook: Minutebook) -> None:
    scene.owner.execute(
        """
        insert into control.meters (meter_id, name, unit, source, item, stripe_event_name)
        values ('ocr', 'OCR', 'scan', 'usage_metrics', 'o', 'mb_ocr');
        insert into control.plans (plan_id, name, currency) values ('starter', 'Starter', 'USD');
        insert into control.prices (plan_id, meter_id, valid_from, model, unit_amount)
        values ('starter', 'ocr', '2026-01-01', 'per_unit', 0.075);
        """
    )
    assert "next: minutebook stripe sync --apply" in minutebook("stripe sync --plan").output
    assert not scene.stripe.metering.meters
    assert "created" in minutebook("stripe sync --apply").output
    assert {row["result"] for row in json.loads(minutebook("stripe sync --json").output)} == {"ok"}
    age(scene, minutes=20)
    (meter,) = scene.stripe.metering.meters.values()
    meter["status"] = "inactive"
    reported = minutebook("stripe sync --plan").output
    assert "20 minutes ago" in reported
    assert "archived" not in reported
    assert "archived" in minutebook("stripe sync --plan --again", code=1).output
    assert "archived" in minutebook("stripe sync --plan", code=1).output
    meter["status"] = "active"
    assert "archived" not in minutebook("stripe sync --apply").output


def test_what_a_person_mended_at_stripe_is_seen_by_the_next_check(scene: Scene, minutebook: Minutebook) -> None:
    meter = scene.meter()
    scene.tenant("acme")
    scene.owner.execute(
        """
        insert into control.plans (plan_id, name, currency) values ('starter', 'Starter', 'USD');
        insert into control.prices (plan_id, meter_id, valid_from, model, unit_amount)
        values ('starter', 'voice', '2025-01-01', 'per_unit', 0.15);
        insert into control.tenant_plans values ('acme', '2025-01-01', 'starter');
        """
    )
    (subscription,) = scene.stripe.catalogue.subscriptions.values()
    for broken, status, found in ((meter, "inactive", "meter_archived"), (subscription, "canceled", "no_subscription")):
        broken["status"] = status
        assert found in minutebook("stripe check", code=1).output
        broken["status"] = "active"
        minutebook("stripe check")


def test_an_upcoming_invoice_that_stripe_does_not_tell_is_compared_as_it_was_with_its_age_beside(
    scene: Scene, minutebook: Minutebook
) -> None:
    scene.meter()
    scene.tenant("acme")
    scene.overage("acme", scene.today - timedelta(days=1), 7)
    scene.post()
    (line, *_) = json.loads(minutebook("reconcile --invoices --json").output)["lines"]
    assert (line["line"], line["is_stale"]) == ("overage/voice", False)
    assert line["age"].startswith("0:00:0")
    age(scene, minutes=125)
    scene.stripe.fault = lambda call: Fault.DOWN if "invoice" in call.path else None
    assert json.loads(minutebook("reconcile --invoices --json").stdout)["lines"][0]["is_stale"]
    reported = minutebook("reconcile --invoices").output
    assert "2:05:" in reported
    assert "warning: Stripe does not answer" in reported
    scene.owner.execute(
        "insert into marts.fct_statement_lines select 'acme', date_trunc('month', now())::date,"
        " 'overage', 'voice', 1.05, 7"
    )
    assert "0 days and 1 line differ" in minutebook("reconcile --invoices", code=1).output
    scene.stripe.fault = lambda call: Fault.DOWN
    reported = minutebook("reconcile --invoices", code=1).output  # nothing else can be compared, and this still is
    assert "2:05:" in reported
    assert "nothing was compared" in reported


def age(scene: Scene, minutes: int) -> None:
    """What Stripe said is older now."""
    scene.owner.execute("update ledger.stripe_cache set read_at = read_at - %s", [timedelta(minutes=minutes)])


def test_without_a_key_or_with_a_refused_one_it_says_which_variable(
    scene: Scene, minutebook: Minutebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.stripe.fault = lambda call: Fault.UNAUTHORIZED
    refused = minutebook("stripe sync", code=1).output
    assert "MINUTEBOOK_STRIPE_API_KEY" in refused
    assert KEY not in refused
    monkeypatch.delenv("MINUTEBOOK_STRIPE_API_KEY")
    assert "MINUTEBOOK_STRIPE_API_KEY" in minutebook("post", code=1).output


def test_nothing_of_a_tenant_whose_books_do_not_balance_is_posted(scene: Scene, minutebook: Minutebook) -> None:
    scene.meter()
    customers = {tenant: scene.tenant(tenant) for tenant in ("acme", "bolt")}
    day = scene.today - timedelta(days=1)
    for tenant in customers:
        scene.overage(tenant, day, 7)
    scene.owner.execute(
        "insert into marts.fct_line_balances values"
        " ('acme/2026-01-01/overage/voice', 'acme', 'USD', 5, 10, 5.00, 10.00, false)"
    )
    output = minutebook("post", code=1).output
    assert "unbalanced" in output
    assert "1 accepted" in output
    assert (scene.held(customers["acme"], day), scene.held(customers["bolt"], day)) == (0, 7)
    scene.owner.execute("update marts.fct_line_balances set is_balanced = true")
    minutebook("post")
    assert scene.held(customers["acme"], day) == 7
