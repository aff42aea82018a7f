"""Values as a program reads them: a decimal is text with all its digits and without an exponent, never a float."""

from decimal import Decimal
from typing import Any

import msgspec


def plain(value: Any) -> Any:
    """The same value with each decimal in it as text; structs and dictionaries become dictionaries."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return plain(msgspec.structs.asdict(value)) if isinstance(value, msgspec.Struct) else value


def as_json(value: Any) -> bytes:
    """JSON of the plain value, keys in one order."""
    return msgspec.json.encode(plain(value), order="deterministic")
