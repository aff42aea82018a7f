"""What a number, a text and a time may be where rows enter, so that nothing overflows later, wherever it is summed,
indexed, invoiced or shown. What is beyond is set aside by itself, in words.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from sources.text import said_day

MOST = 10**15 - 1
"""The largest quantity of one row: 15 digits, the most that Stripe takes of a meter's value."""
DEAREST = Decimal(10**9)
MOST_DECIMALS = 40
FURTHEST_EXPONENT = 1000
LONGEST_TEXT = 500
"""A text that names something; PostgreSQL indexes none beyond 2,700 bytes."""
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_CALL = timedelta(hours=12)
"""Vapi ends a call after `maxDurationSeconds`, which may be 43,200 at most."""
AFTER_ITS_LAST_CHANGE = timedelta(days=1)


def exact(literal: str) -> Decimal | str:
    """A number of JSON digit for digit; its text, which is no number to any reader, where its exponent is beyond all
    that is counted or costs: eleven characters can stand for a billion digits.
    """
    try:
        number = Decimal(literal)
    except InvalidOperation:
        return literal
    return number if abs(number.adjusted()) <= FURTHEST_EXPONENT else literal


def fault_of_quantity(name: str, quantity: Decimal | int) -> str | None:
    """What is wrong with a count: below 0, or more than any row can have."""
    if 0 <= quantity <= MOST and _has_few_decimals(quantity):
        return None
    return f"its {name} is out of range: {quantity!s:.30}, at most {MOST:,} is taken"


def fault_of_cost(name: str, cost: Decimal | int | None) -> str | None:
    """What is wrong with money: no finite number, or beyond what a row can cost."""
    if cost is None:
        return None
    if isinstance(cost, Decimal) and not cost.is_finite():
        return f"its {name} is no number but {cost}"
    # Compared and not calculated with: an exponent of nine digits would overflow the calculation.
    if -DEAREST < cost < DEAREST and _has_few_decimals(cost):
        return None
    return f"its {name} is out of range: less than {DEAREST:,} with at most {MOST_DECIMALS} decimals is taken"


def fault_of_text(name: str, text: str | None) -> str | None:
    """What is wrong with a text that names something: too long, or with characters that no database stores. What stands
    for such a character (U+FFFD) is no better: two names would become one.
    """
    if text is None:
        return None
    if "\0" in text or "\ufffd" in text:
        return f"its {name} holds a character that no text can have"
    return f"its {name} is longer than {LONGEST_TEXT} characters" if len(text) > LONGEST_TEXT else None


def fault_of_time(name: str, at: datetime | None) -> str | None:
    """What is wrong with a moment: before or after any that can be meant."""
    return None if at is None or FIRST <= at < LAST else f"its {name} is no plausible time: {said_day(at)}"


def _has_few_decimals(number: Decimal | int) -> bool:
    exponent = number.as_tuple()[2] if isinstance(number, Decimal) else 0
    return isinstance(exponent, int) and exponent >= -MOST_DECIMALS
