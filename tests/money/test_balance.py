"""The books balance: a corrected line, frozen or not, and all its adjustments sum to what it is rated at now."""

import shlex
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.marts import building
from orchestration.remedies import word
from orchestration.remedies.approval import refusal_typed, whom_to_name
from orchestration.remedies.errors import with_next_step
from tests.marts.warehouse_of_one import Warehouse, call
from warehouse.blocker import Blocker
from warehouse.clock import OFFSET, offset_to
from warehouse.control.errors import Refused
from warehouse.database.connect import Role, connect
from warehouse.statements import approval, balance, canary, periods
from warehouse.statements.approval import Scope, WhomToName
from warehouse.statements.blocking import blockers
from warehouse.statements.explain import explain
from warehouse.statements.periods import Month

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
FEBRUARY_3, MARCH_3, APRIL_3, MAY_3 = (date(2026, month, 3) for month in (2, 3, 4, 5))
CARRIED = (
    "select tenant_id, period_start, split_part(corrects_line_id, '/', 3), quantity, amount"
    " from marts.fct_statement_lines where line_kind = 'adjustment' order by 1, 2, 3 desc"
)


def write_plan(warehouse: Warehouse, *, included: int, fee: int = 100, minimum: int = 0) -> None:
    """Scans and calls at 1.00 each above what is included."""
    since = {"valid_from": "2020-01-01"}
    warehouse.put("control.meters",
        {"meter_id": "scans", "name": "Scans", "unit": "scan", "source": "usage_metrics", "item": "ocr"},
    )  # fmt: skip
    warehouse.put("control.meters",
        {"meter_id": "minutes", "name": "Minutes", "unit": "minute", "source": "vapi", "increment_seconds": 60,
         "minimum_seconds": 0},
    )  # fmt: skip
    warehouse.put("control.plans", {"plan_id": "basic", "name": "Basic", "currency": "USD"})
    warehouse.put("control.plan_terms", {"plan_id": "basic", "subscription_fee": fee, "minimum_amount": minimum,
                                         "voice_meter_id": "minutes", **since})  # fmt: skip
    warehouse.put("control.allowances", {"plan_id": "basic", "meter_id": "scans", "quantity": included, **since})
    for meter in ("scans", "minutes"):
        warehouse.put("control.prices", {"plan_id": "basic", "meter_id": meter, "model": "per_unit", "unit_amount": 1,
                                         **since})  # fmt: skip
    warehouse.tenant("acme", "2026-01-01", plan_id="basic")
    warehouse.attach("acme", "usage_agent", "bot", "2020-01-01")


def scan(warehouse: Warehouse, quantity: int) -> None:
    """Publish January 10 of acme."""
    warehouse.metrics("acme", "2026-01-10", [("bot", "ocr", quantity, "0.01")])


def approve(warehouse: Warehouse, month: str, today: date) -> None:
    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        outcomes = approval.approve(
            operator, Scope(Month.parse(month), ["acme", "bolt"]), "finance", today=today, override="its gaps are meant"
        )
    assert {one.result for one in outcomes} == {"approved"}, outcomes


def settled(warehouse: Warehouse, today: date, *, from_scratch: bool = False) -> list[tuple[object, ...]]:
    """Build; every adjustment there is, each explained, and the books in balance."""
    warehouse.build(today, full_refresh=from_scratch)
    carried = warehouse.rows(CARRIED)
    assert warehouse.rows("select line_id from marts.fct_line_balances where not is_balanced") == []
    with connect(warehouse.url, Role.OPERATOR) as operator:
        for (line_id,) in warehouse.rows("select line_id from marts.fct_statement_lines"):
            assert explain(operator, line_id).faults == []
    return carried


def reopen(warehouse: Warehouse, month: str) -> None:
    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        (row,) = periods.periods_of(operator, Month.parse(month))
        periods.reopen(operator, row, "finance", "agreed with the tenant")


def test_13_the_books_balance_where_a_line_exists_only_as_an_approved_adjustment(warehouse: Warehouse) -> None:
    write_plan(warehouse, included=10)
    scan(warehouse, 5)
    warehouse.build(FEBRUARY_3)
    approve(warehouse, "2026-01", FEBRUARY_3)
    scan(warehouse, 15)
    up = ("acme", FEBRUARY, "overage", 5, Decimal("5.00"))
    assert settled(warehouse, MARCH_3) == [up]
    approve(warehouse, "2026-02", MARCH_3)
    scan(warehouse, 5)
    down = ("acme", MARCH, "overage", -5, Decimal("-5.00"))
    assert settled(warehouse, APRIL_3) == [up, down]
    approve(warehouse, "2026-03", APRIL_3)
    scan(warehouse, 12)
    assert settled(warehouse, MAY_3, from_scratch=True) == [
        up,
        down,
        ("acme", date(2026, 4, 1), "overage", 2, Decimal("2.00")),
    ]
    assert warehouse.rows("select price_id is not null from ledger.statement_lines as l, lateral"
                          " (select inputs ->> 'price_id' as price_id) as p where line_kind = 'adjustment'"
                          ) == [(True,), (True,)]  # fmt: skip


