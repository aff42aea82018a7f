"""How counts and days are said in a sentence, on every surface: "1 day", "3 days", "2 Oct 2026".

What is typed or read by a program keeps its form: a command's days are ISO 8601.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal


def units(unit: str, count: int | Decimal | None = None) -> str:
    """A unit beside a count: 1 minute, 2 minutes, 3 replies, 2 days of usage; an abbreviation such as GB stays."""
    noun, of, rest = unit.partition(" of ")
    if count == 1 or not noun or noun[-1] in "sS" or noun.rpartition(" ")[2].isupper():
        return unit
    if noun[-1] == "y" and noun[-2:-1] not in set("aeiou"):
        plural = f"{noun[:-1]}ies"
    else:
        plural = f"{noun}es" if noun.endswith(("x", "z", "ch", "sh")) else f"{noun}s"
    return f"{plural}{of}{rest}"


def counted(count: int | Decimal, unit: str, *verb: str) -> str:
    """A count with its unit: 1 day, 2,000 days; and the verb of one and of many: 1 line is, 2 lines are."""
    digits = f"{count.normalize():,f}" if isinstance(count, Decimal) else f"{count:,}"
    return " ".join(filter(None, (digits, units(unit, count), agreeing(count, *verb) if verb else "")))


def agreeing(count: int | Decimal, of_one: str, of_many: str) -> str:
    """The verb that agrees with a count."""
    return of_one if count == 1 else of_many


def day(value: date) -> str:
    """2 Oct 2026."""
    return f"{value.day} {value:%b %Y}"


def day_before(value: date) -> str:
    """The last day of a half-open span that ends at value."""
    return day(value - timedelta(days=1))


def span(first: date, last: date, between: str = "") -> str:
    """Days in a clause, both included: on 2 Oct 2026, or 2 Oct 2026 to 5 Oct 2026. between: before many."""
    return f"on {day(first)}" if first == last else f"{between}{day(first)} to {day(last)}"


def month(value: date) -> str:
    """October 2026."""
    return f"{value:%B %Y}"


def moment(value: datetime) -> str:
    """2 Oct 2026, 14:03 UTC."""
    at = value.astimezone(UTC)
    return f"{day(at)}, {at:%H:%M} UTC"
