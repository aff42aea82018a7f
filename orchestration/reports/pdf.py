"""A statement as a PDF for the client: from what was issued alone, so it is the same however the marts have moved.

Nothing of a cost or a margin is in it. Typst sets it (a wheel without system packages), tagged as PDF/UA-1.
"""

import json
import re
from base64 import b64decode
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from unicodedata import category, east_asian_width

import msgspec
import typst
from msgspec import Struct

from orchestration.reports import in_words
from orchestration.reports.content import Line
from orchestration.reports.formats import money, quantity
from sources.text import clean_lines
from warehouse.database.queries import Row
from warehouse.words import day, day_before, units

_TEMPLATE = Path(__file__).parent / "templates" / "statement.typ"
# Pictures, and what joins, colours or tags them: no font of letters draws them, and nothing that is said is lost.
_SIGNS = "".join(
    sign for sign in map(chr, range(0x2300, 0x2C00)) if (category(sign)[0], east_asian_width(sign)) == ("S", "W")
)
_PICTURE = (
    f"(?:[{_SIGNS}\U0001f000-\U0001faff\u200d\u20e3\ufe0e\ufe0f\U000e0020-\U000e007f]"
    "|[\u2300-\u2bff](?=\ufe0f)|(?<=\u200d)[\u2300-\u2bff])+"
)
_PICTURES = f"{_PICTURE}(?:\\s+{_PICTURE})*"
# With its brackets; with the space before it where what follows it closes; with the space after it where one opens.
_LEFT_OUT = re.compile(
    rf"(\s*[(\[]\s*{_PICTURES}\s*[)\]]|\s*{_PICTURES}(?=[!?.,;:…)\]»”’])|(?<=[(\[«“¡¿])\s*{_PICTURES}\s*)|{_PICTURES}"
)
_LOGO = b"#image(bytes(json(bytes(sys.inputs.data)).logo))"
_NO_TAX_INVOICE = "This is not a tax invoice."


class Handed(Struct, frozen=True):
    """The content of an issued statement: to whom, up to which day, its lines, names of meters and its brand."""

    name: str
    period_end: date
    lines: list[Line]
    meters: dict[str, str]
    brand: dict[str, Any] | None = None


def of_issued(issued: Row) -> bytes:
    """The PDF of an issued statement. issued: number, revision, period_start, issued_at and content, its JSON.

    A letter that no font here has is a box, and the PDF is then tagged without being PDF/UA-1, which forbids it.
    """
    brand = _handed(issued).brand or {}
    data = contents(issued)
    if brand.get("logo"):
        data["logo"] = list(b64decode(brand["logo"]))
    try:
        return _compiled(_template(), data, issued_at=issued["issued_at"], is_ua=True)
    except typst.TypstError:
        return _compiled(_template(), data, issued_at=issued["issued_at"], is_ua=False)


def is_drawable(logo: bytes) -> bool:
    """Whether a logo, a PNG or an SVG, can be drawn at all."""
    try:
        _compiled(_LOGO, {"logo": list(logo)})
    except typst.TypstError:
        return False
    return True


def contents(issued: Row) -> dict[str, Any]:
    """All that the PDF says, as the template takes it: texts, none of which is markup."""
    handed = _handed(issued)
    brand = handed.brand or {}
    currency = handed.lines[0].currency if handed.lines else ""
    total = sum((line.amount for line in handed.lines), Decimal(0))
    is_tax_invoice = bool(brand.get("is_tax_invoice"))
    facts = [
        ("To", _letters(handed.name)),
        ("Period", f"{day(issued['period_start'])} to {day_before(handed.period_end)}"),
        ("Issued", day(issued["issued_at"].date())),
    ]
    if issued["revision"] > 1:
        facts.append(("Revision", f"{issued['revision']}, in place of those before"))
    agency = _letters(brand.get("name") or "")
    return {
        "kind": "Invoice" if is_tax_invoice else "Statement",
        "number": issued["number"],
        "agency": agency,
        "address": _letters(brand.get("address") or ""),
        "accent": brand.get("accent") or "#1f5f66",
        "logo": None,
        "facts": facts,
        "currency": currency,
        "lines": [_line(line, handed.meters) for line in handed.lines],
        "total": money(total, currency),
        "notes": [note for note in (_letters(brand.get("note") or ""), "All days are UTC days.") if note],
        "footer": " · ".join(filter(None, [agency, issued["number"], "" if is_tax_invoice else _NO_TAX_INVOICE])),
    }


def _letters(text: str) -> str:
    """The text without pictures, which would be boxes, line by line; as it is where it is nothing else."""
    text = clean_lines(text)
    lines = (_LEFT_OUT.sub(lambda found: "" if found[1] else " ", line) for line in text.split("\n"))
    return "\n".join(" ".join(line.split()) for line in lines).strip() or text


def _compiled(
    template: bytes, data: dict[str, Any], *, issued_at: datetime | None = None, is_ua: bool = False
) -> bytes:
    """A logo is among the data, as its bytes: files that are given by name have to be text."""
    named: Any = {"main": template}  # which Typst takes and its types do not know
    compiled: bytes = typst.compile(
        named,
        format="pdf",
        sys_inputs={"data": json.dumps(data)},
        pdf_standards=["ua-1"] if is_ua else [],
        timestamp=issued_at and issued_at.replace(microsecond=0),
    )
    return compiled


def _handed(issued: Row) -> Handed:
    return msgspec.json.decode(issued["content"], type=Handed, strict=False)


def _line(line: Line, meters: dict[str, str]) -> dict[str, str]:
    counted = "" if line.meter_id is None else f"{quantity(line.quantity)} {units(line.unit or '', line.quantity)}"
    return {
        "title": _letters(in_words.title(line, meters)),
        "said": _letters(in_words.line(line)),
        "quantity": counted.strip(),
        "amount": money(line.amount, line.currency),
    }


@cache
def _template() -> bytes:
    return _TEMPLATE.read_bytes()
