"""Every page as a browser draws it: it fits a phone, draws its charts, and runs nothing."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.pages.browser import CHROMIUM, Browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
Visit = Callable[[str], httpx.Client]
PAGES = [
    ("", "/sign-in"), ("ana", "/periods"), ("ana", "/periods/a-name-that-goes-on-and-on-far-beyond-wh/2026-10-01"),
    ("ana", "/approvals?month=2026-10&which=ready"),
    ("otto", "/days"), ("otto", "/days/delta-legal/2026-10-30"), ("tina", "/usage/2026-10-01"), ("ana", "/tables"),
]  # fmt: skip


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(("login", "path"), PAGES)
def test_every_page_fits_its_screen(visit: Visit, tmp_path: Path, login: str, path: str, width: int) -> None:
    browser = Browser(tmp_path, visit(login))
    assert browser.scroll_width(path, width) <= width


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


def test_a_name_that_is_a_script_runs_nowhere(visit: Visit, tmp_path: Path) -> None:
    drawn = Browser(tmp_path, visit("ana")).drawn("/periods", 1280)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in drawn
