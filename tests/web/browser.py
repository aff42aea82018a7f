"""Headless Chromium on pages that need a session: a page is fetched as its visitor, and drawn from a local copy.

The command line can set no cookie, so what the visitor was sent is written to a file with its style sheet inside. Many
copies are examined in one run, each in a frame as wide as a screen: to start a browser takes longer than to look.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
# What Chromium's settings call the scheme a person prefers.
_SCHEMES = {True: "--blink-settings=preferredColorScheme=0", False: "--blink-settings=preferredColorScheme=1"}
_EXAMINE = """<script src="axe.min.js"></script><script>
const box = one => one.getBoundingClientRect()
const said = one => one.outerHTML.slice(0, 160)
const holder = one => one.parentElement.closest(".card, main")
const escaped = Array.from(document.querySelectorAll("main :is(input, select, textarea, button, .button)"))
  .filter(one => one.type != "hidden" && !one.closest(".scroll") && box(one).right > box(holder(one)).right)
const uneven = Array.from(document.querySelectorAll(".card + .card"))
  .filter(one => box(one).left >= box(one.previousElementSibling).right
    && box(one).top != box(one.previousElementSibling).top)
axe.run(document, {resultTypes: ["violations"]}).then(found => parent.postMessage({
  frame: window.name,
  width: document.documentElement.scrollWidth,
  amounts: Math.max(...Array.from(document.querySelectorAll(".amount"), one => one.getBoundingClientRect().right)),
  misplaced: [...escaped, ...uneven].map(said),
  isDark: matchMedia("(prefers-color-scheme: dark)").matches,
  faults: found.violations.flatMap(rule => rule.nodes.map(
    node => [rule.impact, rule.id, node.html.slice(0, 160), node.failureSummary.slice(0, 300)]))
}, "*"))
</script>"""
_COLLECT = """<script>
const told = []
onmessage = message => { told.push(message.data); document.getElementById("told").textContent = JSON.stringify(told) }
</script><pre id="told"></pre>"""
_ON_PAPER = """<script>
const seen = one => one.getClientRects().length > 0
document.body.innerHTML = JSON.stringify({
  tables: Array.from(document.querySelectorAll("main table")).map(one => Array.from(one.rows).filter(seen).length),
  buttons: Array.from(document.querySelectorAll("button, input, .button")).filter(seen).length,
  pale: Array.from(document.querySelectorAll(".key, .cell, .tag, progress"))
    .filter(one => seen(one) && getComputedStyle(one).printColorAdjust != "exact").length
})
</script>"""
_OWN_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@dataclass(frozen=True)
class Examined:
    """A page on a screen: how wide it was drawn, where the amounts of its tables end, in pixels from the left,
    the controls that stick out of their card and the cards that stand beside another and lower, and axe-core's
    violations as (impact, rule, element, why)."""

    page: str
    width: int
    is_dark: bool
    scroll_width: int
    amounts_end: float | None
    misplaced: Sequence[str]
    faults: Sequence[tuple[str, str, str, str]]

    @property
    def grave(self) -> list[tuple[str, str, str, str]]:
        """The violations that axe-core calls serious or critical."""
        return [fault for fault in self.faults if fault[0] in {"serious", "critical"}]


def fetched(client: httpx.Client, path: str) -> str:
    """A page as its visitor is sent it, its style sheet inside."""
    page = client.get(path, follow_redirects=True).text
    style = client.get("/static/minutebook.css").text
    return page.replace('<link rel="stylesheet" href="/static/minutebook.css">', f"<style>{style}</style>")


def examine(folder: Path, pages: Mapping[str, str], widths: Sequence[int], is_dark: bool) -> list[Examined]:
    """Draw all pages at all widths in one browser, and let axe-core look at each."""
    (folder / "axe.min.js").write_text((files("axe_playwright_python") / "axe.min.js").read_text())
    frames: dict[str, tuple[str, int]] = {}
    for number, (name, page) in enumerate(pages.items()):
        copy = _OWN_POLICY.sub("", page).replace("</body>", f"{_EXAMINE}</body>")
        (folder / f"page-{number}.html").write_text(copy, encoding="utf-8")
        frames |= {f"page-{number}.html#{width}": (name, width) for width in widths}
    drawn = "".join(
        f'<iframe name="{frame}" src="{frame.partition("#")[0]}" width="{width}" height="900" frameborder="0"></iframe>'
        for frame, (_, width) in frames.items()
    )
    (folder / "all.html").write_text(f"<!doctype html><body>{_COLLECT}{drawn}")
    found = re.search(
        r'<pre id="told">(.*?)</pre>', _run(folder, folder / "all.html", (1400, 900), _SCHEMES[is_dark]), re.S
    )
    reported: list[dict[str, Any]] = json.loads(unescape(found[1])) if found and found[1] else []
    assert {each["frame"] for each in reported} == set(frames), "not every page was examined"
    return [
        Examined(
            *frames[each["frame"]],
            each["isDark"],
            each["width"],
            each["amounts"],
            each["misplaced"],
            [tuple(fault) for fault in each["faults"]],
        )
        for each in reported
    ]


def on_paper(folder: Path, page: str) -> dict[str, Any]:
    """A page as it is printed: the rows of each of its tables, how many controls are seen, and of how many marks the
    colour is left out where a browser saves ink.
    """
    sheet = _OWN_POLICY.sub("", page).replace("@media print", "@media all")
    (folder / "paper.html").write_text(sheet.replace("</body>", f"{_ON_PAPER}</body>"), encoding="utf-8")
    drawn = _run(folder, folder / "paper.html", (800, 1000))
    found: dict[str, Any] = json.loads(unescape(drawn.partition("<body>")[2].partition("</body>")[0]))
    return found


def screenshot(folder: Path, client: httpx.Client, path: str, size: tuple[int, int], to: Path) -> None:
    """A picture of the page's first screen, size being its width and height in pixels."""
    copy = folder / "page.html"
    copy.write_text(fetched(client, path), encoding="utf-8")
    _run(folder, copy, size, f"--screenshot={to}")


def _run(folder: Path, page: Path, size: tuple[int, int], *more: str) -> str:
    assert CHROMIUM
    command = [
        CHROMIUM, *_FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={size[0]},{size[1]}",
        "--virtual-time-budget=120000", "--allow-file-access-from-files", "--dump-dom", *more, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900)
    return done.stdout
