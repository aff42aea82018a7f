"""Whatever has a name is called by it, with its id beside it: tenants, plans, meters and agents."""

import re
from collections.abc import Callable

import httpx
import psycopg
import pytest

from tests.web import world
from tests.web.test_handed import put
from tests.web.test_pages import ACME
from tests.web.test_paging import alarm, give, listen, run
from warehouse import clock
from warehouse.control import plans, tenants
from warehouse.control.plans import Terms
from warehouse.database.connect import Role, connect
from warehouse.intake import keys
from warehouse.statements.issuing import Brand

Visit = Callable[[str], httpx.Client]
NAME = "Acme Dental"


def of_acme(url: str) -> None:
    """All that these pages list, of one tenant."""
    for fill in (listen, run, give, alarm):
        fill(url)
    put(url, Brand(ACME, "The brand"))
    with psycopg.connect(url) as owner:
        owner.execute("update control.endpoints set tenant_id = %s", [ACME])
        owner.execute("update ledger.alerts set tenant_id = %s", [ACME])
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        keys.create(operator, ACME, ["events"], clock.now())


@pytest.mark.parametrize(
    "path", ["/alerts", "/automations", "/brands", "/credits", "/events", "/keys", "/people", "/onboarding"]
)
def test_a_tenant_is_called_by_its_name_with_its_id_beside_it(visit: Visit, story_url: str, path: str) -> None:
    of_acme(story_url)
    page = re.sub(r"<datalist.*?</datalist>", "", visit("ana").get(path).text, flags=re.DOTALL)
    assert NAME in page
    assert ACME in page


def test_a_day_says_which_meter_and_agent_by_their_names(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as owner:
        ((agent, meter),) = owner.execute(
            "select agent_id, meter_id from marts.fct_usage_daily where tenant_id = %s and usage_date = '2026-10-30'"
            " and agent_id is not null limit 1",
            [ACME],
        ).fetchall()
        owner.execute(
            "insert into control.agents (tenant_id, agent_id, name) values (%s, %s, 'Front desk <i>')"
            " on conflict (tenant_id, agent_id) do update set name = excluded.name",
            [ACME, agent],
        )
        owner.execute("update control.meters set name = 'Minutes on the line' where meter_id = %s", [meter])
    page = visit("otto").get(f"/days/{ACME}/2026-10-30").text
    assert f'<bdi>Front desk &lt;i&gt;</bdi><span class="id">{agent}</span>' in page
    assert f'<bdi>Minutes on the line</bdi><span class="id">{meter}</span>' in page


def test_what_needs_attention_is_of_a_tenant_by_its_name(visit: Visit) -> None:
    page = visit("otto").get("/days").text
    assert '" title="delta-legal"><bdi>Delta Legal</bdi></a>' in page


def test_a_plan_is_called_by_its_name(visit: Visit, story_url: str) -> None:
    with connect(story_url, Role.OPERATOR, actor="ana") as operator:
        plans.put_plan(operator, "growth-2", "Growth, the second", "USD")
        plans.put_terms(operator, Terms("growth-2", world.TODAY.replace(day=1), 10))
        tenants.put_tenant_plan(operator, ACME, "growth-2", world.TODAY.replace(day=1))
    ana = visit("ana")
    for path in ("/onboarding", f"/onboarding/{ACME}"):
        page = ana.get(path).text
        assert "Growth, the second" in page
        assert "growth-2" in page
