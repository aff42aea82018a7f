"""Rounding and price models. Amounts are exact fractions until a line rounds them, once."""

from decimal import Decimal
from fractions import Fraction

from tests.oracle.worlds.book import Price, Tier

WITHOUT_MINOR_UNIT = {
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF",
    "XPF",
}  # fmt: skip


def decimals(currency: str) -> int:
    """Digits of the smallest amount that is charged: of a dinar's thousandths, tens are."""
    return 0 if currency in WITHOUT_MINOR_UNIT else 2


def rounded(amount: Fraction | Decimal | int, digits: int) -> Decimal:
    """Half away from zero."""
    exact = Fraction(amount) * 10**digits
    sign = -1 if exact < 0 else 1
    whole = (2 * abs(exact).numerator + exact.denominator) // (2 * exact.denominator)
    return Decimal(sign * whole).scaleb(-digits)


def to_minor_unit(amount: Fraction | Decimal | int, currency: str) -> Decimal:
    return rounded(amount, decimals(currency))


def started(quantity: int, size: int) -> int:
    """How many parts of size a quantity has begun."""
    return -(-quantity // size)


def priced(price: Price, overage: int) -> tuple[int, Fraction]:
    """How many units of the overage the price covers, and what they amount to, unrounded.

    What lies above a bounded last tier has no price.
    """
    if overage == 0:
        return 0, Fraction(0)
    if price.model == "per_unit":
        return overage, overage * _exact(price.unit_amount)
    if price.model == "package":
        assert price.package_size is not None
        return overage, started(overage, price.package_size) * _exact(price.unit_amount)
    if price.model == "graduated":
        return _graduated(price.tiers, overage)
    if price.model == "volume":
        tiers = _ascending(price.tiers)
        reached = next((tier for tier in tiers if tier.up_to is None or overage <= tier.up_to), tiers[-1])
        covered = overage if reached.up_to is None else min(overage, reached.up_to)
        return covered, covered * _exact(reached.unit_amount)
    raise ValueError(f"no such price model: {price.model}")


def _graduated(tiers: tuple[Tier, ...], overage: int) -> tuple[int, Fraction]:
    covered, amount = 0, Fraction(0)
    for tier in _ascending(tiers):
        upper = overage if tier.up_to is None else min(overage, tier.up_to)
        if upper > covered:
            amount += (upper - covered) * _exact(tier.unit_amount)
            covered = upper
    return covered, amount


def _ascending(tiers: tuple[Tier, ...]) -> list[Tier]:
    return sorted(tiers, key=lambda tier: (tier.up_to is None, tier.up_to or 0))


def _exact(amount: Decimal | None) -> Fraction:
    assert amount is not None
    return Fraction(amount)
