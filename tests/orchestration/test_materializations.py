"""What the command line pulls, the UI shows as pulled."""

from datetime import date, timedelta

import dagster as dg
import pytest

from orchestration.defs.ingestion import sensors
from orchestration.defs.ingestion.sensors import usage_partitions_follow_the_ledger
from orchestration.ingestion.reporting import raw_key
from orchestration.resources import Minutebook
from tests.orchestration.house import House, call
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


def test_what_a_run_of_dagster_pulled_is_left_to_it(house: House, instance: dg.DagsterInstance) -> None:
    onboard(house, instance, "acme")
    house.pull(["acme"], [YESTERDAY], run_id="a-run")
    assert Daemon(instance).tick() == 0
