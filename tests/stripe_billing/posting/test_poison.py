"""One tenant is bad in every way that a contract allows; the others are pulled, built, approved, posted, reconciled."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from orchestration.settings import Settings
from tests.ingestion.conftest import Minutebook, house, minutebook  # noqa: F401 - fixtures
from tests.ingestion.house import House, call
from tests.sandbox.faults import FOREVER, Fault, truncated_json
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.story import MetricRow
from tests.sandbox.stripe import StripeSandbox
from tests.sandbox.usage_database import TABLE, write_usage
from tests.stripe_billing.scene import KEY
from tests.stripe_billing.test_end_to_end import PLAN
from warehouse.clock import now

OCTOBER = [date(2026, 10, 1) + timedelta(days=n) for n in range(31)]
SOUND, TRUNCATED, ODD, HUGE = date(2026, 10, 20), date(2026, 10, 21), date(2026, 10, 22), date(2026, 10, 23)
OTHERS = ("alpha", "beta", "zeta")
KEY_OF_ILL = "private-key-of-ill-at-vapi"
LARGEST = Decimal(10**15 - 1)


def poisoned_calls() -> list[dict[str, Any]]:
    """Every kind of row that a contract allows, or that a provider was seen to send against it."""
    odd: list[dict[str, Any]] = [
        {"cost": "0.30"}, {"costs": {"type": "vapi"}}, {"costs": [{"cost": 1}]}, {"updatedAt": None}, {"id": 17},
        {"assistantId": "a" * 3000}, {"endedReason": "nul\0"}, {"cost": 1e300}, {"customer": {"name": "Jos@@"}},
        {"costs": [{"type": "llm", "cost": -1e12}]}, {"endedAt": "9999-12-31T23:59:59Z"},
        {"costs": [{"type": "llm", "cost": 0, "promptTokens": 1e300}]}, {"startedAt": "0001-01-01T00:00:00Z"},
    ]  # fmt: skip
    sound = [call(f"s{n}", ODD) for n in range(len(odd))]  # most of a day is never odd, or its contract is another
    return [
        *sound,
        *(call(f"o{n}", ODD, **fields) for n, fields in enumerate(odd)),
        call("twelve-hours", HUGE, seconds=43_200, cost=999_999_999.0, costs=[{"type": "vapi", "cost": 999_999_999.0}]),
        call("below-zero", HUGE, cost=-999_999_999.0, costs=[{"type": "vapi", "cost": -999_999_999.0}]),
        call("sound", SOUND, seconds=600),
    ]


@pytest.fixture
def poisoned(
    house: House,  # noqa: F811
    minutebook: Minutebook,  # noqa: F811
    empty_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    """Three tenants with ten minutes of one call each, and one between them that is ill."""
    monkeypatch.setenv("MINUTEBOOK_USAGE_DATABASE_URL", empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(TABLE)
    at = datetime(2026, 10, 23, 12, tzinfo=UTC)
    write_usage(empty_database_url, [
        MetricRow("big", "scan", quantity, None, at + timedelta(hours=n))
        for n, quantity in enumerate([LARGEST, LARGEST, Decimal(2**63 - 1), Decimal(-1), Decimal("0.5")])
    ])  # fmt: skip
    house.execute(PLAN.replace("insert into control.tenant_plans values ('acme', '2025-01-01', 'starter');\n", ""))
    house.execute(
        "insert into control.meters (meter_id, name, unit, source, item, stripe_event_name)"
        " values ('scans', 'Scans', 'scan', 'usage_metrics', 'scan', 'mb_scans')"
    )
    house.execute(
        "insert into control.prices (plan_id, meter_id, valid_from, model, unit_amount)"
        " values ('starter', 'scans', '2025-01-01', 'per_unit', 0.001)"
    )
    for tenant in (*OTHERS, "ill"):
        house.tenant(tenant, since=OCTOBER[0])
        house.execute("insert into control.tenant_plans values (%s, '2026-10-01', 'starter')", tenant)
        calls = poisoned_calls() if tenant == "ill" else [call(f"{tenant}-1", SOUND, seconds=600)]
        house.own_vapi(tenant, calls, is_rejected=tenant == "ill")
    house.attach("ill", "usage_agent", "big", OCTOBER[0])
    house.execute("update control.credentials set used_from = '2026-10-01'")
    return House(house.url, Settings.from_environment(), house.sandbox)


def pull(house: House) -> set[str | None]:  # noqa: F811
    """Whose days failed."""
    found = house.pull([*OTHERS, "ill"], OCTOBER, ["vapi", "usage_metrics"])
    return {one.tenant_id for one in found if one.is_failed}


def test_a_tenant_that_is_bad_in_every_way_touches_no_other_on_the_whole_path(
    poisoned: House,
    minutebook: Minutebook,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sources.http.wait_random_exponential", lambda **bounds: lambda state: 0.0)
    assert pull(poisoned) == {"ill"}, "its key is revoked"
    poisoned.sandbox.world.vapi[KEY_OF_ILL].is_rejected = False
    faults = poisoned.sandbox.faults

    def of_ill(day: date) -> Any:
        return lambda asked: KEY_OF_ILL in asked.key and str(day) in str(asked.params)

    faults.script("/vapi/call", truncated_json(), times=FOREVER, when=of_ill(TRUNCATED))
    latin = Fault(change=lambda body: body.replace(b"@@", b"\xe9"))
    faults.script("/vapi/call", latin, times=FOREVER, when=of_ill(ODD))
    assert pull(poisoned) == {"ill"}, "an answer is truncated"
    minutebook("build")

    with StripeSandbox(now().timestamp()) as stripe:
        monkeypatch.setenv("MINUTEBOOK_STRIPE_URL", stripe.url)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", KEY)
        minutebook("stripe sync --apply")
        prices = [price["id"] for price in stripe.catalogue.prices.values()]
        config = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
        for tenant in (*OTHERS, "ill"):
            customer = stripe.catalogue.create_customer({"name": tenant})["id"]
            items = [{"price": price} for price in prices]
            stripe.catalogue.create_subscription(
                {"customer": customer, "items": items, "billing_cycle_anchor_config": config}
            )
            poisoned.execute(
                "update control.tenants set stripe_customer_id = %s, feature_flags = '{\"stripe_posting\": true}'"
                " where tenant_id = %s", customer, tenant,
            )  # fmt: skip
        minutebook("build")
        stripe.catalogue.delete_customer(customer)

        approved = {one["tenant_id"]: one["result"] for one in json.loads(minutebook("approve 2026-10 --json", code=1))}
        assert approved == {**dict.fromkeys(OTHERS, "approved"), "ill": "refused"}
        minutebook("approve 2026-10 --tenant ill --override 'as bad as can be'")
        assert "ill" in minutebook("post", code=1)
        held = poisoned.execute("select tenant_id, state from ledger.invoice_items group by 1, 2 order by 1, 2")
        assert [(row["tenant_id"], row["state"]) for row in held if row["tenant_id"] != "ill"] == [
            (tenant, "accepted") for tenant in OTHERS
        ]
        assert ("ill", "accepted") not in {(row["tenant_id"], row["state"]) for row in held}
        differing = json.loads(minutebook("reconcile --json", code=1))["differences"]
        assert {one["tenant_id"] for one in differing} <= {"ill"}
