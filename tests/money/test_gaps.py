"""What an approved period lacks: asked of the period that carries its corrections, once, unless it is news."""

import shlex

import pytest

from orchestration.remedies import word
from tests.marts.warehouse_of_one import Warehouse, call
from tests.money.test_balance import APRIL_3, FEBRUARY_3, MARCH_3, approve, reopen, scan, write_plan
from warehouse.blocker import Blocker
from warehouse.database.connect import Role, connect
from warehouse.statements import approval
from warehouse.statements.approval import Scope
from warehouse.statements.blocking import blockers
from warehouse.statements.periods import Month

TODAY = {"2026-02": MARCH_3, "2026-03": APRIL_3}


def of_january(warehouse: Warehouse, month: str) -> list[tuple[str, str]]:
    """What stands in a month's way of its approved January, and what to do about it."""
    warehouse.build(TODAY[month])
    with connect(warehouse.url, Role.OPERATOR) as operator:
        (statement,) = Scope(Month.parse(month), ["acme"]).read(operator)
        found = blockers(operator, [statement], TODAY[month])
    marked = ", in its approved period of January 2026"
    said = [word(one) for one in found]
    return [(one.what.replace(marked, ""), one.fix) for one in said if marked in one.what]


def test_a_gap_of_an_approved_period_is_asked_for_once_and_again_when_it_is_news(warehouse: Warehouse) -> None:
    write_plan(warehouse, included=10)
    scan(warehouse, 5)
    warehouse.build(FEBRUARY_3)
    approve(warehouse, "2026-01", FEBRUARY_3)
    assert of_january(warehouse, "2026-02") == [], "its 30 days without a pull were meant"

    warehouse.put("control.meters", {"meter_id": "pages", "name": "Pages", "unit": "page", "source": "usage_metrics",
                                     "item": "page"})  # fmt: skip
    warehouse.metrics("acme", "2026-01-10", [("bot", "ocr", 5, None), ("bot", "page", 2, None)])
    pull = warehouse.metrics("acme", "2026-01-11", [("stranger", "ocr", 3, None)])
    warehouse.connection.execute("update ledger.pulls set is_incomplete = true where pull_id = %s", [pull])
    incomplete = (
        "1 day of usage_metrics incomplete, on 11 Jan 2026",
        "minutebook pull --tenant acme --source usage_metrics --from 2026-01-11 --to 2026-01-11",
    )
    stranger = (
        "unattributed: scans of usage_metrics, on 11 Jan 2026, 3 scans",
        f"{incomplete[1]} && minutebook build",
    )
    unpriced = (
        "unpriced: pages of usage_metrics, on 10 Jan 2026, 2 pages; 0 is a price",
        "minutebook reopen 2026-01 --tenant acme --reason 'usage without a price'"
        " && minutebook price set --tenant acme --meter pages --from 2026-01-01 --amount AMOUNT && minutebook build",
    )
    assert of_january(warehouse, "2026-02") == [incomplete, stranger, unpriced]
    approve(warehouse, "2026-02", MARCH_3)
    assert of_january(warehouse, "2026-03") == []

    warehouse.metrics("acme", "2026-01-11", [("stranger", "ocr", 4, None)])
    more = (stranger[0].replace("3", "4"), stranger[1])
    assert of_january(warehouse, "2026-03") == [more], "another quantity is news"
    reopen(warehouse, "2026-02")
    assert of_january(warehouse, "2026-02") == [more, unpriced]


@pytest.mark.resolves("usage_unread")
@pytest.mark.resolves("usage_of_unknown_type")
def test_what_a_provider_corrects_is_pulled_and_what_nobody_knows_is_left_out_with_a_reason(
    warehouse: Warehouse,
) -> None:
    write_plan(warehouse, included=10)
    warehouse.own_account("acme")
    backwards = call("c1", "61") | {"startedAt": "2026-01-10T10:02:00Z", "endedAt": "2026-01-10T10:01:00Z"}
    warehouse.calls("acme", "2026-01-10", [backwards])
    warehouse.attach("acme", "voiceflow_project", "chat", "2026-01-01")
    warehouse.interactions("acme", "2026-01-10", "chat", [("telepathy", 4)])
    scope, codes = Scope(Month.parse("2026-01"), ["acme"]), {Blocker.USAGE_UNREAD, Blocker.UNKNOWN_TYPE}
    warehouse.build(FEBRUARY_3)
    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        (statement,) = scope.read(operator)
        printed = {one.code: word(one).fix for one in blockers(operator, [statement], FEBRUARY_3) if one.code in codes}
    pull, build = printed[Blocker.USAGE_UNREAD].split(" && ")
    assert pull == "minutebook pull --tenant acme --source vapi --from 2026-01-10 --to 2026-01-10"
    assert build == "minutebook build"
    *approving, reason = shlex.split(printed[Blocker.UNKNOWN_TYPE])
    assert approving == ["minutebook", "approve", "2026-01", "--tenant", "acme", "--override"]

    warehouse.calls("acme", "2026-01-10", [call("c1", "61")])  # what the pull returns once it is corrected
    warehouse.build(FEBRUARY_3)
    with connect(warehouse.url, Role.OPERATOR, actor="finance") as operator:
        found = {one.code for one in blockers(operator, [statement], FEBRUARY_3)}
        assert found & codes == {Blocker.UNKNOWN_TYPE}
        (outcome,) = approval.approve(operator, scope, "finance", today=FEBRUARY_3, override=reason)
    assert (outcome.result, outcome.why) == ("approved", f"overridden: {reason}")
