"""Headless Chromium on pages that need a session: a page is fetched as its visitor, and drawn from a local copy.

The command line can set no cookie, so what the visitor was sent is written to a file with its style sheet inside.
"""

import re
import shutil
import subprocess
from pathlib import Path

import httpx

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
_MEASURE = "<script>document.title = 'width ' + document.documentElement.scrollWidth</script>"


class Browser:
    """Draws a visitor's pages."""

    def __init__(self, folder: Path, client: httpx.Client) -> None:
        self._folder = folder
        self._client = client

    def scroll_width(self, path: str, width: int) -> int:
        """How wide the page is drawn on a screen of this width; more than the width means that it scrolls sideways."""
        # Chromium's own window is never narrower than 500 pixels; a frame may be.
        inner = self._copy(path, _MEASURE)
        outer = self._folder / "frame.html"
        frame = f'<iframe id="f" width="{width}" height="900" style="border:0" src="{inner.name}"></iframe>'
        wait = "<script>f.onload = () => { document.title = f.contentDocument.title }</script>"
        outer.write_text(f"<!doctype html><body>{frame}{wait}")
        title = re.search(r"<title>width (\d+)", self._run(outer, 1400))
        assert title, "the page was not measured"
        return int(title[1])

    def drawn(self, path: str, width: int) -> str:
        """The document after drawing; an alert would hold it up for ever."""
        return self._run(self._copy(path, ""), width)

    def screenshot(self, path: str, width: int, to: Path) -> None:
        """A picture of the page's first screen."""
        self._run(self._copy(path, ""), width, f"--screenshot={to}")

    def _copy(self, path: str, extra: str) -> Path:
        page = self._client.get(path, follow_redirects=True).text
        style = self._client.get("/static/minutebook.css").text
        page = page.replace('<link rel="stylesheet" href="/static/minutebook.css">', f"<style>{style}</style>")
        copy = self._folder / "page.html"
        copy.write_text(page.replace("</body>", f"{extra}</body>"), encoding="utf-8")
        return copy

    def _run(self, page: Path, width: int, action: str = "--dump-dom") -> str:
        assert CHROMIUM
        profile = self._folder / "profile"
        command = [
            CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},900", "--virtual-time-budget=5000",
            "--allow-file-access-from-files", action, page.as_uri(),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        return done.stdout
