"""What a service may answer us: so many bytes, within so many seconds, and nothing of the key we asked with."""

import time
from collections.abc import Callable, Iterable

LARGEST_BYTES = 64 * 1024 * 1024
LONGEST_SECONDS = 120.0


class AnswerRefused(Exception):
    """An answer is larger or slower than is read; the message says which bound, and nothing of the answer."""


def read(
    chunks: Iterable[bytes],
    key: str,
    *,
    largest: int = LARGEST_BYTES,
    clock: Callable[[], float] = time.monotonic,
) -> bytes:
    """The bytes of an answer without our key in them: clients quote answers in their errors. Raises AnswerRefused."""
    deadline = clock() + LONGEST_SECONDS
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > largest:
            raise AnswerRefused(f"the answer is larger than {largest:,} bytes")
        if clock() > deadline:
            raise AnswerRefused(f"the answer took longer than {LONGEST_SECONDS:.0f} s")
        parts.append(chunk)
    return scrubbed(b"".join(parts), key)


def scrubbed(answer: bytes, key: str) -> bytes:
    """An answer without our key: as it is, and as JSON may write its slashes."""
    for spelled in {key, key.replace("/", "\\/")}:
        answer = answer.replace(spelled.encode(), b"[key]")
    return answer


def is_sendable(key: str) -> bool:
    """Whether a header can carry a key; of one that it cannot, HTTP libraries complain with the key itself."""
    return bool(key) and key.isascii() and key.isprintable() and " " not in key
