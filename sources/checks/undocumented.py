"""What is wrong with an answer, in words that quote none of its values: a wrong one may be a secret, or personal."""

import re
from datetime import date
from typing import Any

from sources.text import said_day

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,39}")
_KINDS = {"str": "text", "bool": "true or false", "list": "a list", "dict": "an object", "NoneType": "null"}


class Undocumented(ValueError):
    """What is wrong with a row, said without a value of it."""


def fault_of(error: Exception) -> str:
    """Why no row could be made. Python's own errors quote what they were given; of those only the kind is said."""
    said = type(error).__name__
    if isinstance(error, Undocumented):
        said = str(error)
    elif isinstance(error, KeyError) and _FIELD.fullmatch(str(error.args[0])):
        said = f"its {error.args[0]} is missing"
    return f"it is not as documented: {said}"


def kind_of(value: Any) -> str:
    """What a value is, instead of it."""
    return _KINDS.get(type(value).__name__, "a number")


def day_in(value: Any) -> str:
    """The day that a value begins with; what it is, where it begins with none."""
    found = _DAY.match(value) if isinstance(value, str) else None
    try:
        return said_day(date.fromisoformat(found[0])) if found else kind_of(value)
    except ValueError:
        return kind_of(value)


def currency_in(value: Any) -> str:
    """A value that can be a currency; what it is, where it can be none."""
    return value if isinstance(value, str) and _CURRENCY.fullmatch(value) else kind_of(value)
