"""Where a running period will end, on the pages of the tenant and of finance, and when it is not said."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import httpx
import psycopg
import pytest

from warehouse.control import plans, prices
from warehouse.control.plans import Meter, Terms
from warehouse.control.prices import Model, Price
from warehouse.database.connect import Role, connect

Visit = Callable[[str], httpx.Client]
SINCE = date(2026, 9, 1)
DAYS = """
update marts.fct_usage_daily set quantity = 30
where tenant_id = 'acme-dental' and meter_id = 'voice_minutes' and usage_date >= '2026-10-06';
delete from marts.fct_usage_daily where tenant_id = 'acme-dental' and meter_id <> 'voice_minutes';
update marts.fct_overages_daily set cumulative_quantity = 30 * extract(day from usage_date)
where tenant_id = 'acme-dental' and meter_id = 'voice_minutes' and period_start = '2026-11-01';
delete from marts.fct_overages_daily where tenant_id = 'acme-dental' and meter_id <> 'voice_minutes';
insert into marts.dim_prices (price_id, plan_id, meter_id, unit, model, unit_amount, currency, valid_from)
select price_id, plan_id, meter_id, 'minute', model, unit_amount, 'USD', valid_from from control.prices
"""


@pytest.fixture
def priced(story_url: str) -> str:
    """The story of acme-dental as if it used 30 minutes each day, with 600 included and 0.10 for each beyond."""
    with connect(story_url, Role.OPERATOR) as operator:
        plans.put_plan(operator, "growth", "Growth", "USD")
        plans.put_meter(operator, Meter("voice_minutes", "Call minutes", "minute", "vapi", 60, 0))
        plans.put_terms(operator, Terms("growth", SINCE, Decimal(249), voice_meter_id="voice_minutes"))
        plans.put_allowance(operator, "growth", "voice_minutes", SINCE, 600)
        price = Price("voice_minutes", SINCE, Model.PER_UNIT, plan_id="growth", unit_amount=Decimal("0.10"))
        prices.put_price(operator, price)
    with psycopg.connect(story_url) as owner:
        for statement in DAYS.split(";"):
            owner.execute(statement)
    return story_url


def test_a_running_period_says_where_it_will_end_and_when_what_is_included_is_used_up(
    priced: str, visit: Visit
) -> None:
    # 60 minutes in two days, and 30 for each of the 28 to come: 900, 300 of them beyond what is included.
    for login, path in (("tina", "/usage/2026-11-01"), ("ana", "/periods/acme-dental/2026-11-01")):
        page = visit(login).get(path).text
        assert "about <b>279.00</b> by 30 Nov 2026" in page
        assert "leads to about 900 at the end" in page
        assert "the mean of the last 28 days that were read" in page
    page = visit("tina").get("/usage/2026-11-01").text
    # After 18 days more of 30, 600 are used.
    assert "540 left, used up about 20 Nov 2026" in page


def test_nothing_is_said_of_the_end_where_a_day_is_missing_or_the_period_has_ended(priced: str, visit: Visit) -> None:
    assert "by 31 Oct 2026" not in visit("tina").get("/usage/2026-10-01").text
    with psycopg.connect(priced) as owner:
        owner.execute(
            "update marts.fct_tenant_day_status set status = 'failed'"
            " where tenant_id = 'acme-dental' and usage_date = '2026-11-01'"
        )
    page = visit("tina").get("/usage/2026-11-01").text
    assert "not complete yet" in page
    assert "by 30 Nov 2026" not in page
