"""What is published, the UI shows as pulled, whoever pulled it."""

from datetime import date, timedelta

import dagster as dg
import pytest

from orchestration.defs.ingestion import sensors
from orchestration.defs.ingestion.sensors import usage_partitions_follow_the_ledger
from orchestration.ingestion import pull_again
from orchestration.ingestion.reporting import materialization, raw_key
from orchestration.resources import Minutebook
from tests.ingestion.house import House, call
from warehouse import clock

YESTERDAY = clock.today() - timedelta(days=1)
BEFORE = YESTERDAY - timedelta(days=1)


class Daemon:
    """Evaluates the sensor as Dagster's daemon does: what it reports is stored, its cursor is kept."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance, self.cursor = instance, None

    def tick(self) -> int:
        """How many tenant-days were reported."""
        resources = {"minutebook": Minutebook()}
        with dg.build_sensor_context(self.instance, self.cursor, resources=resources) as context:
            answer = usage_partitions_follow_the_ledger(context)
            events = answer.asset_events if isinstance(answer, dg.SensorResult) else []
            self.cursor = answer.cursor if isinstance(answer, dg.SensorResult) else context.cursor
        for event in events:
            self.instance.report_runless_asset_event(event)
        return len(events)

    def shown(self, source: str = "vapi") -> set[str]:
        return set(self.instance.get_materialized_partitions(raw_key(source)))


def onboard(house: House, instance: dg.DagsterInstance, *tenant_ids: str) -> None:
    for tenant_id in tenant_ids:
        house.tenant(tenant_id)
        house.own_vapi(tenant_id, [call(f"call-of-{tenant_id}", YESTERDAY)])
    instance.add_dynamic_partitions("tenant", list(tenant_ids))


def keys(tenant_id: str, *days: date) -> set[str]:
    return {f"{tenant_id}|{day}" for day in days}


def test_days_that_the_command_line_pulled_are_shown_once(house: House, instance: dg.DagsterInstance) -> None:
    onboard(house, instance, "acme", "beta")
    daemon = Daemon(instance)
    assert daemon.tick() == 0
    house.pull(["acme"], [BEFORE, YESTERDAY])
    assert daemon.tick() == 2
    assert daemon.shown() == keys("acme", BEFORE, YESTERDAY)
    assert daemon.tick() == 0
    house.pull(["beta"], [YESTERDAY])
    assert daemon.tick() == 1
    assert daemon.shown() == keys("acme", BEFORE, YESTERDAY) | keys("beta", YESTERDAY)


def test_what_failed_or_has_no_partition_is_not_shown(house: House, instance: dg.DagsterInstance) -> None:
    onboard(house, instance, "acme")
    house.tenant("left")
    house.own_vapi("left", [])
    house.tenant("locked-out")
    house.own_vapi("locked-out", [], is_rejected=True)
    instance.add_dynamic_partitions("tenant", ["locked-out"])
    house.pull(["acme", "left", "locked-out"], [YESTERDAY])
    daemon = Daemon(instance)
    assert daemon.tick() == 1
    assert daemon.shown() == keys("acme", YESTERDAY)


def test_the_days_of_a_shared_account_are_shown_for_each_tenant_that_uses_it(
    house: House, instance: dg.DagsterInstance
) -> None:
    house.own_vapi(None, [call("c1", YESTERDAY, phone_number_id="n1")])
    for tenant_id, number in (("acme", "n1"), ("beta", "n2")):
        house.tenant(tenant_id)
        house.attach(tenant_id, "vapi_phone_number", number)
    instance.add_dynamic_partitions("tenant", ["acme", "beta"])
    house.pull(["acme"], [YESTERDAY])
    daemon = Daemon(instance)
    daemon.tick()
    assert daemon.shown() == keys("acme", YESTERDAY) | keys("beta", YESTERDAY)


def test_a_history_is_shown_over_several_ticks_and_a_lost_cursor_costs_nothing(
    house: House, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "AT_ONCE", 2)
    onboard(house, instance, "acme")
    house.pull(["acme"], [YESTERDAY - timedelta(days=back) for back in range(5)])
    daemon = Daemon(instance)
    assert [daemon.tick() for _ in range(4)] == [2, 2, 1, 0]
    daemon.cursor = None
    assert daemon.tick() == 0
    assert len(daemon.shown()) == 5


def pull_ids(instance: dg.DagsterInstance, key: str) -> list[object]:
    """The pulls that a partition of Vapi was reported with, oldest first."""
    of_key = dg.AssetRecordsFilter(raw_key("vapi"), asset_partitions=[key])
    records = instance.fetch_materializations(of_key, limit=10, ascending=True).records
    events = [record.asset_materialization for record in records]
    return [event.metadata["pull_id"].value for event in events if event]


def current_pull(house: House) -> int:
    (pull,) = (pull for pull in house.ledger() if pull["state"] == "published")
    return int(pull["pull_id"])


def test_a_day_that_is_pulled_again_is_shown_with_what_is_current(house: House, instance: dg.DagsterInstance) -> None:
    onboard(house, instance, "acme")
    house.own_vapi("acme", [call("c1", YESTERDAY)])
    house.pull(["acme"], [YESTERDAY])
    daemon = Daemon(instance)
    daemon.tick()
    first = current_pull(house)
    house.own_vapi("acme", [call("c1", YESTERDAY), call("c2", YESTERDAY)])
    house.pull(["acme"], [YESTERDAY])
    assert daemon.tick() == 1
    (key,) = keys("acme", YESTERDAY)
    assert pull_ids(instance, key) == [first, current_pull(house)]
    assert [daemon.tick(), daemon.tick()] == [0, 0]


def test_a_day_that_comes_back_by_itself_is_shown(house: House, instance: dg.DagsterInstance) -> None:
    """What `minutebook pull again` does."""
    onboard(house, instance, "acme")
    house.own_vapi("acme", [call("c1", YESTERDAY)], is_rejected=True)
    house.pull(["acme"], [YESTERDAY])
    daemon = Daemon(instance)
    assert daemon.tick() == 0
    house.execute("update ledger.pulls set is_permanent = false, cause_code = 'unreachable'")
    house.own_vapi("acme", [call("c1", YESTERDAY)])
    pull_again(house.url, house.settings, now=clock.now() + timedelta(days=1))
    assert daemon.tick() > 0
    assert keys("acme", YESTERDAY) <= daemon.shown()


def test_a_run_of_dagster_is_given_time_to_report_and_what_it_left_out_is_reported(
    house: House, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left out: the day it was killed after, and the same day of a tenant that shares the account."""
    house.own_vapi(None, [call("c1", YESTERDAY, phone_number_id="n1")])
    for tenant_id, number in (("acme", "n1"), ("beta", "n2")):
        house.tenant(tenant_id)
        house.attach(tenant_id, "vapi_phone_number", number)
    instance.add_dynamic_partitions("tenant", ["acme", "beta"])
    outcomes = house.pull(["acme"], [BEFORE, YESTERDAY], run_id="a-run")
    reported = [one for one in outcomes if one.usage_date == BEFORE and one.tenant_id]
    for outcome in reported:
        instance.report_runless_asset_event(materialization(outcome))
    daemon = Daemon(instance)
    assert daemon.tick() == 0
    monkeypatch.setattr(sensors, "RUNS_REPORT_WITHIN", timedelta(0))
    assert daemon.tick() == 3
    assert daemon.shown() == keys("acme", BEFORE, YESTERDAY) | keys("beta", BEFORE, YESTERDAY)
    assert daemon.tick() == 0


def test_a_tick_reads_of_dagster_what_was_published_since_the_last(
    house: House, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "OVERLAP", timedelta(0))
    onboard(house, instance, "acme")
    house.pull(["acme"], [YESTERDAY - timedelta(days=back) for back in range(5)])
    daemon = Daemon(instance)
    daemon.tick()
    read: list[str] = []
    fetch = instance.fetch_materializations

    def counted(of_keys: dg.AssetRecordsFilter, limit: int, cursor: str | None = None) -> dg.EventRecordsResult:
        read.extend(of_keys.asset_partitions or ())
        return fetch(of_keys, limit, cursor)

    monkeypatch.setattr(instance, "fetch_materializations", counted)
    monkeypatch.setattr(instance, "get_materialized_partitions", None)
    assert daemon.tick() == 0
    assert read == []
    house.pull(["acme"], [YESTERDAY - timedelta(days=5)])
    assert daemon.tick() == 1
    assert set(read) == keys("acme", YESTERDAY - timedelta(days=5))
