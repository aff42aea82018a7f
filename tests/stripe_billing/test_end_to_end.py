"""From the provider's HTTP to Stripe's day summaries: pulled, built, set up, posted, restated, run again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.marts.building import build
from tests.ingestion.conftest import house  # noqa: F401 - a fixture
from tests.ingestion.house import House, call
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.stripe import StripeSandbox
from tests.sandbox.world import VapiAccount, in_memory
from tests.stripe_billing.scene import KEY

TODAY = datetime.now(UTC).date()
DAYS = [TODAY - timedelta(days=age) for age in (4, 3, 2, 1)]
PLAN = """
insert into control.meters (meter_id, name, unit, source, increment_seconds, minimum_seconds, stripe_event_name)
values ('voice', 'Voice', 'minute', 'vapi', 60, 0, 'mb_voice');
insert into control.plans (plan_id, name, currency) values ('starter', 'Starter', 'USD');
insert into control.plan_terms (plan_id, valid_from, subscription_fee, voice_meter_id)
values ('starter', '2025-01-01', 249, 'voice');
insert into control.allowances (plan_id, meter_id, valid_from, quantity) values ('starter', 'voice', '2025-01-01', 5);
insert into control.prices (plan_id, meter_id, valid_from, model, unit_amount)
values ('starter', 'voice', '2025-01-01', 'per_unit', 0.15);
insert into control.tenant_plans values ('acme', '2025-01-01', 'starter');
"""


def run(line: str) -> Any:
    result = CliRunner().invoke(app, [*line.split(), "--json"])
    assert result.exit_code == 0, f"{line}: {result.output}"
    return json.loads(result.stdout)


def subscribe(house: House, stripe: StripeSandbox, anchor_day: int) -> None:  # noqa: F811
    """What a person does at Stripe with what `stripe sync` made."""
    made = [price["id"] for price in stripe.catalogue.prices.values()]
    assert len(made) == 2
    customer = stripe.catalogue.create_customer({"name": "Acme"})["id"]
    config = {"day_of_month": anchor_day, "hour": 0, "minute": 0, "second": 0}
    items = [{"price": price} for price in made]
    stripe.catalogue.create_subscription({"customer": customer, "items": items, "billing_cycle_anchor_config": config})
    house.execute(
        "update control.tenants set stripe_customer_id = %s, feature_flags = '{\"stripe_posting\": true}'", customer
    )


def overage(house: House) -> dict[str, int]:  # noqa: F811
    rows = house.execute("select usage_date, overage_quantity from marts.fct_overages_daily order by 1")
    return {str(row["usage_date"]): row["overage_quantity"] for row in rows if row["overage_quantity"]}


def summaries(stripe: StripeSandbox) -> dict[str, int]:
    """Stripe's own, as its API shows them."""
    (meter,) = stripe.metering.meters
    (customer,) = stripe.catalogue.customers
    midnight = int(datetime(*DAYS[0].timetuple()[:3], tzinfo=UTC).timestamp())
    window = {"start_time": midnight, "end_time": midnight + 4 * 86_400, "value_grouping_window": "day"}
    rows = stripe.metering.summaries(meter, {"customer": customer, **window})
    return {
        str(datetime.fromtimestamp(row["start_time"], UTC).date()): int(row["aggregated_value"])
        for row in reversed(rows)
    }


def test_what_providers_tell_is_what_stripe_holds_after_a_restatement_and_after_running_again(
    house: House,  # noqa: F811
    dbt_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with StripeSandbox(datetime.now(UTC).timestamp()) as stripe:
        monkeypatch.setenv("MINUTEBOOK_STRIPE_URL", stripe.url)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", KEY)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_GRACE_HOURS", "72")
        anchor_day = min(DAYS[0].day, 28)
        house.tenant("acme", since=DAYS[0])
        house.execute("update control.tenants set anchor_day = %s", anchor_day)
        house.execute(PLAN)
        calls = [call(f"{day}-{number}", day, seconds=100) for day in DAYS for number in range(2)]
        key = house.own_vapi("acme", calls)
        house.pull(["acme"], DAYS)
        build(house.url, dbt_home, TODAY)
        assert overage(house) == {str(DAYS[1]): 3, str(DAYS[2]): 4, str(DAYS[3]): 4}

        assert {step["result"] for step in run("stripe sync --apply")} == {"created"}
        subscribe(house, stripe, anchor_day)
        assert run("stripe check") == []
        assert [event["value"] for event in run("post --dry-run")["events"]] == ["3", "4", "4"]
        assert stripe.metering.received == []
        assert run("post")["postings"] == {"accepted": 3}
        assert summaries(stripe) == overage(house)

        # The first day loses its calls: the allowance reaches further, and every later day of the period moves.
        house.sandbox.world.vapi[key] = VapiAccount(in_memory(calls[2:]))
        house.pull(["acme"], DAYS, accept_loss=True)
        build(house.url, dbt_home, TODAY)
        assert overage(house) == {str(DAYS[2]): 3, str(DAYS[3]): 4}
        assert run("post")["postings"] == {"accepted": 2}
        assert {day: units for day, units in summaries(stripe).items() if units} == overage(house)

        sent = len(stripe.metering.received)
        assert {outcome.state for outcome in house.pull(["acme"], DAYS)} == {"unchanged"}
        assert run("post")["postings"] == {}
        assert len(stripe.metering.received) == sent == 5
        assert run("reconcile")["differences"] == []
