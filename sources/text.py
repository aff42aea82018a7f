"""Text of others, made fit to be shown: no control characters, no escape sequences, nothing that turns a line round."""

import re
import unicodedata
from datetime import UTC, date, datetime

# CSI and OSC and other sequences that ESC or its C1 forms begin, whole; then whatever control is left.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
_SPACES = re.compile(r"[\t\n\x0b\x0c\r\x85\u2028\u2029]")
_APART = re.compile(r"[^a-z0-9]+")
# Letters that Unicode does not take apart into one of ours and its mark.
_WHOLE = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def clean(text: str) -> str:
    """The text on one line, without what a terminal, a log or a page would act on."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROLS.sub("", _SPACES.sub(" ", _SEQUENCES.sub("", text)))


def as_id(name: str) -> str:
    """An id made of a name: small Latin letters without their marks and digits, a hyphen for all that is between."""
    parts = unicodedata.normalize("NFKD", name.casefold().translate(_WHOLE))
    return _APART.sub("-", "".join(part for part in parts if not unicodedata.combining(part))).strip("-")


def said_day(value: date) -> str:
    """A day in a sentence: 2 Oct 2026. As `warehouse.words.day`, which sources may not import; a test compares them."""
    return f"{value.day} {value:%b %Y}"


def said_moment(value: datetime) -> str:
    """A moment in a sentence, as exact as it is: 2 Oct 2026, 14:03 UTC, or 14:03:09, or 14:03:09.250."""
    at = value.astimezone(UTC)
    fraction = f".{at.microsecond // 1000:03d}" if at.microsecond else ""
    seconds = f":{at:%S}{fraction}" if at.second or fraction else ""
    return f"{said_day(at)}, {at:%H:%M}{seconds} UTC"


def clean_lines(text: str) -> str:
    """The same of text that has lines of its own."""
    return "\n".join(map(clean, text.replace("\r\n", "\n").split("\n")))
