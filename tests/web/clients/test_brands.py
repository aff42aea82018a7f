"""The page of brands: what `minutebook brand set` takes, by form, with the logo as a file, under the same checks."""

from collections.abc import Callable

import httpx
import psycopg
import pytest

from tests.web.signing import form_token
from tests.web.test_handed import PNG
from tests.web.test_pages import ACME

Visit = Callable[[str], httpx.Client]
NO_FILE = {"logo": ("", b"", "application/octet-stream")}
"""What a browser sends where no file was chosen."""


def form(client: httpx.Client, **fields: str) -> dict[str, str]:
    return {
        "form_token": form_token(client.get("/brands").text), "tenant": "", "name": "Voice & Co", "accent": "#7A1F66",
        "address": "Main Street 1\r\nTown", "note": "Pay soon.", "number_prefix": "VC-", "host": "Bills.Voice.example",
        "mail_from": "Voice <bills@voice.example>",
    } | fields  # fmt: skip


def stored(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as owner:
        return owner.execute(
            "select tenant_id, name, accent, logo, logo_kind, address, note, number_prefix, is_tax_invoice, host,"
            " mail_from from control.brands order by tenant_id nulls first"
        ).fetchall()


def test_a_brand_is_set_with_its_logo_and_keeps_it_until_another_is_chosen(visit: Visit, story_url: str) -> None:
    ana = visit("ana")
    assert "No brand yet." in ana.get("/brands").text
    file = {"logo": ("logo.png", PNG, "image/png")}
    set_first = ana.post("/brands", data=form(ana), files=file)
    assert set_first.headers.get("location") == "/brands", set_first.text
    texts = ("VC-", False, "bills.voice.example", "Voice <bills@voice.example>")
    first = (None, "Voice & Co", "#7a1f66", PNG, "png", "Main Street 1\nTown", "Pay soon.", *texts)
    assert stored(story_url) == [first]
    page = ana.get("/brands").text
    for part in ("Voice &amp; Co", "PNG, 70 bytes", "not in MINUTEBOOK_HOSTS", "Main Street 1\nTown"):
        assert part in page
    assert visit("tina").get("/brand/logo").content == PNG
    changed = form(ana, name="Voice Company", is_tax_invoice="on", host="", mail_from="")
    assert ana.post("/brands", data=changed, files=NO_FILE).status_code == 303
    ((_, name, _, logo, *_, is_tax_invoice, host, mail_from),) = stored(story_url)
    assert (name, logo, is_tax_invoice, host, mail_from) == ("Voice Company", PNG, True, None, None)
    # Of one tenant, by an operator, in its place.
    otto = visit("otto")
    assert otto.post("/brands", data=form(otto, tenant=ACME, name="Acme’s own"), files=NO_FILE).status_code == 303
    assert 'value="Acme’s own"' in otto.get(f"/brands?tenant={ACME}").text
    assert "Acme’s own" in visit("tina").get("/usage").text
    with psycopg.connect(story_url) as owner:
        actors = owner.execute("select actor from ledger.audit_log where object_table = 'control.brands' order by 1")
        assert actors.fetchall() == [("ana",), ("ana",), ("otto",)]


@pytest.mark.parametrize(
    ("wrong", "logo", "why"),
    [
        ({"name": " "}, b"", "A brand needs a name"),
        ({"name": "x" * 121}, b"", "at most 120 characters"),
        ({"note": "x" * 501}, b"", "at most 500 characters"),
        ({"accent": "#ffff00"}, b"", "choose a darker colour"),
        ({"accent": "red"}, b"", "is no colour"),
        ({"number_prefix": "a/b"}, b"", "letters, digits and dashes"),
        ({"host": "https://x.example"}, b"", "is no name of a host"),
        ({"host": f"{'x.' * 130}example"}, b"", "at most 253 characters"),
        ({"mail_from": "nobody"}, b"", "Write a sender such as"),
        ({"mail_from": f"{'x' * 320} <bills@voice.example>"}, b"", "Write a sender such as"),
        ({"tenant": "nobody"}, b"", "no tenant"),
        ({}, b"GIF89a", "a PNG or an SVG"),
        ({}, b"<svg", "cannot be drawn"),
        ({}, b"<svg" + b" " * 70_000, "at most 64 KB"),
    ],
)
def test_a_brand_that_cannot_be_is_refused_with_why_and_what_was_typed(
    visit: Visit, story_url: str, wrong: dict[str, str], logo: bytes, why: str
) -> None:
    ana = visit("ana")
    files = {"logo": ("logo.svg", logo, "image/svg+xml")} if logo else NO_FILE
    refused = ana.post("/brands", data=form(ana, **wrong), files=files)
    assert (refused.status_code, why.lower() in refused.text.lower()) == (409, True), refused.text
    assert "Pay soon." in refused.text or "note" in wrong
    assert stored(story_url) == []


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data; boundary=x", b"--x\r\nno head--x--", 400),
        ("multipart/form-data; boundary=x", b"something else", 400),
        ("multipart/form-data", b"--\r\n----", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--',
            400,
        ),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\0\r\n--x--', 400),
        ("multipart/form-data; boundary=x", b"--x" + b"a" * 300_000, 413),
        ("application/x-www-form-urlencoded", b"a=" + b"a" * 20_000, 413),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(visit: Visit, kind: str, body: bytes, status: int) -> None:
    assert visit("ana").post("/brands", content=body, headers={"content-type": kind}).status_code == status


def test_a_tenant_and_another_site_set_no_brand(visit: Visit, story_url: str) -> None:
    assert visit("tina").get("/brands").status_code == 403
    assert visit("ana").post("/brands", data={"name": "x"}, files=NO_FILE).status_code == 403
    assert stored(story_url) == []
