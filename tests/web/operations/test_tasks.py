"""A finding's button: whoever may press it, what it asks for, and how far that is."""

import re
from collections.abc import Callable
from datetime import timedelta

import httpx
import psycopg
import pytest

from orchestration.remedies.steps import marked
from tests.web.signing import form_token
from warehouse.control import tasks
from warehouse.database.connect import Role, connect

Visit = Callable[[str], httpx.Client]
LEGAL, BRIGHT, ACME = "delta-legal", "bright-smiles", "acme-dental"
PAGE = f"/periods/{LEGAL}/2026-10-01"
KEY = "sk-a-key-that-nobody-reads"


def button(page: str, words: str) -> dict[str, str]:
    """The hidden fields and first values of the form whose button says this."""
    for form in re.findall(r'<form class="act".*?</form>', page, re.S):
        if words in form:
            fields = dict(re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', form))
            return {**fields, "action": re.search(r'action="([^"]*)"', form)[1]}  # type: ignore[index]
    raise AssertionError(f"no button says {words}")


def press(client: httpx.Client, path: str, words: str, **fields: str) -> httpx.Response:
    form = {**button(client.get(path).text, words), **fields}
    return client.post(form.pop("action"), data=form)


def asked(story_url: str) -> list[tuple[str, list[list[str]], str]]:
    with psycopg.connect(story_url) as connection:
        return connection.execute("select page, steps, asked_by from control.tasks order by task_id").fetchall()


def unpriced(story_url: str, tenant: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "insert into marts.fct_unbilled_usage (tenant_id, source, item, unit, usage_date, reason, is_blocking,"
            " quantity, row_count) values (%s, 'usage_metrics', 'scans', 'scan', '2026-10-09', 'unpriced', true, 1, 1)",
            [tenant],
        )


def test_finance_prices_usage_where_it_is_found_and_the_task_is_asked_once_under_its_name(
    visit: Visit, story_url: str
) -> None:
    unpriced(story_url, BRIGHT)
    client, page = visit("ana"), f"/periods/{BRIGHT}/2026-10-01"
    for wrong in ("", "-1", "many", "1e3000", "--amount"):
        answer = press(client, page, "Set the price of scans", amount=wrong)
        assert (answer.status_code, "Amount is a number" in answer.text) == (409, True), wrong
    assert asked(story_url) == []
    for _ in range(2):
        answer = press(client, page, "Set the price of scans", amount="0.075")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{page}?watch=1")
    step = ["price", "set", "--tenant", BRIGHT, "--meter", "scans", "--from", "2026-10-01", "--amount", "0.075"]
    assert asked(story_url) == [(page, [step, ["build"]], "ana")]


def test_an_operator_stores_a_key_at_once_and_it_is_in_no_task(visit: Visit, story_url: str) -> None:
    client = visit("otto")
    answer = press(client, "/days", "Store a new key of vapi", key=f" {KEY}\n")
    assert answer.headers["location"].startswith("/days?")
    (of_page,) = asked(story_url)
    assert (of_page[0], [step[0] for step in of_page[1]], of_page[2]) == ("/days", ["pull"], "otto")
    with psycopg.connect(story_url) as connection:
        stored = connection.execute(
            "select actor from ledger.audit_log where object_table = 'control.credentials' and action = 'insert'"
        ).fetchall()
        everything = (
            connection.execute("select string_agg(t::text, ' ') from control.tasks as t").fetchone()[0]
            + connection.execute("select string_agg(l::text, ' ') from ledger.audit_log as l").fetchone()[0]
        )  # type: ignore[index]
    assert ("otto",) in stored
    assert KEY not in everything


@pytest.mark.parametrize("key", ["", "two words", "with a\nline"])
def test_what_is_no_key_is_refused_and_nothing_is_asked_for(visit: Visit, story_url: str, key: str) -> None:
    answer = press(visit("otto"), "/days", "Store a new key of vapi", key=key)
    assert (answer.status_code, "one line without blanks" in answer.text) == (409, True)
    assert asked(story_url) == []


def test_finance_is_told_who_stores_a_key_and_cannot_store_one(visit: Visit, story_url: str) -> None:
    mark = button(visit("otto").get("/days").text, "Store a new key of vapi")["offer"]
    client = visit("ana")
    page = client.get("/days").text
    assert "For an operator, on the page of the day: store a new key of vapi" in page
    answer = client.post("/days/resolve", data={"form_token": form_token(page), "offer": mark, "key": KEY})
    assert answer.status_code == 403
    assert asked(story_url) == []


def test_only_what_the_page_offers_is_taken(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    token = form_token(client.get(PAGE).text)
    for steps in ([("build", "--full-refresh")], [("post",)], [("tenant", "close", ACME)]):
        for path in (f"{PAGE}/resolve", "/days/resolve", f"/days/{LEGAL}/2026-10-30/resolve"):
            answer = client.post(path, data={"form_token": token, "offer": marked(steps)})
            assert (answer.status_code, "has changed since" in answer.text) == (409, True)
    assert client.post(f"{PAGE}/resolve", data={"offer": marked([("build",)])}).status_code == 403
    for login in ("tina", ""):
        status = visit(login).post("/refresh", data={"form_token": token}).status_code
        assert status == (403 if login else 303)
    assert visit("tina").get("/tasks").status_code == 403
    assert asked(story_url) == []


def test_the_page_that_asked_shows_how_far_it_is_until_it_has_ended(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    pulling = ("pull", "--tenant", LEGAL, "--source", "vapi", "--from", "2026-10-28", "--to", "2026-10-30")
    with connect(story_url, Role.OPERATOR) as connection:
        number = tasks.ask(connection, PAGE, [pulling, ("build",)], "ana")
    assert '<meta http-equiv="refresh"' not in client.get(PAGE).text
    assert '<meta http-equiv="refresh"' in client.get(f"{PAGE}?watch=1").text
    with psycopg.connect(story_url) as connection:
        connection.execute("update control.tasks set asked_at = asked_at - %s", [timedelta(minutes=5)])
    assert "Nothing has begun it yet" in client.get(PAGE).text
    with connect(story_url, Role.OPERATOR) as connection:
        assert tasks.begin(connection, number)
        assert not tasks.begin(connection, number)
    assert "0 of 3 days read" in client.get(PAGE).text
    with psycopg.connect(story_url) as connection:
        connection.execute("insert into ledger.attempts (trigger) values ('cli')")
        connection.execute(
            "insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, row_count, closed_at)"
            " select max(attempt_id), 'vapi', %(it)s, %(it)s, '2026-10-29', 'published', 0, now() from ledger.attempts",
            {"it": LEGAL},
        )
    assert "1 of 3 days read" in client.get(PAGE).text
    with connect(story_url, Role.OPERATOR) as connection:
        tasks.end(connection, number, "Vapi answered <401>")
    page = client.get(f"{PAGE}?watch=1").text
    assert "Vapi answered &lt;401&gt;" in page
    assert '<meta http-equiv="refresh"' not in page
    everywhere = client.get("/tasks").text
    assert f'<a href="{PAGE}">' in everywhere
    assert "Vapi answered" in everywhere
    assert LEGAL not in visit("ana").get(f"/periods/{BRIGHT}/2026-10-01").text, "another statement's page shows it"


def test_any_page_refreshes_the_data_and_comes_back(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute("update marts.dim_build set control_revision = -1")
    client = visit("ana")
    answer = press(client, "/periods?month=2026-10", "Refresh the data")
    assert answer.headers["location"] == "/periods?month=2026-10&watch=1"
    assert asked(story_url) == [("/periods", [["build"]], "ana")]
    for elsewhere in ("https://evil.example/", "//evil.example"):
        answer = press(client, "/periods?month=2026-10", "Refresh the data", page=elsewhere)
        assert answer.headers["location"] == "/?watch=1"


def test_a_period_is_closed_and_reopened_with_a_reason(visit: Visit, story_url: str) -> None:
    client, page = visit("ana"), f"/periods/{BRIGHT}/2026-10-01"
    token = {"form_token": form_token(client.get(page).text)}
    assert client.post(f"{page}/close", data=token).status_code in {404, 409}
    assert client.post(f"{page}/approve", data=token).status_code == 303
    assert client.post(f"{page}/reopen", data={**token, "reason": "  "}).status_code == 409
    assert "Close this period" in client.get(page).text
    assert client.post(f"{page}/close", data=token).status_code == 303
    assert "Set to closed" in client.get(page).text
    assert client.post(f"{page}/reopen", data={**token, "reason": "a wrong price"}).status_code == 303
    assert "Override" in client.get(page).text or "Approve" in client.get(page).text
    with psycopg.connect(story_url) as connection:
        states = connection.execute(
            "select after ->> 'state', after ->> 'reason', actor from ledger.audit_log"
            " where object_table = 'ledger.periods' and tenant_id = %s and actor = 'ana' order by entry_id",
            [BRIGHT],
        ).fetchall()
    assert states[-3:] == [("approved", None, "ana"), ("closed", None, "ana"), ("in_review", "a wrong price", "ana")]
    for login in ("otto", "tina"):
        assert visit(login).post(f"{page}/reopen", data={**token, "reason": "x"}).status_code == 403


def test_all_approved_periods_of_a_month_are_closed_by_one_button(visit: Visit, story_url: str) -> None:
    client, page = visit("ana"), f"/periods/{BRIGHT}/2026-10-01"
    token = {"form_token": form_token(client.get(page).text)}
    client.post(f"{page}/approve", data=token)
    assert "Close 1 approved period<" in client.get("/periods?month=2026-10").text
    assert client.post("/periods/close?month=2026-10", data=token).status_code == 303
    with psycopg.connect(story_url) as connection:
        states = connection.execute(
            "select state, count(*) from ledger.periods where period_start = '2026-10-01' group by 1"
        ).fetchall()
    assert dict(states)["closed"] == 1
    assert "approved" not in dict(states)
