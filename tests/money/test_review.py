"""What review holds against a statement that is complete."""

from datetime import date
from decimal import Decimal

from orchestration.remedies import word
from tests.marts.warehouse_of_one import Warehouse
from tests.money.acme import scan, write_acme
from warehouse.blocker import Blocker
from warehouse.database.connect import Role, connect
from warehouse.statements import periods
from warehouse.statements.approval import Scope, approve
from warehouse.statements.blocking import blockers
from warehouse.statements.periods import Month
from warehouse.statements.review_rules import set_moved_share

STRIPE_METERS = """[{"id": "mtr_1", "event_name": "scans", "status": "active"},
    {"id": "mtr_2", "event_name": "lookups", "status": "active"}]"""
SUBSCRIPTIONS = """[{"status": "active", "items": {"data": [
    {"price": {"id": "price_1", "recurring": {"meter": "mtr_1"}}},
    {"price": {"id": "price_2", "recurring": {"meter": "mtr_2"}, "currency": "usd", "billing_scheme": "per_unit",
               "unit_amount_decimal": "3"}}]}}]"""
PRICE = """{"id": "price_1", "currency": "usd", "billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": [
    {"up_to": 2, "unit_amount_decimal": "10.5"}, {"up_to": null, "unit_amount_decimal": "%s"}]}"""


def test_a_statement_that_moved_and_a_total_that_disagrees_block_approval(warehouse: Warehouse) -> None:
    write_acme(warehouse, fee="10")
    today = date(2026, 4, 2)
    for month, quantity in (("2026-01", 100), ("2026-02", 110), ("2026-03", 900)):
        pull = scan(warehouse, f"{month}-10", quantity)
    warehouse.connection.execute(
        """update ledger.pulls set totals = '{"rows": 1}', provider_totals = '{"rows": 2}' where pull_id = %s""", [pull]
    )
    warehouse.build(today)
    with connect(warehouse.url, Role.OPERATOR) as operator:
        found = {
            month: [word(one).what for one in blockers(operator, [row], today)]
            for month in ("2026-01", "2026-02", "2026-03")
            for row in periods.statements(operator, Month.parse(month))
        }
    assert not [what for what in found["2026-02"] if what.startswith("moved")]
    assert "usage_metrics says rows 2 on 10 Mar 2026, its rows say 1" in found["2026-03"]
    assert any(what.startswith("moved from 17.10 to 67.46 USD (+295 %)") for what in found["2026-03"])

    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        set_moved_share(operator, Decimal(3))
        (march,) = periods.statements(operator, Month.parse("2026-03"))
        assert not [one for one in blockers(operator, [march], today) if one.code is Blocker.MOVED]
    trail = "select actor, after ->> 'moved_share' from ledger.audit_log where object_table = 'control.review_rules'"
    assert warehouse.rows(trail)[-1] == ("finance", "3")

    warehouse.connection.execute("update control.meters set stripe_event_name = 'scans'")
    warehouse.connection.execute("update control.tenants set stripe_customer_id = 'cus_1'")
    warehouse.put("control.meters", {"meter_id": "pages", "name": "Pages", "unit": "page", "source": "usage_metrics",
                                     "item": "page"})  # fmt: skip
    rows = [("bot", "dream", 1, None), ("bot", "page", 2, None), ("stranger", "ocr", 3, None)]
    warehouse.metrics("acme", "2026-03-11", rows)
    warehouse.failed_pull("usage_metrics", "acme", "2026-03-12", "unreachable")
    warehouse.connection.execute("update ledger.pulls set is_incomplete = true where pull_id = %s", [pull])
    warehouse.attach("acme", "voiceflow_project", "chat", "2026-03-01")
    warehouse.interactions("acme", "2026-03-11", "chat", [("telepathy", 4)])
    warehouse.failed_pull("voiceflow", "acme", "2026-03-12", "credential_rejected")
    warehouse.failed_pull("voiceflow", "acme", "2026-03-13", "rows_lost")
    lookups = {"meter_id": "lookups", "name": "Lookups", "unit": "lookup", "source": "usage_metrics"}
    warehouse.put("control.meters", {**lookups, "item": "lookup", "stripe_event_name": "lookups"})
    warehouse.put("control.prices", {"plan_id": "basic", "meter_id": "lookups", "model": "per_unit",
                                     "unit_amount": "0.02", "valid_from": "2020-01-01"})  # fmt: skip
    warehouse.build(today)
    with connect(warehouse.url, Role.OPERATOR) as operator:
        found_in_march = {word(one).what: word(one).fix for one in blockers(operator, [march], today)}
    for what in (
        "28 days of usage_metrics not pulled, 1 Mar 2026 to 31 Mar 2026",
        "1 day of usage_metrics failed, on 12 Mar 2026: unreachable",
        "1 day of usage_metrics incomplete, on 10 Mar 2026",
        "no meter: dream of usage_metrics, on 11 Mar 2026, 1 unit",
        "unknown type: interactions of voiceflow, on 11 Mar 2026, 4 interactions"
        "; only types known to be live are billed",
        "unpriced: pages of usage_metrics, on 11 Mar 2026, 2 pages; 0 is a price",
        "unattributed: scans of usage_metrics, on 11 Mar 2026, 3 scans",
        "its period of January 2026 is not approved",
    ):
        assert what in found_in_march
    of_a_day = "minutebook pull --tenant acme --source voiceflow --from 2026-03-{0} --to 2026-03-{0}"
    rejected = found_in_march["1 day of voiceflow failed, on 12 Mar 2026: credential_rejected"]
    assert rejected == "minutebook credential set voiceflow --tenant acme && " + of_a_day.format(12)
    lost = found_in_march["1 day of voiceflow failed, on 13 Mar 2026: rows_lost"]
    assert lost == of_a_day.format(13) + " --accept-loss"
    said = {("meters", "all"): STRIPE_METERS, ("subscriptions", "cus_1"): SUBSCRIPTIONS}
    for amount, differs in (("6.375", False), ("6.4", True)):
        for (kind, key), body in {**said, ("price", "price_1"): PRICE % amount}.items():
            warehouse.connection.execute("delete from ledger.stripe_cache where kind = %s", [kind])
            warehouse.put(
                "ledger.stripe_cache", {"kind": kind, "cache_key": key, "body": body, "read_at": "2026-04-01"}
            )
        with connect(warehouse.url, Role.OPERATOR) as operator:
            reported = [word(one).what for one in blockers(operator, [march], today) if one.code is Blocker.PRICE]
        assert any("price_1 charges scans otherwise than our price" in one for one in reported) == differs
        assert any("price_2 charges lookups otherwise" in one for one in reported), "a meter that nothing used yet, too"
    with connect(warehouse.url, Role.OPERATOR) as operator:
        (outcome,) = approve(operator, Scope(Month.parse("2026-03"), ["acme"]), "finance", today=today)
    assert outcome.result == "refused"
