"""The sensor that looks for what is wrong, as Dagster ticks it: on marts that dbt built."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest

from orchestration.defs.alerts.sensors import look_for_alerts
from orchestration.resources import Minutebook
from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import scan, write_acme

TODAY = datetime.now(UTC).date()


@pytest.fixture
def instance(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", warehouse.url)
    monkeypatch.setenv("MINUTEBOOK_HOME", str(warehouse.home))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"total": 2, "free": 1}))
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> tuple[str, str | None]:
    """What the sensor says, and the cursor it leaves."""
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"minutebook": Minutebook()}
    ) as context:  # fmt: skip
        answer = look_for_alerts(context)
        assert isinstance(answer, dg.SkipReason)
        return str(answer.skip_message), context.cursor


@pytest.mark.unbuilt
def test_each_tick_opens_and_ends_what_changed_and_a_posting_run_does_not_hold_it_up(
    warehouse: Warehouse, instance: dg.DagsterInstance
) -> None:
    assert tick(instance) == ("0 opened, 0 worse, 0 ended.", None)  # nothing is built
    write_acme(warehouse, included=100)
    scan(warehouse, f"{TODAY}", 85)
    warehouse.connection.execute("""update control.tenants set feature_flags = '{"quota_alerts": true}'""")
    warehouse.build(TODAY)
    (build,) = warehouse.rows("select max(build_id)::text from ledger.builds")[0]
    warehouse.connection.execute("select pg_advisory_lock(7736, 0)")  # as a posting run holds it from start to end
    assert tick(instance) == ("1 opened, 0 worse, 0 ended.", build)
    assert tick(instance, build) == ("0 opened, 0 worse, 0 ended.", build)
    scan(warehouse, f"{TODAY}", 10)
    warehouse.build(TODAY)
    assert tick(instance, build)[0] == "0 opened, 0 worse, 1 ended."
