"""Final invoices line by line, what resolves a difference, and how statements are paid."""

import io
import re
import zipfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from html import unescape

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from orchestration.remedies.steps import marked
from tests.web.operations.test_tasks import asked
from tests.web.signing import form_token
from warehouse import clock

Visit = Callable[[str], httpx.Client]
ACME, BRIGHT = "acme-dental", "bright-smiles"
PAGE = "/invoices?month=2026-10"
PAID, OPEN = "https://invoice.stripe.com/i/acct_1/in_1", "https://invoice.stripe.com/i/acct_1/in_2"


@pytest.fixture
def lines(story_url: str) -> str:
    """Lines on three invoices: in_1 was read as paid; of in_2 a failed payment was heard of; in_3 is nobody's yet."""
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "insert into ledger.final_lines values"
            " (%(it)s, '2026-10-01', 'a/fee', 100, 101.61, 0, 'USD', '{in_1}', null, 'differs', 'has <il_1>',"
            "  'minutebook stripe settle a/fee --apply', now()),"
            " (%(it)s, '2026-10-01', 'a/use', 5, 5, 0, 'USD', '{in_1,in_2}', 'a draft', null, null, null, now()),"
            " (%(other)s, '2026-10-01', 'b/fee', 5, 4, 0, 'USD', '{in_3}', null, 'not approved', 'it is final',"
            f"  'minutebook approve 2026-10 --tenant {BRIGHT}', now()),"
            " (%(other)s, '2026-10-01', 'b/no', 5, 4, 0, 'USD', '{}', null, 'not ours', 'a refund',"
            "  'minutebook stripe accept re_1 --reason REASON', now())",
            {"it": ACME, "other": BRIGHT},
        )
        connection.execute(
            "insert into ledger.stripe_invoice_states values ('in_1', %s, 'cus_1', 0, 0, 'usd', 'paid', 10161, now(),"
            " '2026-11-02', 'A-1', %s, now())",
            [ACME, PAID],
        )
        heard(connection, ("invoice.finalized", {"hosted_invoice_url": OPEN, "number": "A-2"}))
    return story_url


def heard(connection: psycopg.Connection[tuple[object, ...]], *events: tuple[str, dict[str, object]]) -> None:
    """What webhooks say of in_2, one after the other."""
    for number, (kind, facts) in enumerate(events):
        connection.execute(
            "insert into ledger.stripe_events values (gen_random_uuid()::text, %s, false, 'in_2', 'cus_1', %s, %s, %s,"
            " now(), false, null, 'processed', now())",
            [kind, ACME, Jsonb({"currency": "usd", "total": 500, **facts}), clock.now() + timedelta(seconds=number)],
        )


def payments(page: str) -> Sequence[tuple[str, ...]]:
    """State, name and address of the invoices on a statement's page."""
    found = re.findall(r'<li><span class="tag \w+">([^<]+)</span> Invoice ([^<]+?) · <a href="([^"]+)"', unescape(page))
    return [tuple(" ".join(part.split()) for part in one) for one in found]


def test_lines_are_shown_with_a_button_or_a_link_that_resolves_each(visit: Visit, lines: str) -> None:
    client = visit("ana")
    page = client.get(PAGE).text
    for words in ("101.61", "1.61 USD", "has &lt;il_1&gt;", "a/use", "Settle a/fee by the next invoice"):
        assert words in page
    assert f'<a href="/periods/{BRIGHT}/2026-10-01">Approve its statement</a>' in page
    assert "<code>minutebook" not in page
    assert "a/use" not in client.get(f"{PAGE}&show=differ").text
    assert "a/fee" not in client.get(f"{PAGE}&q=nobody").text
    assert visit("otto").get("/invoices").status_code == 403
    step = ("stripe", "settle", "a/fee", "--apply")
    form = {"form_token": form_token(page), "offer": marked([step])}
    answer = client.post("/invoices/resolve?month=2026-10", data=form)
    assert answer.headers["location"] == f"{PAGE}&watch=1"
    accepted = ("stripe", "accept", "re_1", "--reason", "REASON")
    refused = {**form, "offer": marked([accepted]), "reason": ""}
    assert client.post("/invoices/resolve?month=2026-10", data=refused).status_code == 409
    client.post("/invoices/resolve?month=2026-10", data={**refused, "reason": "given back by hand"})
    assert client.post("/invoices/resolve?month=2026-09", data=form).status_code == 409
    assert [steps for _, steps, _ in asked(lines)] == [[list(step)], [[*accepted[:-1], "given back by hand"]]]


