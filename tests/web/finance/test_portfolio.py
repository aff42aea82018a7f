"""All tenants together: the months add up, the bridge ends where the month is, and what is not known is named."""

import re
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise

import httpx
import psycopg
import pytest

from orchestration.reports.formats import fine, money
from orchestration.reports.portfolio import bridge_of

Visit = Callable[[str], httpx.Client]
ACME, BRIGHT, LEGAL = "acme-dental", "bright-smiles", "delta-legal"
PAGE = "/portfolio?month=2026-10"
NAMES = ("Sep 2026", "Oct 2026")


def row(former: str | None, now: str | None) -> dict[str, Decimal | None]:
    return {
        "former_revenue": None if former is None else Decimal(former),
        "revenue": None if now is None else Decimal(now),
    }


@pytest.mark.parametrize(
    ("moves", "amounts"),
    [
        ([], ["0", "0", "0", "0", "0", "0"]),
        ([row("10", "12.5"), row("7", "7"), row("3", "1"), row(None, "4"), row("20", None)],
         ["40", "4", "2.5", "-2", "-20", "24.5"]),
        ([row("-5", "0"), row(None, "0")], ["-5", "0", "5", "0", "0", "0"]),
    ],
)  # fmt: skip
def test_a_bridge_ends_at_the_sum_of_its_month(moves: list[dict[str, Decimal | None]], amounts: list[str]) -> None:
    steps = bridge_of(moves, NAMES)
    assert [step.amount for step in steps] == [Decimal(amount) for amount in amounts]
    assert [step.name for step in steps] == [NAMES[0], "New", "More", "Less", "Left", NAMES[1]]
    for before, after in pairwise(steps[:-1]):
        assert after.begins == before.ends
    assert steps[-1].ends == steps[-2].ends
    assert steps[-1].ends == sum((one["revenue"] or Decimal(0) for one in moves), Decimal(0))


def test_the_page_adds_up_to_the_margins_of_its_tenants(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        sums = connection.execute(
            "select sum(revenue), sum(cost), sum(margin) from marts.fct_margin_monthly"
            " where period_start = '2026-10-01'"
        ).fetchone()
    page = visit("ana").get(PAGE).text
    assert sums
    for amount in sums:
        assert f">{money(amount, 'USD')}<" in page
    assert page.count("<svg") == 2
    assert "all known" in page


def test_a_cost_that_is_not_known_makes_no_sum_and_is_named(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_margin_monthly set cost = null, margin = null, completeness = 'costs missing'"
            " where tenant_id = %s and period_start = '2026-10-01'",
            [LEGAL],
        )
    page = visit("ana").get(PAGE).text
    assert "not known of 1 tenant;" in page
    assert re.search(r'<span class="label">Margin</span><span class="value">—', page)
    assert f'<a href="/periods/{LEGAL}/2026-10-01"><bdi>Delta Legal</bdi></a>: costs missing' in page


def test_currencies_are_never_added_and_who_came_and_left_is_counted(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute("update marts.fct_margin_monthly set currency = 'EUR' where tenant_id = %s", [ACME])
        connection.execute(
            "delete from marts.fct_margin_monthly where tenant_id = %s and period_start = '2026-09-01'", [BRIGHT]
        )
        connection.execute(
            "delete from marts.fct_margin_monthly where tenant_id = %s and period_start = '2026-10-01'", [LEGAL]
        )
    page = visit("ana").get(PAGE).text
    assert page.index("In EUR") < page.index("In USD")
    _, of_usd = page.split("In USD", maxsplit=1)
    for name in ("New", "Left"):
        assert re.search(rf'<th scope="row">{name}</th><td class="n">1</td>', of_usd)


def test_it_is_finances_alone_and_empty_is_said(visit: Visit, story_url: str) -> None:
    for login in ("otto", "tina"):
        assert visit(login).get(PAGE).status_code == 403
    with psycopg.connect(story_url) as connection:
        connection.execute("delete from marts.fct_margin_monthly")
    assert "No margin yet" in visit("ana").get(PAGE).text


def test_margin_stands_against_volume_and_who_is_left_out_is_said(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_margin_monthly set cost = null, margin = null, completeness = 'costs missing'"
            " where tenant_id = %s and period_start = '2026-10-01'",
            [LEGAL],
        )
        connection.execute(
            "insert into marts.fct_call_days (source, account, usage_date, tenant_id, calls, connected_calls,"
            " connected_seconds) select 'vapi', tenant_id, period_start, tenant_id, 1, 1, 600 * revenue"
            " from marts.fct_margin_monthly where period_start = '2026-10-01'"
        )
        rows = connection.execute(
            "select m.tenant_id, m.cost / (sum(d.connected_seconds) / 60) from marts.fct_margin_monthly as m"
            " inner join marts.fct_call_days as d on m.tenant_id = d.tenant_id"
            " and d.usage_date >= m.period_start and d.usage_date < m.period_end"
            " where m.period_start = '2026-10-01' and m.cost is not null group by 1, m.cost"
            " having sum(d.connected_seconds) > 0 order by sum(d.connected_seconds) desc, 1"
        ).fetchall()
    page = visit("ana").get(PAGE).text
    table = page.split('aria-label="Tenants by volume in USD"')[1].split("</table>")[0]
    assert rows
    assert re.findall(r'href="/periods/([\w-]+)/', table) == [tenant for tenant, _ in rows]
    months = page.split('aria-label="Months in USD"')[1].split("</table>")[0]
    assert page.count("<svg") == 3, "months, the bridge, and margin against volume: no month has a cost of a minute"
    assert "cost of 1 not known" in months
    assert re.search(r"Oct 2026<.*?—</td></tr>", months, re.S), "no cost of a minute while a cost is not known"
    for _, per_minute in rows:
        assert f'<td class="n">{fine(per_minute, "USD")}</td>' in table
    assert "1 tenant whose cost is not known is left out." in page


def test_what_a_minute_cost_stands_beside_each_month_that_had_one(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "insert into marts.fct_call_days (source, account, usage_date, tenant_id, calls, connected_calls,"
            " connected_seconds) select 'vapi', tenant_id, d::date, tenant_id, 1, 1, 60 from marts.fct_margin_monthly,"
            " unnest(array[period_start, period_end - 1]) as d where period_start in ('2026-08-01', '2026-10-01')"
        )
        costs = connection.execute(
            "select to_char(period_start, 'Mon YYYY'), sum(cost) / (2 * count(*)) from marts.fct_margin_monthly"
            " where period_start in ('2026-08-01', '2026-10-01') group by 1, period_start having count(cost) = count(*)"
        ).fetchall()
    page = visit("ana").get(PAGE).text
    assert page.count("<svg") == 4, "months, what a minute cost in them, the bridge, and margin against volume"
    months = page.split('aria-label="Months in USD"')[1].split("</table>")[0]
    assert costs
    for month, per_minute in costs:
        assert re.search(rf'{month}</th>.*?<td class="n">{re.escape(fine(per_minute, "USD"))}</td></tr>', months, re.S)
    assert re.search(r"Sep 2026</th>(?:(?!<tr>).)*—</td></tr>", months, re.S), "a month without a minute has none"
