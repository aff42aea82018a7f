"""What of a line of Deepgram's billing breakdown is stored."""

from sources.checks.allowed import PLAIN, Allowed, Shape, fields
from sources.reading import SUMMED

_LINE: dict[str, Shape] = {
    "dollars": PLAIN,
    "grouping": {**fields("start end accessor deployment line_item"), "tags": [PLAIN]},
}
LINE = Allowed({**_LINE, SUMMED: [_LINE]})
FACTS = ("dollars", "grouping", SUMMED)
