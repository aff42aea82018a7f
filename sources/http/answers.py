"""What can be read off an answer that is no rows: an error in the provider's words, and how long it asks to wait."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

_MESSAGES = ("message", "error_description", "error", "detail", "err_msg")
"""Where providers put what went wrong: as a text, as a list of them, or as an object that has one of these again."""


def readable(body: bytes) -> tuple[bytes, int]:
    """The same JSON as UTF-8, whatever is not replaced by U+FFFD, and how many characters that were: one byte of one
    name must not cost a whole day. No quote or bracket is ever taken for a part of what is replaced.
    """
    try:
        body.decode()
    except UnicodeDecodeError:
        text = body.decode(errors="replace")
        return text.encode(), text.count("\ufffd") - body.count("\ufffd".encode())
    return body, 0


def message_of(body: bytes) -> str | None:
    """What went wrong, in the provider's words; None where the answer is no object that says so."""
    return ", ".join(_messages(object_of(body))) or None


def _messages(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        said = next((part[name] for name in _MESSAGES if part.get(name)), None)
        yield from _messages(said)
    elif isinstance(part, list):
        for one in part:
            yield from _messages(one)
    elif part is not None:
        yield str(part)


def shape_of(body: bytes) -> str:
    """What a good answer of another shape is, without its values: they may be secrets."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return "something that is not JSON"
    if isinstance(answer, dict):
        return f"an object with {', '.join(sorted(name[:40] for name in answer)[:10])}"
    return f"a list of {len(answer)}" if isinstance(answer, list) else "a single value"


def reported_status(body: bytes) -> int | None:
    """The status that an error inside a 200 reports of itself."""
    answer = object_of(body)
    reported = str(answer.get("statusCode", answer.get("status")))
    return int(reported) if reported.isdecimal() and 400 <= int(reported) < 600 else None


def is_page(body: bytes) -> bool:
    """Whether a browser is meant to show it."""
    return body.lstrip()[:1] == b"<"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: of Retry-After (RFC 9110, section 10.2.3), and of limits that a provider names each by itself
    (x-…-retry-after), the longest. None where none is there that can be read.
    """
    waits = [_seconds(value) for name, value in headers.items() if name.lower().endswith("retry-after")]
    return max((seconds for seconds in waits if seconds is not None), default=None)


def _seconds(reported: str) -> float | None:
    """Seconds, or a date; None for neither."""
    try:
        return max(0.0, float(reported.strip()))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(reported.strip())
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def object_of(body: bytes) -> dict[str, Any]:
    """The answer as an object; an empty one where it is none."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
