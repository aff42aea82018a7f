"""No page cuts a list off without a way to the rest: each leads on, page by page, and says how many there are."""

import re
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType, SimpleNamespace

import httpx
import psycopg
import pytest

from orchestration.remedies.wording import OnPage
from orchestration.web.finance import costs, tenant_credits
from orchestration.web.operations import alerts, automations, events, tasks
from tests.web.test_pages import ACME
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.outgoing import endpoints, outbox
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

Visit = Callable[[str], httpx.Client]
COUNT = 7


def listen(url: str) -> None:
    with connect(url, Role.OPERATOR, actor="otto") as operator:
        vault = Vault([MasterKey.generate()])
        for number in range(4):
            endpoints.create(vault, operator, f"https://host{number}.example", ["alert.opened"], clock.now())
        for number in range(COUNT):
            outbox.tell(operator, "alert.opened", ACME, f"subject/{number}", {"alert_id": "1", "rule": "x"})


def run(url: str) -> None:
    with psycopg.connect(url) as owner:
        owner.execute("delete from ledger.automation_runs")
        for number in range(COUNT):
            owner.execute(
                "insert into ledger.automation_runs (tenant_id, automation, account, source, call_id, usage_date,"
                " state, due_at, attempts, fault)"
                " values (%s, 'follow-up', %s, 'vapi', %s, '2026-10-30', %s, null, 1, 'x')",
                [ACME, ACME, f"call-{number}", "failed" if number < 4 else "done"],
            )


def ask(url: str) -> None:
    with psycopg.connect(url) as owner:
        for number in range(COUNT):
            owner.execute(
                "insert into control.tasks (page, steps, asked_by) values (%s, '[[\"build\"]]', 'ana')", [f"/{number}"]
            )


def give(url: str) -> None:
    with psycopg.connect(url) as owner:
        for number in range(COUNT):
            owner.execute(
                "insert into control.credits (tenant_id, amount, valid_from, reason) values (%s, 1, '2026-11-01', %s)",
                [ACME, f"reason {number}"],
            )


def alarm(url: str) -> None:
    with psycopg.connect(url) as owner:
        owner.execute("delete from ledger.alerts")
        for number in range(2 * COUNT):
            owner.execute(
                "insert into ledger.alerts (rule, subject, level, title, path, fix, opened_at, changed_at,"
                " resolved_at) values ('x', %s, 1, %s, '/alerts', '', %s, now(), %s)",
                [
                    f"subject {number}", f"title {number}", clock.now() - timedelta(hours=2),
                    clock.now() if number >= COUNT else None,
                ],
            )  # fmt: skip


def followed(client: httpx.Client, path: str, found: str, word: str = "page") -> list[str]:
    """What a list shows, page by page, by the links that lead on."""
    seen: list[str] = []
    for number in range(2, 4 * COUNT):
        page = client.get(path).text
        seen += dict.fromkeys(re.findall(found, page))
        afters = [after.replace("&amp;", "&") for after in re.findall(r'href="([^"]*)" rel="next"', page)]
        # The links of the page's other list keep where this one is.
        (after,) = [one for one in afters if f"{word}={number}" in one.lstrip("?").split("&")] or [""]
        if not after:
            return seen
        path = path.partition("?")[0] + after
    raise AssertionError("there is no last page")


@pytest.mark.parametrize(
    ("module", "fill", "path", "found", "of"),
    [
        (events, listen, "/events", r"subject/\d", "1–2 of 28 deliveries"),
        (automations, run, "/automations", r"calls/2026-10-30/vapi/(call-\d)", "1–2 of 7 runs"),
        (tasks, ask, "/tasks", r'<a href="(/\d)">', "1–2 of 7 tasks"),
        (tenant_credits, give, "/credits", r"reason \d", "1–2 of 7 credits"),
        (alerts, alarm, "/alerts", r"<p>(Title \d+)</p>", "1–2 of 7 alerts"),
    ],
)
def test_a_long_list_leads_on_to_all_of_it(
    visit: Visit,
    story_url: str,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    fill: Callable[[str], None],
    path: str,
    found: str,
    of: str,
) -> None:
    monkeypatch.setattr(module, "PAGE_ROWS", 2)
    fill(story_url)
    client = visit("ana")
    assert of in client.get(path).text
    seen = followed(client, path, found)
    assert len(set(seen)) == COUNT
    assert client.get(f"{path}?page=99").status_code == 200
    assert client.get(f"{path}?page=odd").status_code == 200


def test_a_second_list_of_a_page_leads_on_by_itself(
    visit: Visit, story_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (alerts, events):
        monkeypatch.setattr(module, "PAGE_ROWS", 2)
    alarm(story_url)
    listen(story_url)
    client = visit("ana")
    ended = followed(client, "/alerts", r'<th scope="row">(Title \d+)</th>', "ended")
    assert len(ended) == len(set(ended)) == COUNT
    hosts = followed(client, "/events", r">(host\d\.example)</a>", "endpoints")
    assert len(hosts) == len(set(hosts)) == 4


def test_how_many_need_a_person_is_of_all_pages(visit: Visit, story_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automations, "PAGE_ROWS", 2)
    run(story_url)
    assert "4 need a person" in visit("ana").get("/automations").text
    assert "3 go on by themselves" in visit("ana").get("/automations?page=4").text


def test_findings_of_bills_lead_on(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [OnPage(f"finding {number}") for number in range(COUNT)]
    monkeypatch.setattr(costs, "PAGE_ROWS", 2)
    monkeypatch.setattr(costs.bills, "findings", lambda *_: found)
    monkeypatch.setattr(costs, "word", lambda one: SimpleNamespace(on_page=one))
    seen = followed(visit("ana"), "/costs?month=2026-10", r"Finding \d")
    assert len(seen) == len(set(seen)) == COUNT


def test_months_of_years_ago_are_reached(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as owner:
        owner.execute(
            "insert into marts.fct_statements select (jsonb_populate_record(s, jsonb_build_object('period_start',"
            " (s.period_start - make_interval(months => m))::date))).* from marts.fct_statements as s,"
            " generate_series(2, 20) as m where s.tenant_id = %s and s.period_start = '2026-11-01'",
            [ACME],
        )
    ana = visit("ana")
    for path in ("/periods", "/invoices", "/costs", "/portfolio"):
        page = ana.get(f"{path}?month=2026-10").text
        assert f'href="{path}?month=2025-03"' in page, path
        assert "<summary>Earlier months" in page
        assert '<details class="no-print"><summary>Earlier' in page
        assert '<details class="no-print" open>' in ana.get(f"{path}?month=2025-03").text
