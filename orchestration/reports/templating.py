"""Templates of packs and pages: every value is escaped, an unknown name is an error."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from orchestration.reports import formats, in_words
from sources.text import clean_lines

STYLE_SHEET = Path(__file__).parents[1] / "web" / "static" / "minutebook.css"
_OWN = Path(__file__).parent / "templates"


def _shown(value: object) -> object:
    """Text of others without control characters; a part that is a template's own stays as it is."""
    return clean_lines(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _meter_names(defined: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {meter_id: row["name"] for meter_id, row in defined.items()}


def environment(*folders: Path) -> jinja2.Environment:
    """Templates of these folders and the parts that packs and pages share."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, _OWN]),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(formats.FILTERS, meter_names=_meter_names)
    made.filters.update(
        line_in_words=in_words.line,
        line_title=in_words.title,
        units_in_words=in_words.units_of_call,
        unknown_cost=in_words.unknown,
        stored=in_words.stored,
        totals=in_words.totals,
        judged=in_words.judged,
        output=in_words.output,
    )
    return made
