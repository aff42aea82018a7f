"""The sensor that tells of quotas, as Dagster ticks it: on marts that dbt built, to a webhook over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest

from orchestration.defs.alerts.sensors import alert_on_quotas
from orchestration.resources import Minutebook
from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import scan, write_acme
from tests.money.receiver import Receiver, listening

TODAY = datetime.now(UTC).date()
Event = tuple[object, object, object]


@pytest.fixture
def receiver(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with listening() as server:
        monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", warehouse.url)
        monkeypatch.setenv("MINUTEBOOK_HOME", str(warehouse.home))
        monkeypatch.setenv("MINUTEBOOK_ALERT_WEBHOOK_URL", server.url)
        yield server


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def tick(instance: dg.DagsterInstance, receiver: Receiver) -> tuple[str, list[Event]]:
    """What the sensor says, and what reached the webhook: (quota, threshold, event)."""
    with dg.build_sensor_context(instance=instance, resources={"minutebook": Minutebook()}) as context:
        answer = alert_on_quotas(context)
    assert isinstance(answer, dg.SkipReason)
    came = [(body["quota"], body["threshold_percent"], body["event"]) for _, body in receiver.taken()]
    return str(answer.skip_message), came


def test_what_a_failing_webhook_missed_is_told_once_when_it_heals_and_a_restated_day_recovers(
    warehouse: Warehouse, receiver: Receiver, instance: dg.DagsterInstance
) -> None:
    assert tick(instance, receiver) == ("The marts are not built yet.", [])
    write_acme(warehouse, included=100)
    scan(warehouse, f"{TODAY}", 85)
    warehouse.build(TODAY)
    assert tick(instance, receiver)[1] == []  # the feature flag is off
    warehouse.connection.execute("""update control.tenants set feature_flags = '{"quota_alerts": true}'""")
    crossed: list[Event] = [("scans", 50, "crossed"), ("scans", 80, "crossed")]

    receiver.status = 503
    said, tried = tick(instance, receiver)
    assert (said, tried) == ("2 crossings recorded, 0 delivered, 2 to be tried again.", crossed)
    receiver.status = 204
    said, reported = tick(instance, receiver)
    assert (said, reported) == ("0 crossings recorded, 2 delivered, 0 to be tried again.", crossed)
    assert tick(instance, receiver) == ("0 crossings recorded, 0 delivered, 0 to be tried again.", [])

    scan(warehouse, f"{TODAY}", 60)
    warehouse.build(TODAY)
    assert tick(instance, receiver)[1] == [("scans", 80, "recovered")]
    assert tick(instance, receiver)[1] == []


def test_a_posting_run_at_work_does_not_hold_up_the_alerts(
    warehouse: Warehouse, receiver: Receiver, instance: dg.DagsterInstance
) -> None:
    write_acme(warehouse, included=100)
    warehouse.connection.execute("""update control.tenants set feature_flags = '{"quota_alerts": true}'""")
    scan(warehouse, f"{TODAY}", 100)
    warehouse.build(TODAY)
    warehouse.connection.execute("select pg_advisory_lock(7736, 0)")  # as a posting run holds it from start to end
    assert len(tick(instance, receiver)[1]) == 3
