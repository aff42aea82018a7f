"""How a chart becomes SVG, by Vega on this machine: no script, no network, no style of its own.

Colours are the style sheet's variables, so one drawing serves light, dark and paper.
"""

import re
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any

import altair as alt
import msgspec
import vl_convert
from markupsafe import Markup

_INK, _LINE = "var(--ink-soft)", "var(--line)"
_CONFIG: dict[str, Any] = {
    # Screen readers get the caption and the table; Vega's own roles would read every axis tick aloud.
    "aria": False,
    "background": "transparent",
    # The browser's letters are wider than those Vega measures with: room for the longest label.
    "padding": {"left": 16, "right": 8, "top": 6, "bottom": 4},
    "view": {"stroke": "transparent"},
    "font": "sans-serif",
    "axis": {
        "labelColor": _INK, "titleColor": _INK, "gridColor": _LINE, "domainColor": _LINE, "tickColor": _LINE,
        "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "domain": False, "ticks": False,
        "labelPadding": 6,
    },
    # Below the lowest label of the other axis, which the first one would run into.
    "axisX": {"labelPadding": 12},
}  # fmt: skip
_REMEMBERED = 512
_drawings: dict[bytes, Markup] = {}
_CLIP = re.compile(r"\b(clip|gradient_)(\d+)\b")


def remembered(draw: Callable[..., Markup]) -> Callable[..., Markup]:
    """The same figures are drawn once: to describe a chart and to draw it cost some 50 ms each."""

    @wraps(draw)
    def remembering(*values: object) -> Markup:
        key = sha256(msgspec.json.encode((draw.__name__, values))).digest()
        if key not in _drawings:
            if len(_drawings) >= _REMEMBERED:
                _drawings.pop(next(iter(_drawings)), None)
            _drawings[key] = draw(*values)
        return _drawings[key]

    return remembering


def forget() -> None:
    """Draw everything again from now on."""
    _drawings.clear()


def drawn(chart: alt.Chart | alt.LayerChart) -> Markup:
    """The chart as SVG."""
    specification: dict[str, Any] = chart.configure(**_CONFIG).to_dict(validate=False)
    svg: str = vl_convert.vegalite_to_svg(specification)
    shown = _with_own_ids(svg).replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
    return Markup(shown)  # noqa: S704  Vega escapes the text it draws


def _with_own_ids(svg: str) -> str:
    # Vega counts clip paths for as long as the process lives; numbered by drawing, the same chart has the same bytes.
    numbers: dict[str, str] = {}
    numbered = _CLIP.sub(lambda found: f"{found[1]}{numbers.setdefault(found[0], str(len(numbers)))}", svg)
    # A page holds several charts, and an id of one would clip another's bars: each bears its own drawing's name.
    name = sha256(numbered.encode()).hexdigest()[:8]
    return _CLIP.sub(lambda found: f"{found[1]}{name}_{found[2]}", numbered)
