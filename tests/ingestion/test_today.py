"""The day in progress: read as often as its tenants chose, shown as in progress, and replaced by the night."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pytest

from orchestration import resources
from orchestration.defs.ingestion.jobs import pull_day_in_progress
from orchestration.defs.ingestion.sensors import pull_day_in_progress_when_due
from orchestration.ingestion import PullState, PullTrigger, pull_today
from sources.registry import horizons
from tests.ingestion.conftest import Minutebook
from tests.ingestion.house import House, call, states
from tests.sandbox.stripe import StripeSandbox
from tests.sandbox.world import VapiAccount, in_memory
from tests.stripe_billing.scene import KEY
from warehouse import clock
from warehouse.clock import OFFSET, offset_to
from warehouse.database.connect import Role, connect
from warehouse.ingestion import day_status, retry_schedule
from warehouse.sources import retention
from warehouse.statements import quotas

TODAY = date(2026, 11, 3)


@pytest.fixture
def account(house: House, minutebook: Minutebook) -> VapiAccount:
    """Acme's own account at Vapi; birch has one too, and did not choose to have its day read."""
    for line in (
        "init",
        "tenant create acme --name Acme --currency USD --activated-on 2026-11-03",
        "tenant create birch --name Birch --currency USD --activated-on 2026-11-03",
        "meter create minutes --name Minutes --unit minute --source vapi --increment-seconds 60"
        " --stripe-event-name minutebook_minutes",
        "plan create voice --name Voice --currency USD",
        "plan terms voice --from 2026-11-01 --voice-meter minutes --subscription-fee 0",
        "price set --plan voice --meter minutes --from 2026-11-01 --amount 0.50",
        "tenant plan acme voice --from 2026-11-03",
    ):
        minutebook(line)
    house.own_vapi("birch", [call("birchs", TODAY)])
    minutebook("tenant today acme 15min")
    return house.sandbox.world.vapi[house.own_vapi("acme", [call("one", TODAY)])]


@pytest.fixture
def stripe(account: VapiAccount, minutebook: Minutebook, monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeSandbox]:
    """A Stripe that bills acme, as the runbook sets it up."""
    with StripeSandbox(clock.now().timestamp()) as sandbox:
        monkeypatch.setenv("MINUTEBOOK_STRIPE_URL", sandbox.url)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", KEY)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_GRACE_HOURS", "72")
        customer = sandbox.catalogue.create_customer({"name": "Acme"})["id"]
        for line in (
            f"stripe customer acme {customer}",
            "stripe sync --apply",
            "stripe changes --tenant acme --apply",
            "tenant flag acme stripe_posting true",
        ):
            minutebook(line)
        yield sandbox


def held(stripe: StripeSandbox) -> int | None:
    """What Stripe has of the day."""
    (meter,), (customer,) = stripe.metering.meters, stripe.catalogue.customers
    stripe.metering.settle()
    return stripe.metering.value(meter, customer, (TODAY - date(1970, 1, 1)).days)


def alerted(house: House) -> list[tuple[str, int, str]]:
    with connect(house.url, Role.OPERATOR, actor="alerts") as operator:
        count = quotas.record(operator, clock.today())
        found = operator.execute(
            "select quota, threshold, event from ledger.quota_alerts order by alert_id desc limit %s", [count]
        ).fetchall()
    return found[::-1]


def read(house: House) -> dict[tuple[str | None, date], str]:
    return states(pull_today(house.url, house.settings))


def age(house: House, minutes: int) -> None:
    house.execute("update ledger.pulls set opened_at = opened_at - make_interval(mins => %s)", minutes)


def current(house: House) -> list[tuple[Any, ...]]:
    rows = house.execute(
        "select row_count, is_incomplete, is_in_progress from ledger.pulls"
        " where state = 'published' and account = 'acme'"
    )
    return [tuple(row.values()) for row in rows]


def shown(house: House) -> list[tuple[Any, ...]]:
    rows = house.execute("select usage_date, status, cause from marts.fct_tenant_day_status where tenant_id = 'acme'")
    return [tuple(row.values()) for row in rows]


def test_the_day_in_progress_is_read_when_it_is_due_and_its_usage_counts(
    house: House, minutebook: Minutebook, account: VapiAccount
) -> None:
    assert read(house) == {("acme", TODAY): "published"}
    assert current(house) == [(1, True, True)]
    assert read(house) == {}, "a reading is good for a quarter of an hour"
    age(house, 16)
    assert read(house) == {("acme", TODAY): "unchanged"}
    account.calls_between = in_memory([call("one", TODAY), call("two", TODAY)])
    age(house, 16)
    assert read(house) == {("acme", TODAY): "published"}
    minutebook("tenant today acme hour")
    age(house, 16)
    assert read(house) == {}
    minutebook("build")
    assert shown(house) == [(TODAY, "in progress", None)]
    usage = house.execute("select usage_date, quantity from marts.fct_usage_daily where tenant_id = 'acme'")
    assert [tuple(row.values()) for row in usage] == [(TODAY, 4)]
    (statement,) = [one for one in json.loads(minutebook("review 2026-11 --json")) if one["tenant_id"] == "acme"]
    assert statement["overage"] == "2.00", "the running statement has it"
    age(house, 60)
    minutebook("tenant today acme off")
    assert read(house) == {}


