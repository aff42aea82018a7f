"""Costs over months on a page: by provider and component, by the minute, and what nobody has. No tenant sees it."""

from collections.abc import Callable
from decimal import Decimal

import httpx
import psycopg
import pytest

from orchestration.reports.formats import change, fine, money

Visit = Callable[[str], httpx.Client]
PAGE = "/costs?month=2026-10"
CHARGED = (
    "insert into marts.fct_costs_daily (tenant_id, usage_date, source, provider, component, basis, amount, currency,"
    " provider_amount, provider_currency, unknown_reason)"
    " values ('acme-dental', %s, 'carrier_bill', 'carrier', 'transport', %s, %s, 'USD', %s, 'USD', %s)"
)
SPOKEN = (
    "insert into marts.fct_call_days (source, account, usage_date, tenant_id, calls, connected_calls,"
    " connected_seconds) values ('vapi', 'platform', %s, 'acme-dental', 1, 1, %s)"
)
LEFT = (
    "insert into marts.fct_bill_attribution (source, provider, account, usage_date, service, currency, bill,"
    " unknown_lines, joined, shared, rest, unattributed)"
    " values ('carrier_bill', 'carrier', 'platform', '2026-10-05', 'telephony', 'USD', 9.15, 0, 8, 0, 1.15, 1.15)"
)
SPENT = (
    "select sum(provider_amount) from marts.fct_costs_daily where basis <> 'billed_elsewhere'"
    " and date_trunc('month', usage_date::timestamp) = %s"
)


@pytest.fixture
def spent(story_url: str) -> list[Decimal]:
    """1,000 connected minutes in each of two months, charged by a carrier too; what the months cost."""
    with psycopg.connect(story_url) as connection:
        for day, amount in (("2026-09-05", "2.50"), ("2026-10-05", "12.34")):
            connection.execute(CHARGED, [day, "reported_by_provider", amount, amount, None])
            connection.execute(SPOKEN, [day, 60_000])
        connection.execute(CHARGED, ["2026-10-05", "billed_elsewhere", "77.70", "77.70", None])
        connection.execute(LEFT)
        found = [connection.execute(SPENT, [month]).fetchone() for month in ("2026-09-01", "2026-10-01")]
    return [row[0] for row in found if row]


@pytest.mark.parametrize("login", ["ana", "otto"])
def test_months_of_costs_are_shown_by_provider_and_component_and_by_the_minute(
    visit: Visit, spent: list[Decimal], login: str
) -> None:
    page = visit(login).get(PAGE).text
    former, now = (cost / 1000 for cost in spent)
    for shown in ("carrier", "transport", "12.34", "2.50", money(spent[1], "USD"), "77.70"):
        assert shown in page, shown
    assert fine(now, "USD") in page
    assert f"{change(now, former)} against the month before" in page
    assert "1.1500" in page
    assert "nothing unknown" in page


def test_what_is_not_known_is_left_out_and_said_beside(visit: Visit, spent: list[Decimal], story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(CHARGED, ["2026-10-06", "unknown", None, None, "pending"])
        connection.execute(
            "update marts.fct_margin_monthly set cost = null, margin = null, margin_percent = null,"
            " completeness = 'costs missing' where tenant_id = 'acme-dental' and period_start = '2026-10-01'"
        )
        row = connection.execute(
            "select sum(revenue - cost_reported - cost_estimated - cost_allocated) from marts.fct_margin_monthly"
            " where period_start = '2026-10-01'"
        ).fetchone()
    page = visit("ana").get(PAGE).text
    assert "not known while a cost is unknown" in page
    assert fine(spent[1] / 1000, "USD") not in page
    assert money(spent[1], "USD") in page
    assert row is not None
    assert money(row[0], "USD") in page
    assert "costs of 1 of " in page
    own = visit("ana").get("/periods/acme-dental/2026-10-01").text
    assert "of what is known" in own


def test_what_a_period_was_known_to_cost_at_approval_is_shown_once_its_cost_has_moved(
    visit: Visit, story_url: str
) -> None:
    page = "/periods/acme-dental/2026-10-01"
    for then, is_shown in (("cost", False), ("cost + 7.06", True)):
        with psycopg.connect(story_url) as connection:
            connection.execute(
                f"update marts.fct_margin_monthly set approved_cost = {then}"
                " where tenant_id = 'acme-dental' and period_start = '2026-10-01'"
            )
        assert ("when it was approved" in visit("ana").get(page).text) == is_shown


def test_a_month_without_costs_says_so_and_an_odd_month_is_none(visit: Visit) -> None:
    page = visit("otto").get("/costs?month=2020-01").text
    assert "No cost is known of these months." in page
    assert "assigned to nobody" not in page, "of no bill nothing is said"
    assert visit("otto").get("/costs?month=later").status_code == 404
    assert visit("otto").get("/costs?month=0001-01").status_code == 200


def test_a_tenant_never_sees_what_its_calls_cost(visit: Visit) -> None:
    assert visit("tina").get("/costs").status_code == 403
    assert 'href="/costs"' not in visit("tina").get("/usage").text
