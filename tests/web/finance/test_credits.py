"""Credits on the pages: finance gives and takes back, others cannot, and a refusal says why."""

from collections.abc import Callable

import httpx
import psycopg

from tests.web.signing import form_token

ACME = "acme-dental"
Visit = Callable[[str], httpx.Client]


def test_finance_gives_a_credit_and_takes_it_back_under_its_name(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    page = client.get("/credits").text
    assert "No credit has been given" in page
    given = {
        "form_token": form_token(page), "tenant": ACME, "amount": "50.25", "from": "2026-11-01", "expires": "",
        "reason": "<b>outage</b>",
    }  # fmt: skip
    assert client.post("/credits", data=given).status_code == 303
    page = client.get("/credits").text
    assert "&lt;b&gt;outage" in page
    assert "50.25" in page
    for wrong, why in (
        ({"amount": "0.001"}, "USD has 2 decimals"),
        ({"amount": "many"}, "An amount such as"),
        ({"amount": "1_000"}, "An amount such as"),
        ({"expires": "2026-10-01"}, "expire after its first day"),
        ({"tenant": "nobody"}, "no tenant"),
    ):
        answer = client.post("/credits", data={**given, **wrong})
        assert (answer.status_code, why in answer.text) == (409, True)

    unheard_of = {"form_token": given["form_token"], "reason": "x"}
    for number, status in (("99", 409), ("9" * 19, 400), ("9" * 40, 400)):
        answer = client.post(f"/credits/{number}/void", data=unheard_of)
        assert (answer.status_code, "Server error" in answer.text) == (status, False), number

    with psycopg.connect(story_url) as connection:
        (number,) = connection.execute("select credit_id from control.credits").fetchone() or ()
    taken = client.post(f"/credits/{number}/void", data={"form_token": given["form_token"], "reason": "given twice"})
    assert taken.status_code == 303
    assert "given twice" in client.get("/credits").text
    with psycopg.connect(story_url) as connection:
        actors = connection.execute(
            "select distinct actor from ledger.audit_log where object_table like 'control.credit%'"
        ).fetchall()
    assert actors == [("ana",)]


def test_neither_a_tenant_nor_an_operator_nor_another_site_gives_a_credit(visit: Visit, story_url: str) -> None:
    for login in ("tina", "otto"):
        assert visit(login).get("/credits").status_code == 403
    assert visit("ana").post("/credits", data={"tenant": ACME, "amount": "5"}).status_code == 403
    with psycopg.connect(story_url) as connection:
        assert connection.execute("select from control.credits").fetchall() == []
