"""How amounts, quantities, dates and states look, on pages and in packs alike."""

from decimal import ROUND_HALF_UP, Context, Decimal

from markupsafe import Markup

from orchestration.plain import plain
from warehouse.currency import decimals
from warehouse.words import agreeing, counted, day, day_before, moment, month, units

_STATES = {"open": "open", "in_review": "in review", "approved": "approved", "closed": "closed"}
MINUS = "\u2212"
_ANY_LENGTH = Context(prec=100)


def money(amount: Decimal | None, currency: str) -> str:
    """An amount in the decimals of its currency, without the code; an em dash for none."""
    return "\u2014" if amount is None else _signed(_rounded(amount, decimals(currency)), amount)


def change(now: Decimal | None, former: Decimal | None) -> str:
    """By how much now differs from former, in percent with its sign; empty where there is nothing to compare."""
    if now is None or not former:
        return ""
    percent = (now - former) * 100 / abs(former)
    rounded = _rounded(percent, 0)
    return "\u00b10 %" if rounded == "0" else f"{'+' if percent > 0 else MINUS}{rounded} %"


def percent(value: Decimal | None) -> str:
    """A number of percent with two decimals."""
    return "\u2014" if value is None else _signed(_rounded(value, 2), value) + " %"


def share(value: Decimal | None) -> str:
    """A share of one in whole percent, rounded down: 0.9999 is not all of it."""
    return "\u2014" if value is None else f"{int(value * 100)} %"


def quantity(value: int | Decimal | None) -> str:
    """A count with thousands separated; an em dash for none."""
    return "" if value is None else _signed(f"{abs(value):,}", value)


def state(value: str) -> str:
    """A period's state in words."""
    return _STATES[value]


def capitalised(words: str) -> str:
    """The words with a capital first, the rest as it is."""
    return words[:1].upper() + words[1:]


def meter(value: str | None) -> str:
    """A meter's id as words."""
    return "" if value is None else value.replace("_", " ")


def duration(seconds: Decimal | None) -> str:
    """1:02:03 or 2:03, fractions of a second left out; an em dash for none."""
    if seconds is None:
        return "\u2014"
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def fine(amount: Decimal | None, currency: str) -> str:
    """An amount of a single call or minute, in two decimals more than its currency has; an em dash for none."""
    return "\u2014" if amount is None else _signed(_rounded(amount, decimals(currency) + 2), amount)


def command(value: str) -> Markup:
    """A command whose words are kept whole where lines break."""
    return Markup("\n").join(
        Markup(" ").join(Markup("<span>{}</span>").format(word) for word in line.split(" "))
        for line in value.split("\n")
    )


def _rounded(value: Decimal, places: int) -> str:
    """Half away from zero, as statements are, without its sign."""
    shown = value.copy_abs().quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _ANY_LENGTH)
    return f"{shown:,f}"


def _signed(digits: str, value: Decimal | int) -> str:
    return f"{MINUS}{digits}" if value < 0 and any(digit in "123456789" for digit in digits) else digits


FILTERS = {
    function.__name__: function
    for function in (
        money,
        change,
        percent,
        share,
        quantity,
        units,
        counted,
        agreeing,
        plain,
        day,
        day_before,
        month,
        moment,
        state,
        capitalised,
        meter,
        command,
        duration,
        fine,
    )
}
