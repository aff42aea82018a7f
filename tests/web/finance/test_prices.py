"""The page of prices: versions listed, set by finance as by the command, and previewed over a month that was."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import httpx
import psycopg
import pytest

from tests.web.signing import form_token
from tests.web.test_pages import ACME
from warehouse.control import plans
from warehouse.control.prices import Model, Price
from warehouse.database.connect import Role, connect
from warehouse.statements.forecast import simulate
from warehouse.statements.periods import Month

Visit = Callable[[str], httpx.Client]
METER = "voice_minutes"


@pytest.fixture(autouse=True)
def growth(story_url: str) -> None:
    """A plan that all tenants were billed by in October, at 0.115 a minute."""
    with connect(story_url, Role.OPERATOR, actor="story") as operator:
        plans.put_plan(operator, "growth", "Growth <b>", "USD")
    with psycopg.connect(story_url) as owner:
        owner.execute(
            "insert into marts.dim_prices (price_id, plan_id, meter_id, valid_from, model, unit_amount)"
            " values (7, 'growth', %s, '2026-01-01', 'per_unit', 0.115)",
            [METER],
        )
        owner.execute("update marts.fct_overages_daily set price_id = 7")
        owner.execute("update marts.fct_statements set plan_id = 'growth'")


def form(client: httpx.Client, **fields: str) -> dict[str, str]:
    return {
        "form_token": form_token(client.get("/prices").text), "plan": "growth", "tenant": "", "meter": METER,
        "from": "2026-11-01", "model": "per_unit", "amount": "0.25", "package_size": "", "tiers": "",
    } | fields  # fmt: skip


def stored(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as owner:
        return owner.execute(
            "select plan_id, tenant_id, valid_from, model, unit_amount, package_size, tiers from control.prices"
            " where meter_id = %s order by plan_id, tenant_id, valid_from",
            [METER],
        ).fetchall()


def test_versions_of_prices_are_set_and_listed(visit: Visit, story_url: str) -> None:
    ana = visit("ana")
    assert "No price yet." in ana.get("/prices").text
    own = {"plan": "", "tenant": ACME}
    for more, to in (
        ({}, "plan=growth"),
        ({"from": "2026-12-01", "model": "package", "amount": "9", "package_size": "100"}, "plan=growth"),
        ({**own, "model": "graduated", "amount": "", "tiers": "1000:0.10\r\ninf:0.08\r\n"}, f"tenant={ACME}"),
        ({**own, "from": "2027-01-01", "model": "plan", "amount": ""}, f"tenant={ACME}"),
    ):
        answer = ana.post("/prices", data=form(ana, **more))
        assert answer.headers.get("location") == f"/prices?{to}", answer.text
    tiers = [{"up_to": 1000, "unit_amount": "0.1"}, {"up_to": None, "unit_amount": "0.08"}]
    assert json.loads(json.dumps(stored(story_url), default=str)) == [
        ["growth", None, "2026-11-01", "per_unit", "0.25", None, None],
        ["growth", None, "2026-12-01", "package", "9", 100, None],
        [None, ACME, "2026-11-01", "graduated", None, None, tiers],
        [None, ACME, "2027-01-01", "plan", None, None, None],
    ]
    page = ana.get("/prices").text
    for part in (
        "Growth &lt;b&gt;",
        "until 30 Nov 2026",
        "for 100, begun ones whole",
        "up to 1,000",
        "its plan’s again",
    ):
        assert part in page
    assert "begun ones whole</span>" not in ana.get(f"/prices?tenant={ACME}").text
    assert "No price matches." in ana.get("/prices?tenant=corner-vet").text
    with psycopg.connect(story_url) as owner:
        actors = owner.execute("select distinct actor from ledger.audit_log where object_table = 'control.prices'")
        assert actors.fetchall() == [("ana",)]


def test_a_preview_says_what_a_price_would_have_made_and_sets_nothing(visit: Visit, story_url: str) -> None:
    ana = visit("ana")
    shown = ana.post("/prices", data=form(ana, do="preview", month="2026-10", amount="0.23"))
    assert shown.status_code == 200, shown.text
    price = Price(METER, date(2026, 11, 1), Model.PER_UNIT, plan_id="growth", unit_amount=Decimal("0.23"))
    with connect(story_url, Role.OPERATOR) as operator:
        more = sum(row["difference"] for row in simulate(operator, price, Month.parse("2026-10")))
    assert more > 0
    assert "What it would have made of October 2026" in shown.text
    assert f"<b>+{more:,.2f} USD</b>" in shown.text
    assert 'value="0.23"' in shown.text
    assert "Acme Dental" in shown.text
    assert "Nothing of it was used" in ana.post("/prices", data=form(ana, do="preview", month="2020-01")).text
    assert stored(story_url) == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"from": "soon"}, "YYYY-MM-DD"),
        ({"amount": "many"}, "is no amount"),
        ({"amount": ""}, "An amount is needed"),
        ({"tenant": ACME}, "name exactly one"),
        ({"plan": "nobody"}, "no plan"),
        ({"meter": "nobody"}, "no meter"),
        ({"model": "free"}, "one of the others"),
        ({"model": "package", "package_size": "x"}, "no whole number"),
        ({"model": "volume", "amount": "", "tiers": "10"}, "is no tier"),
        ({"model": "volume", "amount": "", "tiers": f"{'9' * 19}:1"}, "is no tier"),
        ({"model": "volume", "amount": "", "tiers": "10:1\n5:2"}, "must rise"),
        ({"do": "preview", "month": "soon"}, "YYYY-MM"),
        ({"do": "preview", "plan": "", "tenant": ACME, "model": "plan", "amount": ""}, "a preview needs"),
        ({"do": "preview", "month": "2026-10", "plan": "nobody"}, "no plan"),
    ],
)  # fmt: skip
def test_a_price_that_cannot_be_is_refused_with_why_and_what_was_typed(
    visit: Visit, story_url: str, wrong: dict[str, str], why: str
) -> None:
    ana = visit("ana")
    refused = ana.post("/prices", data=form(ana, **wrong))
    assert (refused.status_code, why.lower() in refused.text.lower()) == (409, True), refused.text
    if wrong.get("amount", "x"):
        assert f'value="{wrong.get("amount", "0.25")}"' in refused.text
    assert stored(story_url) == []


def test_prices_are_finances_to_set(visit: Visit, story_url: str) -> None:
    otto = visit("otto")
    assert "Set a price" not in otto.get("/prices").text
    sent = {"form_token": form_token(otto.get("/prices").text), "plan": "growth", "meter": METER}
    assert otto.post("/prices", data=sent).status_code == 403
    assert visit("tina").get("/prices").status_code == 403
    assert stored(story_url) == []
