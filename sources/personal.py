"""What of a call is personal, and how much of it a tenant wants stored: kept, redacted, or never stored.

Redacted leaves what helps to tell calls apart: a number's last two digits, that a recording exists, a transcript
without the numbers and addresses that were said. Money, times and ids are never touched: each bill stays explained.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from sources.checks.bounds import exact

Document = dict[str, msgspec.Raw]


class Keep(StrEnum):
    """What is stored of one kind of personal data."""

    KEPT = "kept"
    REDACTED = "redacted"
    NEVER = "never"


@dataclass(frozen=True)
class Choices:
    """A tenant's choices. phone_numbers: who was on the line, by number, name or address; wherever it is told."""

    phone_numbers: Keep = Keep.KEPT
    transcripts: Keep = Keep.NEVER
    recordings: Keep = Keep.NEVER


ChoicesOf = Callable[[Mapping[str, str]], Choices]
"""The choices of whoever a call belongs to, by what it may be attached by: kind to value, the deciding kinds first."""

NOBODYS = Choices(Keep.NEVER, Keep.NEVER, Keep.NEVER)
"""Of a call that belongs to nobody yet: nobody chose to keep it, and no retention period would ever end."""

# What dbt, the content hash and a provider's support need of a call: its route and the carrier's id of it too.
FACTS = (
    "id", "orgId", "type", "status", "endedReason", "assistantId", "phoneNumberId", "squadId", "workflowId",
    "campaignId", "createdAt", "updatedAt", "startedAt", "endedAt", "cost", "costs", "costBreakdown", "transport",
    "phoneCallProvider", "phoneCallProviderId",
)  # fmt: skip

# That somebody agreed to be recorded is no recording.
_RECORDING = re.compile(r"recording(?!consent$)|^monitor$|^(?:pcap|log|listen|control)Url$", re.IGNORECASE)
_TRANSCRIPT = re.compile(r"^(?:analysis|artifact)$|transcript|messages|summary", re.IGNORECASE)
_PARTY = re.compile(
    r"^(?:customers?|destination|fallbackDestination|phone|from|to|ani|dnis|extension|caller|callee|forwarded_?from)$"
    r"|number$|^sip_?uri$|^caller_?(?:id|name)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\+\d[\d ()./-]{5,}\d|(?<![\w.:-])\d{9,15}(?![\w.:-])|\b(?:sips?|tel):[^\s\"<>]+", re.IGNORECASE)
_SPOKEN = re.compile(r"\+?\d(?:[ ()./,-]{0,2}\d){2,}")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_DIGIT = re.compile(r"\d")
# Fields in which a whole number is a moment, a length, an id or a count, and never a telephone number.
_COUNTED = re.compile(r"(?:id|time|timestamp|at|start|end|secs|seconds|ms|millis|duration|unix|tokens)$", re.IGNORECASE)
_FEWEST_DIGITS = 9
_TELEPHONE = range(10 ** (_FEWEST_DIGITS - 1), 10**15)
_SHOWN = 2
_GONE = object()
# Names of fields met so far that stay whole, by choices, and that say nothing of a person: asked of each call and each
# event, so the question must be cheap.
_PLAIN: dict[Choices, set[str]] = {}
_NO_PARTYS: set[str] = set()
_MOST_PLAIN_NAMES, _LONGEST_PLAIN_BYTES = 1024, 1000

_DECODE = msgspec.json.Decoder(float_hook=exact).decode
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


def minimised(document: Document, choices: Choices) -> Document:
    """The document as it may be stored under these choices; values that may stay are left byte for byte.

    Safe to repeat: what was taken out is not brought back, and what was masked stays as it is.
    """
    plain = _PLAIN.setdefault(choices, set(FACTS))
    if document.keys() <= plain:
        return document
    asked = document.keys() - plain
    stored = dict(document)
    for field in asked:
        if _passes(field, choices):
            if len(plain) < _MOST_PLAIN_NAMES:
                plain.add(field)
            continue
        if _is_dropped(field, choices):
            del stored[field]
            continue
        if _is_nobodys(field, bytes(document[field])):
            continue
        try:
            reported = _DECODE(document[field])
        except msgspec.ValidationError:
            # A number of thousands of digits: what cannot be read cannot be minimised, and is stored by nobody.
            del stored[field]
            continue
        left = _left(field, reported, None, choices)
        if left is _GONE:
            del stored[field]
        elif left != reported:
            stored[field] = msgspec.Raw(_ENCODE(left))
    return stored


