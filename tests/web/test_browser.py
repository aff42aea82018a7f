"""Every page as a browser draws it, light and dark, on a desk and on a phone: it fits, and axe-core finds no fault."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest
from starlette.routing import Route

from orchestration.reports import writing
from orchestration.settings import Settings
from orchestration.web import application
from tests.conftest import TEMPLATE, administer, database_of
from tests.web import world
from tests.web.browser import CHROMIUM, Examined, examine, fetched, on_paper
from tests.web.conftest import add_staff, signed_in
from tests.web.server import serving
from warehouse.database.connect import Role, connect
from warehouse.statements.periods import Month

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; make accessibility needs one")
Visit = Callable[[str], httpx.Client]
WIDTHS = (390, 1280)
LONG_NAME = "a-name-that-goes-on-and-on-far-beyond-wh"
PAGES = [
    ("ana", "/portfolio?month=2026-10"),
    ("ana", "/tasks"), ("otto", "/alerts"), ("ana", "/alerts"),
    ("", "/sign-in"), ("", "/forgotten"), ("", "/password/nobodys"), ("otto", "/people"),
    ("ana", "/periods"), ("ana", f"/periods/{LONG_NAME}/2026-10-01"),
    ("ana", "/periods/delta-legal/2026-10-01"), ("ana", "/periods/acme-dental/2026-09-01"),
    ("ana", "/approvals?month=2026-10&which=ready"), ("otto", "/days"), ("otto", "/days/delta-legal/2026-10-30"),
    ("tina", "/usage/2026-10-01"), ("ana", "/costs?month=2026-10"), ("ana", "/tables"),
    ("ana", "/nowhere"), ("otto", "/calls"), ("otto", "/calls?words=monday"),
    ("otto", "/tenants/acme-dental/calls?words=monday"),
    ("ana", f"/tenants/{LONG_NAME}/calls"), ("otto", "/tenants/acme-dental/calls/2026-10-30/vapi/acme-dental-call-88"),
    ("theo", "/tenants/bright-smiles/calls?to=2026-10-20"), ("otto", "/tenants/acme-dental/calls?agent=nobody"),
    ("theo", "/tenants/bright-smiles/calls/2026-10-30/vapi/bright-smiles-call-88"),
    ("ana", "/invoices?month=2026-10"), ("ana", "/credits"), ("otto", "/events"), ("otto", "/automations"),
    ("ana", "/sessions"), ("otto", "/keys"),
    ("otto", "/hooks"), ("ana", "/prices"), ("ana", "/limits"), ("ana", "/brands"),
    ("otto", "/brands?tenant=acme-dental"),
    ("otto", "/onboarding"), ("ana", f"/onboarding/{LONG_NAME}"), ("otto", "/onboarding/acme-dental"),
]  # fmt: skip
# Of a warehouse without a tenant.
EMPTY = [
    ("otto", "/calls"),
    ("ana", "/periods"),
    ("ana", "/approvals?month=2026-10&which=ready"),
    ("otto", "/days"),
    ("otto", "/alerts"),
    ("otto", "/costs"),
    ("ana", "/tables"),
    ("ana", "/portfolio"),
    ("ana", "/invoices"),
    ("ana", "/credits"),
    ("otto", "/tasks"),
    ("otto", "/events"),
    ("otto", "/automations"),
    ("otto", "/keys"),
    ("otto", "/onboarding"),
    ("ana", "/brands"),
    ("ana", "/limits"),
    ("ana", "/prices"),
    ("otto", "/hooks"),
]
# Routes that are no page of their own: they lead on, hand out a file, or ask a provider.
NO_PAGES = {
    "/", "/second-factor", "/usage", "/packs/{month}.zip", "/packs/{tenant}/{start}.zip", "/brand/logo",
    "/brand/colours.css", "/statements/{tenant}/{start}.pdf", "/tables/{table}.{format}", "/tenants/{tenant}/calls.csv",
    "/tenants/{tenant}/stored/{day}/{source}/{call:path}", "/tenants/{tenant}/recordings/{day}/{source}/{call:path}",
    "/onboarding/{tenant}/found/{provider}", "/models.html",
}  # fmt: skip
DRAWN = [
    *(path for _, path in PAGES), *(f"empty{path}" for _, path in EMPTY), "pack/index.html", "pack/statement.html",
]  # fmt: skip
WITH_AMOUNTS = [
    path
    for path in DRAWN
    if path.startswith(("/periods/", "/usage/")) or path.endswith(("ment.html", "/calls", "?to=2026-10-20", "call-88"))
    if path not in {"/calls", "empty/calls"}
]


@pytest.fixture(scope="module")
def examined(
    postgres_server: str, story_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, int, bool], Examined]]:
    """Every page, at every width, in both schemes; and a pack's."""
    folder = tmp_path_factory.mktemp("drawn")
    administer(postgres_server, "create database {} template {}", "pages_drawn", story_template)
    url = database_of(postgres_server, "pages_drawn")
    with psycopg.connect(url) as owner:
        for table in ("control.meters", "marts.dim_agents"):
            owner.execute(f"update {table} set name = name || ' ' || repeat('x', 60)")
    with serving(url, folder, world.TODAY) as address, ExitStack() as clients:
        pages = {path: fetched(signed_in(clients, address, login), path) for login, path in PAGES}
    administer(postgres_server, "create database {} template {}", "pages_empty", TEMPLATE)
    empty = database_of(postgres_server, "pages_empty")
    world.build(empty, 0)
    with connect(empty, Role.SERVER) as connection:
        add_staff(connection)
    with serving(empty, folder, world.TODAY) as address, ExitStack() as clients:
        pages |= {f"empty{path}": fetched(signed_in(clients, address, login), path) for login, path in EMPTY}
    with connect(url, Role.OPERATOR) as connection:
        pack = writing.write(connection, Month.parse("2026-10"), folder / "pack").folder
    pages["pack/index.html"] = (pack / "index.html").read_text()
    pages["pack/statement.html"] = (pack / "statements" / "acme-dental-2026-10-01" / "statement.html").read_text()
    try:
        found = [each for is_dark in (False, True) for each in examine(folder, pages, WIDTHS, is_dark)]
        yield {(each.page, each.width, each.is_dark): each for each in found}
    finally:
        for name in ("pages_drawn", "pages_empty"):
            administer(postgres_server, "drop database {} with (force)", name)