def test_the_night_reads_the_day_whole_and_what_was_read_of_it_before_goes(
    house: House, minutebook: Minutebook, account: VapiAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(house)
    account.calls_between = in_memory([call("one", TODAY), call("two", TODAY)])
    age(house, 16)
    read(house)
    with connect(house.url, Role.LOADER) as loader:
        assert retry_schedule.account_days(loader, clock.now(), horizons()) == [], "today is nobody's fault"
    monkeypatch.setenv(OFFSET, offset_to(datetime(2026, 11, 4, 2, tzinfo=UTC)))
    with connect(house.url, Role.LOADER) as loader:
        due = {(one.key.account, one.status) for one in retry_schedule.account_days(loader, clock.now(), horizons())}
        (found,) = [
            one for one in day_status.days_needing_attention(loader, TODAY, TODAY) if one["tenant_id"] == "acme"
        ]
    assert due == {("acme", "never pulled"), ("birch", "never pulled")}, "until the night no try was made"
    assert (found["status"], found["cause"]) == ("incomplete", "it was last read before it was over")
    minutebook("build")
    assert shown(house) == [(TODAY, "incomplete", "it was last read before it was over")]

    outcomes = house.pull(["acme"], [TODAY], trigger=PullTrigger.SCHEDULE)
    assert states(outcomes) == {("acme", TODAY): PullState.PUBLISHED.value}, "the same calls, and not the same reading"
    assert current(house) == [(2, False, False)]
    minutebook("build")
    assert shown(house) == [(TODAY, "usage", None)]
    assert len(house.execute("select call_id from raw_vapi.calls where account = 'acme'")) == 5
    with connect(house.url, Role.OPERATOR, autocommit=True) as operator:
        old = datetime(2020, 1, 1, tzinfo=UTC)
        assert [(one.source, one.raw_rows) for one in retention.purge(operator, old) if one.raw_rows] == [("vapi", 3)]
    assert {"one", "two"} <= house.current_calls()


def test_quotas_spend_limits_and_stripes_day_follow_today_and_the_night_replaces_it(
    house: House,
    minutebook: Minutebook,
    account: VapiAccount,
    stripe: StripeSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minutebook("tenant flag acme quota_alerts true")
    minutebook("plan terms voice --from 2026-11-01 --voice-meter minutes --subscription-fee 0")
    minutebook("plan allowance voice minutes 1 --from 2026-11-01")
    minutebook("limit set acme --from 2026-11-01 --amount 1.50")

    def post() -> dict[str, int]:
        posted: dict[str, int] = json.loads(minutebook("post --json"))["postings"]
        return posted

    read(house)
    minutebook("build")
    assert alerted(house) == [("minutes", threshold, "crossed") for threshold in (50, 80, 100)]
    assert (post(), post(), held(stripe)) == ({"accepted": 1}, {}, 1), "2 minutes, of which one is included"
    account.calls_between = in_memory([call("one", TODAY), call("two", TODAY)])
    age(house, 16)
    read(house)
    minutebook("build")
    assert alerted(house) == [("spend", threshold, "crossed") for threshold in (50, 80, 100)]
    assert (post(), held(stripe)) == ({"accepted": 1}, 3)

    # The day is over, and nobody has read it since: what is known of it stays as it is, here and there.
    monkeypatch.setenv(OFFSET, offset_to(datetime(2026, 11, 4, 2, tzinfo=UTC)))
    stripe.advance(14 * 3600)
    minutebook("build")
    assert (alerted(house), post(), held(stripe)) == ([], {}, 3)
    (day,) = house.execute("select is_complete, is_known_so_far from marts.fct_overages_daily")
    assert not day["is_complete"]
    assert not day["is_known_so_far"]
    assert json.loads(minutebook("reconcile --json"))["differences"] == []

    # One call was taken back before the night.
    account.calls_between = in_memory([call("two", TODAY)])
    house.pull(["acme"], [TODAY], trigger=PullTrigger.SCHEDULE, accept_loss=True)
    minutebook("build")
    assert alerted(house) == [("spend", threshold, "recovered") for threshold in (50, 80, 100)]
    assert (post(), post(), held(stripe)) == ({"accepted": 1}, {}, 1)
    assert json.loads(minutebook("reconcile --json"))["differences"] == []


def test_a_failed_reading_keeps_what_was_read_and_an_empty_day_in_progress_is_no_doubt(
    house: House, account: VapiAccount
) -> None:
    read(house)
    account.is_rejected = True
    age(house, 16)
    assert read(house) == {("acme", TODAY): "failed"}
    assert current(house) == [(1, True, True)]
    account.is_rejected = False
    account.calls_between = in_memory([])
    assert read(house) == {}, "a failure is not repeated before its time"
    age(house, 16)
    assert read(house) == {("acme", TODAY): "published"}
    assert current(house) == [(0, True, True)]


def test_the_clock_has_it_read_when_an_account_is_due(
    house: House, account: VapiAccount, instance: dg.DagsterInstance
) -> None:
    def asked() -> object:
        with dg.build_sensor_context(instance=instance, resources={"minutebook": resources.Minutebook()}) as context:
            return pull_day_in_progress_when_due(context)

    assert isinstance(asked(), dg.RunRequest)
    ran = pull_day_in_progress.execute_in_process(instance=instance, resources={"minutebook": resources.Minutebook()})
    assert ran.success
    assert current(house) == [(1, True, True)]
    assert isinstance(asked(), dg.SkipReason), "it was read a moment ago"
