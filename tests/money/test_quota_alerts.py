"""50, 80 and 100 % of an allowance or of a spend limit: once per crossing, with recovery; one alert for each quota."""

from datetime import UTC, date, datetime
from decimal import Decimal

from orchestration.alerts.looking import look
from orchestration.settings import Settings
from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import scan, write_acme
from warehouse.database.connect import Role, connect
from warehouse.operations import alerts
from warehouse.statements import quotas

NOON = datetime(2026, 1, 20, 12, tzinfo=UTC)
JANUARY_20 = NOON.date()


def seen(warehouse: Warehouse, checked: int | None = None) -> list[tuple[str, str]]:
    """Look: what became of alerts of quotas, and which. A second look changes nothing."""
    done = look(warehouse.url, Settings(warehouse.home), NOON, checked)
    assert done.unknown == []
    assert look(warehouse.url, Settings(warehouse.home), NOON).changes == []
    return sorted((one.change, one.title) for one in done.changes if "of its" in one.title)


def crossings(warehouse: Warehouse) -> list[tuple[object, ...]]:
    """What was written down since it was last asked, oldest first."""
    found = warehouse.rows("select quota, threshold, event from ledger.quota_alerts order by alert_id")
    new = found[len(_known) :]
    _known.extend(new)
    return new


_known: list[tuple[object, ...]] = []


def test_a_quota_is_one_alert_that_is_said_again_when_more_of_it_is_used(warehouse: Warehouse) -> None:
    _known.clear()
    write_acme(warehouse, included=100, fee="90")
    scan(warehouse, "2026-01-05", 80)
    warehouse.build(JANUARY_20)
    assert seen(warehouse) == []  # no feature flag, no alert
    warehouse.connection.execute("""update control.tenants set feature_flags = '{"quota_alerts": true}'""")
    with connect(warehouse.url, Role.OPERATOR) as operator:
        quotas.put_spend_limit(operator, "acme", JANUARY_20.replace(day=1), Decimal(100))
    allowance, spend = (
        "acme has reached {} % of its allowance of scans: {} of 100 scans",
        "acme has reached 80 % of its",
    )
    begun = " in the period from 1 Jan 2026 on"
    assert seen(warehouse) == [
        ("opened", allowance.format(80, 80) + begun),
        ("opened", f"{spend} spend limit: 90 of 100 USD{begun}"),
    ]
    assert crossings(warehouse) == [("scans", 50, "crossed"), ("scans", 80, "crossed"), ("spend", 50, "crossed"),
                                    ("spend", 80, "crossed")]  # fmt: skip
    for day, quantity, reported, crossed in (
        ("2026-01-06", 20, [("worse", allowance.format(100, 100) + begun)], [("scans", 100, "crossed")]),
        ("2026-01-05", 10, [("resolved", allowance.format(100, 100) + begun)],
         [("scans", 50, "recovered"), ("scans", 80, "recovered"), ("scans", 100, "recovered")]),
        ("2026-01-05", 40, [("opened", allowance.format(50, 60) + begun)], [("scans", 50, "crossed")]),
    ):  # fmt: skip
        scan(warehouse, day, quantity)
        warehouse.build(JANUARY_20)
        assert seen(warehouse) == reported
        assert crossings(warehouse) == crossed
    _checks_are_looked_at_once_for_each_build(warehouse)
    _what_differs_is_one_alert_for_each_tenant(warehouse)


def test_a_quota_that_will_be_passed_is_said_before_it_is(warehouse: Warehouse) -> None:
    write_acme(warehouse, included=100, fee="90")
    scan(warehouse, "2026-01-05", 60)
    warehouse.connection.execute("""update control.tenants set feature_flags = '{"quota_alerts": true}'""")
    _build_with_all_days_read(warehouse)
    with connect(warehouse.url, Role.OPERATOR) as operator:
        quotas.put_spend_limit(operator, "acme", JANUARY_20.replace(day=1), Decimal("90.10"))
        # 60 scans in the 19 days until the 20th, so about 98 in January: what is included lasts.
        assert [one.quota for one in quotas.expected(operator, JANUARY_20)] == []
    scan(warehouse, "2026-01-06", 19)
    _build_with_all_days_read(warehouse)
    with connect(warehouse.url, Role.OPERATOR) as operator:
        found = [(one.quota, one.used, one.expected, one.on) for one in quotas.expected(operator, JANUARY_20)]
        # 79 in 19 days, 12 days to come: 128.89; the 21 that are left go in 5.05 days. 29 beyond: 2 × 0.105 and 27 × …
        assert found[0] == ("scans", 79, 129, date(2026, 1, 25))
        assert [(quota, used) for quota, used, *_ in found[1:]] == [("spend", Decimal("90.00"))]
    scan(warehouse, "2026-01-06", 60)
    _build_with_all_days_read(warehouse)
    with connect(warehouse.url, Role.OPERATOR) as operator:
        assert "scans" not in [one.quota for one in quotas.expected(operator, JANUARY_20)], "it is reached"


def _build_with_all_days_read(warehouse: Warehouse) -> None:
    warehouse.build(JANUARY_20)
    warehouse.connection.execute(
        "update marts.fct_tenant_day_status set status = 'no usage'"
        " where status in ('not pulled', 'incomplete') and usage_date < %s",
        [JANUARY_20],
    )


def _checks_are_looked_at_once_for_each_build(warehouse: Warehouse) -> None:
    """The marts are built already: what is red is written into them."""
    (build,) = warehouse.rows("select max(build_id) from ledger.builds")[0]
    warehouse.connection.execute(
        "insert into marts.fct_unbilled_usage"
        " (source, item, unit, usage_date, reason, is_blocking, quantity, row_count)"
        " values ('vapi', 'calls', 'second', '2026-01-09', 'unattributed', true, 1, 1)"
    )
    done = look(warehouse.url, Settings(warehouse.home), NOON, build)
    assert (done.changes, done.build) == ([], build)
    done = look(warehouse.url, Settings(warehouse.home), NOON, build - 1)
    assert [(one.change, one.title) for one in done.changes] == [
        ("opened", "1 item of usage belongs to no tenant and on no bill")
    ]
    warehouse.connection.execute("delete from marts.fct_unbilled_usage where reason = 'unattributed'")
    assert [one.change for one in look(warehouse.url, Settings(warehouse.home), NOON).changes] == ["resolved"]


def _what_differs_is_one_alert_for_each_tenant(warehouse: Warehouse) -> None:
    warehouse.connection.execute(
        "insert into marts.fct_reconciliation (tenant_id, meter_id, usage_date, period_start, ours, posted, stripe,"
        " difference, age_days, is_approved, is_equal, finding)"
        " select 'acme', 'scans', d::date, '2026-01-01', 1, 1, 0, 1, 9, false, false, f"
        " from (values ('2026-01-03', 'missing'), ('2026-01-04', 'missing'), ('2026-01-05', 'settling')) as v (d, f)"
    )
    done = look(warehouse.url, Settings(warehouse.home), NOON)
    assert [(one.change, one.title) for one in done.changes] == [
        ("opened", "marts, postings and Stripe are not one on 2 days of acme, 3 Jan 2026 to 4 Jan 2026: missing")
    ]
    warehouse.connection.execute("delete from marts.fct_reconciliation where finding = 'missing'")
    assert [one.change for one in look(warehouse.url, Settings(warehouse.home), NOON).changes] == ["resolved"]
    with connect(warehouse.url, Role.OPERATOR) as operator:
        assert alerts.count_open(operator) == len(alerts.listed(operator, NOON.replace(year=2030)))
