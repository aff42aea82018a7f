"""What a client is handed: a number given once, a PDF of what was approved, in the agency's name."""

import json
import re
import zlib
from collections.abc import Callable
from datetime import date

import httpx
import psycopg
import pytest

from orchestration.reports import pdf
from tests.web.signing import form_token
from warehouse.control.errors import NotFound, Refused
from warehouse.database.connect import Role, connect
from warehouse.statements import issuing
from warehouse.statements.issuing import Brand

Visit = Callable[[str], httpx.Client]
ACME, BRIGHT = "acme-dental", "bright-smiles"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xf0\xff?\x00\x06\xfe\x02\xfe\x0cu\x89\xde\x00\x00\x00\x00IEND\xaeB`\x82"
)
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'
NO_FONT = "\U000f0041"  # a letter that no font draws
PICTURES = "\U0001f3e5\U0001f468\u200d\u2695\ufe0f\U0001f1ec\U0001f1e7\u2705\u2b50"
UNFRIENDLY = '#panic("x") *Söhne* $1$ <b> مستشفى'


def decide(client: httpx.Client, step: str, tenant: str = BRIGHT, **fields: str) -> int:
    page = f"/periods/{tenant}/2026-10-01"
    token = form_token(client.get(page).text)
    return client.post(f"{page}/{step}", data={"form_token": token, **fields}).status_code


def put(story_url: str, brand: Brand) -> None:
    with connect(story_url, Role.OPERATOR) as connection:
        issuing.put_brand(connection, brand)


def of(client: httpx.Client, tenant: str = BRIGHT) -> httpx.Response:
    return client.get(f"/statements/{tenant}/2026-10-01.pdf")


def issued(story_url: str) -> list[tuple[str, int, str]]:
    with psycopg.connect(story_url) as connection:
        return connection.execute(
            "select number, revision, content -> 'brand' ->> 'name' from ledger.issued_statements"
            " order by place, revision"
        ).fetchall()


def test_a_number_is_given_at_approval_and_kept_on_reopening_with_the_next_revision(
    visit: Visit, story_url: str
) -> None:
    put(story_url, Brand(None, "Voice Agency", number_prefix="VA-"))
    client = visit("ana")
    assert of(client).status_code == 404
    assert decide(client, "approve") == 303
    assert decide(client, "approve", ACME, reason="agreed") == 303
    put(story_url, Brand(BRIGHT, "Another Name", number_prefix="X-"))
    assert decide(client, "reopen", reason="a wrong price") == 303
    assert of(client).status_code == 404, "what is reopened is handed to nobody"
    assert decide(client, "approve", reason="agreed") == 303
    assert issued(story_url) == [
        ("VA-2026-00001", 1, "Voice Agency"),
        ("VA-2026-00001", 2, "Another Name"),
        ("VA-2026-00002", 1, "Voice Agency"),
    ]
    answer = of(client)
    assert answer.headers["content-disposition"] == 'attachment; filename="VA-2026-00001-2.pdf"'
    assert answer.content.startswith(b"%PDF-")
    assert b"StructTreeRoot" in answer.content, "tagged"
    page = visit("theo").get("/usage/2026-10-01").text
    assert "VA-2026-00001" in page
    assert f"/statements/{BRIGHT}/2026-10-01.pdf" in page


def test_the_pdf_is_drawn_from_what_was_issued_whatever_the_marts_say_now(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    decide(client, "approve")
    first = of(client).content
    assert first.startswith(b"%PDF-")
    with psycopg.connect(story_url) as connection:
        connection.execute("update marts.fct_statement_lines set amount = amount + 1")
        connection.execute("update control.tenants set name = 'Renamed'")
    put(story_url, Brand(None, "A later brand"))
    assert re.sub(rb"/ID\s*\[.*?\]", b"", of(client).content) == re.sub(rb"/ID\s*\[.*?\]", b"", first)


def test_the_content_has_no_cost_and_adds_up_to_the_statement(visit: Visit, story_url: str) -> None:
    decide(visit("ana"), "approve")
    with connect(story_url, Role.OPERATOR) as connection:
        found = issuing.issued(connection, BRIGHT, date(2026, 10, 1))
        ((total,),) = connection.execute(
            "select sum(amount) from ledger.statement_lines where tenant_id = %s and period_start = '2026-10-01'",
            [BRIGHT],
        ).fetchall()
    assert found is not None
    said = pdf.contents(found)
    assert said["total"] == f"{total:,.2f}"
    assert "This is not a tax invoice." in said["footer"]
    assert {line["title"] for line in said["lines"]} >= {"Subscription", "Call minutes beyond what is included"}
    assert not re.search(r"margin|pull|account|reported|voice_minutes|/overage", json.dumps(said))


def test_a_tenant_takes_its_own_statement_and_no_other(visit: Visit) -> None:
    decide(visit("ana"), "approve")
    assert of(visit("theo")).status_code == 200
    assert of(visit("tina")).status_code == 404
    assert of(visit("otto")).status_code == 403
    assert of(visit("")).status_code == 303


def test_a_tenants_pages_are_in_the_agencys_name_and_staffs_are_not(visit: Visit, story_url: str) -> None:
    put(story_url, Brand(None, "Voice Agency <b>", "#7a1f66", LOGO))
    put(story_url, Brand(BRIGHT, "Bright’s own", "#1a1a80"))
    tina, theo = visit("tina"), visit("theo")
    page = tina.get("/usage").text
    assert "Voice Agency &lt;b&gt;" in page
    assert "Minutebook" not in page
    assert tina.get("/brand/logo").content == LOGO
    assert tina.get("/brand/logo").headers["content-type"] == "image/svg+xml"
    assert "#7a1f66" in tina.get("/brand/colours.css").text
    assert "Bright’s own" in theo.get("/usage").text
    assert theo.get("/brand/logo").status_code == 404
    assert "Minutebook" in visit("ana").get("/periods").text


@pytest.mark.parametrize(
    "wrong",
    [
        Brand(None, "x", "#ffff00"), Brand(None, "x", "red; }"), Brand(None, "x", logo=b"GIF89a"),
        Brand(None, "x", logo=b"<svg" + b" " * 70_000), Brand(None, "x", number_prefix="a/b"), Brand("nobody", "x"),
    ],
)  # fmt: skip
def test_a_brand_that_cannot_be_is_refused(story_url: str, wrong: Brand) -> None:
    with connect(story_url, Role.OPERATOR) as connection, pytest.raises((Refused, NotFound)):
        issuing.put_brand(connection, wrong)
    assert not pdf.is_drawable(b"<svg")
    assert pdf.is_drawable(LOGO)
    assert pdf.is_drawable(PNG)
    assert not pdf.is_drawable(PNG[:40])


def test_a_logo_that_is_a_png_is_drawn_on_the_pdf(visit: Visit, story_url: str) -> None:
    put(story_url, Brand(None, "Voice Agency", logo=PNG))
    client = visit("ana")
    decide(client, "approve")
    answer = of(client)
    assert answer.status_code == 200, answer.text
    assert b"/Subtype/Image" in answer.content


def test_a_name_with_a_letter_that_no_font_has_is_handed_its_pdf(visit: Visit, story_url: str) -> None:
    put(story_url, Brand(None, f"Voice Agency {NO_FONT}"))
    with psycopg.connect(story_url) as connection:
        connection.execute("update control.tenants set name = %s", [f"Hospital \U0001f3e5 {NO_FONT} \u75c5\u9662"])
        connection.execute("update marts.dim_build set control_revision = (select revision from control.revision)")
    client = visit("ana")
    decide(client, "approve")
    answer = of(client)
    assert answer.status_code == 200, answer.text
    assert b"StructTreeRoot" in answer.content, "tagged all the same"
    assert b"pdfuaid" not in answer.content, "which forbids a box"


def test_pictures_are_left_out_of_a_pdf_wherever_somebody_wrote_them(visit: Visit, story_url: str) -> None:
    wrote = f"{PICTURES} Voice {PICTURES} Agency{PICTURES}"
    put(
        story_url,
        Brand(
            None,
            wrote,
            address=f"{wrote}\n1 Road {PICTURES}",
            note=f"{wrote} ({PICTURES}) thanks {PICTURES} you {PICTURES}!",
        ),
    )
    with psycopg.connect(story_url) as connection:
        connection.execute("update control.tenants set name = %s", [f"Hospital {PICTURES}"])
        connection.execute("update control.meters set name = name || ' ' || %s", [PICTURES])
        connection.execute("update marts.dim_build set control_revision = (select revision from control.revision)")
    client = visit("ana")
    decide(client, "approve")
    with connect(story_url, Role.OPERATOR) as connection:
        found = issuing.issued(connection, BRIGHT, date(2026, 10, 1))
    assert found is not None
    said = pdf.contents(found)
    assert not set(json.dumps(said, ensure_ascii=False)) & set(PICTURES)
    assert said["address"] == "Voice Agency\n1 Road"
    assert said["notes"][0] == "Voice Agency thanks you!"
    assert b"pdfuaid" in of(client).content, "no box is drawn"


def test_what_others_wrote_is_text_in_a_pdf_and_never_markup(visit: Visit, story_url: str) -> None:
    put(story_url, Brand(None, UNFRIENDLY, address=UNFRIENDLY, note=UNFRIENDLY, logo=LOGO))
    with psycopg.connect(story_url) as connection:
        connection.execute("update control.tenants set name = %s", [UNFRIENDLY])
        connection.execute("update marts.dim_build set control_revision = (select revision from control.revision)")
    client = visit("ana")
    decide(client, "approve")
    answer = of(client)
    assert answer.status_code == 200
    streams = re.findall(rb"stream\r?\n(.*?)endstream", answer.content, re.S)
    assert not any(b"/JavaScript" in _inflated(one) or b"/Launch" in _inflated(one) for one in streams)


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return stream