def test_a_minimum_that_came_by_an_adjustment_goes_by_one(warehouse: Warehouse) -> None:
    write_plan(warehouse, included=0, minimum=200)
    scan(warehouse, 150)
    warehouse.build(FEBRUARY_3)
    approve(warehouse, "2026-01", FEBRUARY_3)
    scan(warehouse, 10)
    down = [("acme", FEBRUARY, "overage", -140, Decimal("-140.00")), ("acme", FEBRUARY, "minimum", 1, Decimal("90.00"))]
    assert settled(warehouse, MARCH_3) == down
    approve(warehouse, "2026-02", MARCH_3)
    scan(warehouse, 150)
    up = [("acme", MARCH, "overage", 140, Decimal("140.00")), ("acme", MARCH, "minimum", -1, Decimal("-90.00"))]
    assert settled(warehouse, APRIL_3, from_scratch=True) == [*down, *up]


def test_a_number_moved_into_a_closed_month_and_back_charges_nobody_twice(warehouse: Warehouse) -> None:
    write_plan(warehouse, included=0)
    warehouse.tenant("bolt", "2026-01-01", plan_id="basic")
    warehouse.attach("acme", "vapi_phone_number", "n", "2020-01-01")
    warehouse.calls("platform", "2026-01-10", [call("c", "300", phoneNumberId="n")])
    warehouse.build(FEBRUARY_3)
    approve(warehouse, "2026-01", FEBRUARY_3)
    warehouse.attach("bolt", "vapi_phone_number", "n", "2026-01-01")
    moved = [("acme", FEBRUARY, "overage", -5, Decimal("-5.00")), ("bolt", FEBRUARY, "overage", 5, Decimal("5.00"))]
    assert settled(warehouse, MARCH_3) == moved
    approve(warehouse, "2026-02", MARCH_3)
    warehouse.connection.execute("delete from control.agent_attachments where value = 'n' and tenant_id = 'bolt'")
    assert settled(warehouse, APRIL_3) == [
        moved[0], ("acme", MARCH, "overage", 5, Decimal("5.00")),
        moved[1], ("bolt", MARCH, "overage", -5, Decimal("-5.00")),
    ]  # fmt: skip


def test_a_correction_carried_by_a_month_before_the_corrected_one_is_explained(warehouse: Warehouse) -> None:
    write_plan(warehouse, included=0)
    warehouse.metrics("acme", "2026-02-10", [("bot", "ocr", 5, "0.01")])
    warehouse.build(MARCH_3)
    approve(warehouse, "2026-02", MARCH_3)
    warehouse.metrics("acme", "2026-02-10", [("bot", "ocr", 8, "0.01")])
    assert settled(warehouse, MARCH_3) == [("acme", JANUARY, "overage", 3, Decimal("3.00"))]
    approve(warehouse, "2026-01", MARCH_3)
    assert settled(warehouse, MARCH_3) == [("acme", JANUARY, "overage", 3, Decimal("3.00"))]


@pytest.mark.parametrize("frozen", [5, 12])
def test_a_period_that_approved_adjustments_correct_is_not_reopened(warehouse: Warehouse, frozen: int) -> None:
    write_plan(warehouse, included=10)
    scan(warehouse, frozen)
    warehouse.build(FEBRUARY_3)
    approve(warehouse, "2026-01", FEBRUARY_3)
    scan(warehouse, 15)
    warehouse.build(MARCH_3)
    approve(warehouse, "2026-02", MARCH_3)
    scan(warehouse, 17)
    warehouse.build(APRIL_3)
    approve(warehouse, "2026-03", APRIL_3)
    for month in ("2026-01", "2026-02"):
        with pytest.raises(Refused) as refused:
            reopen(warehouse, month)
        assert "minutebook reopen 2026-03 --tenant acme --reason REASON" in with_next_step(refused.value)
    settled(warehouse, APRIL_3)
    for month in ("2026-03", "2026-02", "2026-01"):
        reopen(warehouse, month)
    assert settled(warehouse, APRIL_3) == []


FORMER_KEYS = "full join stated on rated.line_id = stated.corrected_line_id"
"""Of int_adjustments: with a left join, what exists only as adjustments is lost, as it once was."""