def test_every_page_is_drawn() -> None:
    routes = [one for one in application(Settings(Path("nowhere"))).routes if isinstance(one, Route)]
    pages = {one.path for one in routes if "GET" in (one.methods or ())} - NO_PAGES
    drawn = {
        next((one.path for one in routes if one.path_regex.match(path.partition("?")[0])), path) for _, path in PAGES
    }
    assert pages - drawn == set()


@needs_chromium
@pytest.mark.parametrize("path", DRAWN)
def test_every_page_fits_its_screen(examined: dict[tuple[str, int, bool], Examined], path: str) -> None:
    for width in WIDTHS:
        assert examined[path, width, False].scroll_width <= width


@needs_chromium
@pytest.mark.parametrize("path", DRAWN)
def test_every_control_is_within_its_card_and_cards_side_by_side_are_level(
    examined: dict[tuple[str, int, bool], Examined], path: str
) -> None:
    assert [examined[path, width, False].misplaced for width in WIDTHS] == [[], []]


@needs_chromium
@pytest.mark.parametrize("path", WITH_AMOUNTS)
def test_what_each_line_amounts_to_is_seen_on_a_phone_before_anything_is_scrolled(
    examined: dict[tuple[str, int, bool], Examined], path: str
) -> None:
    amounts_end = examined[path, 390, False].amounts_end
    assert amounts_end is not None
    assert amounts_end <= 390


@needs_chromium
@pytest.mark.parametrize("path", DRAWN)
def test_axe_finds_no_serious_fault_of_accessibility(
    examined: dict[tuple[str, int, bool], Examined], path: str
) -> None:
    for width in WIDTHS:
        for is_dark in (False, True):
            assert examined[path, width, is_dark].grave == []


@needs_chromium
def test_a_page_with_faults_is_found_out(tmp_path: Path) -> None:
    """Else the test above would pass whatever is drawn."""
    page = (
        '<!doctype html><html lang="en"><title>t</title><body><main><h1>t</h1>'
        '<p style="color:#bbb;background:#fff">pale</p>'
        '<input><img src="x.png"><div style="width:3000px">wide</div>'
        '<p class="card" style="width:9em"><input style="width:40em"></p></main></body></html>'
    )
    (found,) = examine(tmp_path, {"bad": page}, [390], False)
    assert {"color-contrast", "label", "image-alt"} <= {rule for _, rule, _, _ in found.grave}
    assert found.scroll_width > 390
    assert len(found.misplaced) == 1


@needs_chromium
@pytest.mark.parametrize(
    ("login", "path", "rows"),
    [("ana", "/periods", [8]), ("ana", "/approvals?month=2026-10&which=ready", [4]), ("otto", "/days", [9])],
)
def test_paper_has_the_tables_in_colour_and_no_buttons(
    visit: Visit, tmp_path: Path, login: str, path: str, rows: list[int]
) -> None:
    assert on_paper(tmp_path, fetched(visit(login), path)) == {"tables": rows, "buttons": 0, "pale": 0}


def test_the_charts_are_drawn_in_the_pages_own_colours(visit: Visit) -> None:
    page = visit("ana").get("/periods/acme-dental/2026-10-01").text
    assert page.count("<svg") >= 4
    assert set(re.findall(r'fill="([^"]*)"', page)) <= {
        "none", "var(--within)", "var(--over)", "var(--within-soft)", "var(--allocated)", "var(--warn)",
        "var(--ink-soft)",
    }  # fmt: skip
    assert "style=" not in page


def test_no_two_charts_of_a_page_share_an_id_which_would_clip_ones_bars_as_the_others(visit: Visit) -> None:
    ids = re.findall(r'\bid="([^"]*)"', visit("ana").get("/periods/acme-dental/2026-10-01").text)
    assert len([name for name in ids if name.startswith("clip")]) > 1
    assert len(ids) == len(set(ids))