def _passes(field: str, choices: Choices) -> bool:
    """Whether nothing in the field can be anything but kept."""
    if choices.phone_numbers is not Keep.KEPT:
        return False
    return _kind(field) is None or choices.transcripts is choices.recordings is Keep.KEPT


def _is_dropped(field: str, choices: Choices) -> bool:
    """Whether nothing of the field can be left."""
    return choices.transcripts is choices.recordings is Keep.NEVER and _kind(field) is not None


def _is_nobodys(field: str, raw: bytes) -> bool:
    """Whether a field is neither of a conversation nor of who was on the line, and its value names nobody."""
    if len(raw) > _LONGEST_PLAIN_BYTES:
        return False
    if field not in _NO_PARTYS:
        if _kind(field) is not None or _PARTY.search(field) is not None:
            return False
        if len(_NO_PARTYS) < _MOST_PLAIN_NAMES:
            _NO_PARTYS.add(field)
    begin = raw[:1]
    if begin.isdigit() and len(raw) >= _FEWEST_DIGITS:
        return False
    return begin not in b'{["' or (begin == b'"' and b"\\" not in raw and _NUMBER.search(raw.decode()) is None)


def _kind(field: str) -> str | None:
    return "recordings" if _RECORDING.search(field) else "transcripts" if _TRANSCRIPT.search(field) else None


def _left(field: str, value: Any, inside: str | None, choices: Choices) -> Any:
    """What is left of a value of a field, `inside` a kind of conversation; _GONE for nothing."""
    kind = inside
    if inside is None or (inside == "transcripts" and _RECORDING.search(field)):
        kind = _kind(field) or inside
    keep = getattr(choices, kind) if kind else Keep.KEPT
    is_party = _PARTY.search(field) is not None
    if keep is not Keep.NEVER and is_party and choices.phone_numbers is not Keep.KEPT:
        return _GONE if choices.phone_numbers is Keep.NEVER else _masked_party(value)
    if isinstance(value, dict):
        parts = {name: _left(name, part, kind, choices) for name, part in value.items()}
        left = {name: part for name, part in parts.items() if part is not _GONE}
        return left if left or (keep is not Keep.NEVER and not value) else _GONE
    if keep is Keep.NEVER:
        return _GONE
    if isinstance(value, list):
        parts_of_list = (_left(field, part, kind, choices) for part in value)
        return [part for part in parts_of_list if part is not _GONE]
    is_hidden = keep is Keep.REDACTED or choices.phone_numbers is not Keep.KEPT
    if is_hidden and type(value) is int and value in _TELEPHONE and _COUNTED.search(field) is None:
        value = str(value)
    return _masked(value, kind, keep, choices)


def _masked(value: Any, kind: str | None, keep: Keep, choices: Choices) -> Any:
    if not isinstance(value, str):
        return value
    if keep is Keep.REDACTED:
        if kind == "recordings":
            return "[recording]"
        value = _EMAIL.sub("[address]", _SPOKEN.sub(_hide_digits, value))
    if choices.phone_numbers is Keep.NEVER:
        return _NUMBER.sub("[number]", value)
    if choices.phone_numbers is Keep.REDACTED:
        return _NUMBER.sub(lambda found: _last_digits(found[0]), value)
    return value


def _masked_party(value: Any) -> Any:
    """Numbers by their last two digits, names and addresses not at all."""
    if isinstance(value, dict):
        return {name: _masked_party(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_masked_party(part) for part in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    text = str(value)
    is_number = not any(character.isalpha() or character == "@" for character in text)
    return _last_digits(text) if is_number else "[redacted]"


def _last_digits(number: str) -> str:
    hidden = len(_DIGIT.findall(number)) - _SHOWN
    return _DIGIT.sub("•", number, count=hidden) if hidden > 0 else number


def _hide_digits(found: re.Match[str]) -> str:
    return _DIGIT.sub("•", found[0])
