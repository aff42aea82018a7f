"""One Vapi organisation under two keys bills its calls twice: a check is red, review is blocked, until it is fixed."""

from datetime import date

from orchestration.remedies import word
from tests.marts.warehouse_of_one import Warehouse, call
from warehouse.blocker import Blocker
from warehouse.database.connect import Role, connect
from warehouse.database.queries import Row
from warehouse.marts import checks
from warehouse.statements.blocking import blockers

DAYS = ("2026-11-02", "2026-11-03")
NOVEMBER = {"period_start": date(2026, 11, 1), "period_end": date(2026, 12, 1), "ends_on": date(2026, 12, 1)}


def reported(warehouse: Warehouse, tenant_id: str) -> list[tuple[str, str]]:
    with connect(warehouse.url, Role.OPERATOR) as operator:
        found = blockers(operator, [{"tenant_id": tenant_id, **NOVEMBER}], date(2026, 12, 1))
        return [(word(one).what, word(one).fix) for one in found if one.code is Blocker.TWO_ACCOUNTS]


def red(warehouse: Warehouse) -> list[Row]:
    with connect(warehouse.url, Role.TRANSFORMER) as transformer:
        return checks.offenders(transformer, "no_call_is_counted_twice")


def test_an_organisation_read_under_two_keys_is_found_and_one_read_once_is_not(warehouse: Warehouse) -> None:
    for tenant_id in ("acme", "beta", "gamma"):
        warehouse.tenant(tenant_id, "2026-01-01")
    warehouse.attach("gamma", "vapi_phone_number", "number-g", "2026-01-01")
    warehouse.own_account("acme")
    warehouse.own_account("beta")
    for day in DAYS:
        warehouse.calls("platform", day, [call(f"{day}-{n}", "61") for n in range(3)])
        warehouse.calls("acme", day, [call(f"{day}-{n}", "61") for n in range(3)])
        warehouse.calls("beta", day, [call(f"{day}-beta", "61")])
    warehouse.build(date(2026, 11, 5))
    assert [tuple(row.values()) for row in red(warehouse)] == [
        ("acme, platform", date(2026, 11, 2), date(2026, 11, 3), 2, "2026-11-02-0", "vapi")
    ]
    ((what, fix),) = reported(warehouse, "gamma")
    assert "call 2026-11-02-0 of 2 Nov 2026 is in two accounts, platform and acme" in what
    assert fix == (
        "minutebook credential set vapi --tenant acme && minutebook pull --tenant acme --source vapi"
        " --from 2026-11-02 --to 2026-11-03"
    )
    assert reported(warehouse, "beta") == []

    for day in DAYS:  # the right key was set, and the days were pulled again
        warehouse.calls("acme", day, [call(f"{day}-acme", "61")])
    warehouse.build(date(2026, 11, 5))
    assert red(warehouse) == []
    assert reported(warehouse, "gamma") == reported(warehouse, "acme") == []