@pytest.fixture
def defective(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Warehouse:
    """Two tenants, one of them to be corrected in March by models that cannot."""
    project = tmp_path / "dbt_project"
    copytree(building.PROJECT, project, ignore=ignore_patterns("target", "logs"))
    model = project / "models" / "intermediate" / "rating" / "int_adjustments.sql"
    model.write_text(model.read_text().replace(FORMER_KEYS, FORMER_KEYS.replace("full", "left")))
    write_plan(warehouse, included=10)
    warehouse.tenant("bolt", "2026-01-01", plan_id="basic")
    warehouse.connection.execute("""update control.tenants set feature_flags = '{"stripe_posting": true}'""")
    for quantity, today, month in ((5, FEBRUARY_3, "2026-01"), (15, MARCH_3, "2026-02")):
        scan(warehouse, quantity)
        warehouse.build(today)
        approve(warehouse, month, today)
    scan(warehouse, 5)
    monkeypatch.setattr(building, "PROJECT", project)
    warehouse.home = tmp_path / "home"  # what dbt knows of the models of the other tests stays
    return warehouse


@pytest.mark.resolves("books_do_not_balance")
def test_a_line_out_of_balance_stops_its_tenant_alone_and_no_reason_overrides_it(
    defective: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    scope = Scope(Month.parse("2026-03"), ["acme", "bolt"])
    built = defective.build(APRIL_3)
    assert [warning for warning in built.warnings if warning.startswith("assert_the_books_balance")], built.warnings
    what = "the books do not balance: acme/2026-01-01/overage/scans is rated at 0 units, 0 USD now, and stated"
    with connect(defective.url, Role.OPERATOR, actor="finance") as operator:
        acme, bolt = approval.approve(operator, scope, "finance", today=APRIL_3, override="its gaps are meant")
        (march,) = Scope(Month.parse("2026-03"), ["acme"]).read(operator)
        (unbalanced,) = [one for one in blockers(operator, [march], APRIL_3) if one.code is Blocker.UNBALANCED]
    assert (acme.result, bolt.result) == ("refused", "approved")
    assert what in str(refusal_typed(acme))
    assert "--override" not in str(refusal_typed(acme))
    with connect(defective.url, Role.BILLING) as billing:
        assert [(one.tenant_id, one.line_id) for one in balance.imbalances(billing)] == [
            ("acme", "acme/2026-01-01/overage/scans")
        ]
    monkeypatch.undo()  # a release that can
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", defective.url)
    monkeypatch.setenv("MINUTEBOOK_HOME", str(defective.home))
    monkeypatch.setenv(OFFSET, offset_to(datetime.combine(APRIL_3, time(9), UTC)))
    printed = CliRunner().invoke(app, shlex.split(word(unbalanced).fix.removeprefix("minutebook ")))
    assert printed.exit_code == 0, printed.output
    with connect(defective.url, Role.OPERATOR, actor="finance") as operator:
        acme, bolt = approval.approve(operator, scope, "finance", today=APRIL_3, override="its gaps are meant")
    assert (acme.result, bolt.result) == ("approved", "unchanged")


@pytest.mark.resolves("canary_unbuilt")
@pytest.mark.resolves("marts_behind")
def test_nothing_is_approved_while_the_known_answer_is_wrong_or_the_marts_are_old(warehouse: Warehouse) -> None:
    write_plan(warehouse, included=10)
    warehouse.build(FEBRUARY_3)
    canary.install(warehouse.url, "tests")
    for remedy in ("run: minutebook build", "7.58 instead of 7.79; run: minutebook canary check, and "):
        with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
            (outcome,) = approval.approve(
                operator, Scope(Month.parse("2026-01"), ["acme"]), "finance", today=FEBRUARY_3, override="meant"
            )
        assert outcome.result == "refused"
        assert remedy in str(refusal_typed(outcome))
        warehouse.connection.execute(
            "update control.prices set unit_amount = 0.045 where meter_id = 'canary_half_minutes'"
        )
        warehouse.build(FEBRUARY_3)
    assert warehouse.rows("select * from ledger.periods") == []


def test_an_override_names_its_tenants(warehouse: Warehouse) -> None:
    write_plan(warehouse, included=10)
    scan(warehouse, 5)
    warehouse.build(FEBRUARY_3)
    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        with pytest.raises(WhomToName) as refused:
            approval.approve(operator, Scope(Month.parse("2026-01")), "finance", today=FEBRUARY_3, override="meant")
        operator.rollback()
    said = whom_to_name(refused.value, Month.parse("2026-01"))
    assert "approve 2026-01 --tenant acme --override REASON" in said
    assert warehouse.rows("select * from ledger.periods") == []
