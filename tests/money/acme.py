"""One tenant whose January is known: scans above 100 included, at 0.105 each for two and 0.06375 from then on."""

from datetime import date

from tests.marts.warehouse_of_one import Warehouse

FEBRUARY_3, MARCH_3 = date(2026, 2, 3), date(2026, 3, 3)
TIERS = '[{"up_to": 2, "unit_amount": "0.105"}, {"up_to": null, "unit_amount": "0.06375"}]'
LINE = "acme/2026-01-01/overage/scans"


def write_acme(warehouse: Warehouse, *, included: int = 0, fee: str = "0") -> None:
    since = {"valid_from": "2020-01-01"}
    warehouse.put("control.meters", {"meter_id": "scans", "name": "Scans", "unit": "scan", "source": "usage_metrics",
                                     "item": "ocr"})  # fmt: skip
    warehouse.put("control.plans", {"plan_id": "basic", "name": "Basic", "currency": "USD"})
    warehouse.put("control.plan_terms", {"plan_id": "basic", "subscription_fee": fee, **since})
    warehouse.put("control.allowances", {"plan_id": "basic", "meter_id": "scans", "quantity": included, **since})
    warehouse.put("control.prices", {"plan_id": "basic", "meter_id": "scans", "model": "graduated", "tiers": TIERS,
                                     **since})  # fmt: skip
    warehouse.tenant("acme", "2026-01-01", plan_id="basic")
    warehouse.attach("acme", "usage_agent", "bot", "2020-01-01")


def scan(warehouse: Warehouse, day: str, quantity: int) -> int:
    """Publish a day's scans; returns the pull."""
    return warehouse.metrics("acme", day, [("bot", "ocr", quantity, "0.01")])
