"""50, 80 and 100 % of an allowance or of a spend limit: once per crossing, with recovery, handed on once."""

from datetime import date
from decimal import Decimal

import httpx
import pytest

from orchestration.alerts.delivery import deliver
from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import scan, write_acme
from warehouse.database.connect import Role, connect
from warehouse.statements import quotas
from warehouse.statements.quotas import Alert

JANUARY_20 = date(2026, 1, 20)


def look(warehouse: Warehouse) -> list[tuple[str, int, str]]:
    """Look for crossings, and deliver: (quota, threshold, event) of what was handed on."""
    handed_on: list[Alert] = []
    with connect(warehouse.url, Role.OPERATOR, actor="alerts") as operator:
        quotas.record(operator, JANUARY_20)
        assert quotas.record(operator, JANUARY_20) == 0
        deliver(operator, handed_on.append)
    return [(alert.quota, alert.threshold, alert.event) for alert in handed_on]


def test_a_crossing_alerts_once_and_recovers_when_a_day_is_restated(warehouse: Warehouse) -> None:
    write_acme(warehouse, included=100, fee="90")
    scan(warehouse, "2026-01-05", 80)
    warehouse.build(JANUARY_20)
    assert look(warehouse) == []  # no feature flag, no alert
    warehouse.connection.execute("""update control.tenants set feature_flags = '{"quota_alerts": true}'""")
    with connect(warehouse.url, Role.OPERATOR) as operator:
        quotas.put_spend_limit(operator, "acme", date(2026, 1, 1), Decimal(100))
    _refused_alerts_stay_and_tell_no_address(warehouse)
    assert look(warehouse) == [("scans", 50, "crossed"), ("scans", 80, "crossed"), ("spend", 50, "crossed"),
                               ("spend", 80, "crossed")]  # fmt: skip
    for day, quantity, reported in (
        ("2026-01-06", 20, [("scans", 100, "crossed")]),
        ("2026-01-05", 10, [("scans", 50, "recovered"), ("scans", 80, "recovered"), ("scans", 100, "recovered")]),
        ("2026-01-05", 40, [("scans", 50, "crossed")]),
    ):
        scan(warehouse, day, quantity)
        warehouse.build(JANUARY_20)
        assert look(warehouse) == reported


def _refused_alerts_stay_and_tell_no_address(warehouse: Warehouse) -> None:
    def refuse(alert: Alert) -> None:
        raise httpx.ConnectError("to https://hooks.example/secret")

    with connect(warehouse.url, Role.OPERATOR) as operator:
        quotas.record(operator, JANUARY_20)
        done, failed = deliver(operator, refuse)
        assert not done
        assert failed[0] == "alert 1: the webhook could not be reached (ConnectError)"
        assert not [said for said in failed if "hooks.example" in said]
        assert [alert.threshold for alert in quotas.undelivered(operator)] == [50, 80, 50, 80]


@pytest.mark.parametrize(("event", "words"), [("crossed", "has reached"), ("recovered", "is below")])
def test_an_alert_says_in_words_what_happened(event: str, words: str) -> None:
    alert = Alert(1, "acme", "Acme", JANUARY_20, "scans", 80, event, Decimal(81), Decimal(100), "scan", None)  # type: ignore[arg-type]
    assert str(alert).startswith(f"Acme {words} 80 % of its allowance of scans: 81 of 100 scan")