def test_each_statement_says_how_it_is_paid_to_finance_and_to_its_tenant(visit: Visit, lines: str) -> None:
    places = (("ana", f"/periods/{ACME}/2026-10-01"), ("tina", "/usage/2026-10-01"))
    now = [("paid on 2 Nov 2026", "A-1, 101.61 USD", PAID)]
    for failed, state in ((False, "waits for payment"), (True, "payment failed")):
        if failed:
            with psycopg.connect(lines) as connection:
                heard(connection, ("invoice.payment_failed", {}))
        for login, path in places:
            assert payments(visit(login).get(path).text) == [*now, (state, "A-2, 5.00 USD", OPEN)]
    page = visit("ana").get(f"{PAGE}&show=unpaid").text
    assert 'Invoices not paid</span><span class="value">1 <small>of 2' in page
    assert "a/fee" not in page.split("<tbody>")[1]
    with psycopg.connect(lines) as connection:
        heard(connection, ("invoice.paid", {"hosted_invoice_url": "javascript:alert(1)"}))
    for login, path in places:
        page = visit(login).get(path).text
        assert payments(page) == now
        assert "Invoice A-2, 5.00 USD" in page
    assert "Invoice" not in visit("theo").get("/usage/2026-10-01").text


def test_a_pack_says_how_its_statement_is_paid_without_a_link(visit: Visit, lines: str) -> None:
    assert lines
    archive = zipfile.ZipFile(io.BytesIO(visit("ana").get(f"/packs/{ACME}/2026-10-01.zip").content))
    page = "".join(archive.read(name).decode() for name in archive.namelist() if name.endswith(".html"))
    assert "paid on 2 Nov 2026</span> Invoice A-1, 101.61 USD<" in page
    assert "invoice.stripe.com" not in page


def test_a_month_that_was_not_read_is_read_by_a_button_where_stripe_is_set_up(visit: Visit) -> None:
    assert "MINUTEBOOK_STRIPE_API_KEY" in visit("ana").get(PAGE).text


def closing(page: str) -> dict[str, str]:
    """The steps of the checklist, each with how many of how many are done."""
    found = re.findall(
        r'<li>.*?<a href="[^"]+">([^<]+)</a></p>.*?<span class="small soft">([^<]+)</span></li>', page, re.S
    )
    return dict(found)


def test_the_close_of_a_month_is_a_list_of_what_is_done_and_what_is_left(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    before = closing(client.get("/periods?month=2026-10").text)
    assert set(before) == {
        "Every day is read", "Nothing blocks", "Costs are known", "Statements are approved", "Periods are closed",
    }  # fmt: skip
    rows = client.get("/periods?month=2026-10").text
    total = int(re.findall(r"of (\d+) statements", rows)[0])
    assert before["Nothing blocks"] == f"{total - rows.count('tag blocked')} of {total}"
    ready = rows.count('type="checkbox"')
    assert ready
    for start in re.findall(r'name="period" value="([\w-]+/2026-10-01)"', rows):
        form = {"form_token": form_token(rows)}
        assert client.post(f"/periods/{start}/approve", data=form).status_code == 303
    client.post("/periods/close?month=2026-10", data={"form_token": form_token(rows)})
    after = closing(client.get("/periods?month=2026-10").text)
    closed = int(after["Periods are closed"].split()[0])
    assert closed >= ready
    assert after["Statements are approved"].split()[0] == str(closed)
    assert "To close" not in client.get("/periods?month=2026-11").text, "its periods are still running"


def test_invoices_are_a_step_of_the_close_once_there_are_some(visit: Visit, lines: str) -> None:
    assert lines
    steps = closing(visit("ana").get("/periods?month=2026-10").text)
    assert (steps["Final invoices agree"], steps["Invoices are paid"]) == ("0 of 4", "1 of 2")
