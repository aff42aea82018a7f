"""How amounts look: rounded as statements are."""

from decimal import Decimal

import pytest

from orchestration.reports.formats import MINUS, change, fine, money, percent


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("0.465", "USD", "0.47"), ("-0.465", "USD", f"{MINUS}0.47"), ("0.5", "JPY", "1"), ("0.005", "KWD", "0.01"),
     ("2.345", "USD", "2.35"), ("-0.004", "USD", "0.00"), ("1234567.885", "USD", "1,234,567.89"),
     ("123456789012345678901234567890.125", "USD", "123,456,789,012,345,678,901,234,567,890.13")],
)  # fmt: skip
def test_an_amount_is_shown_rounded_half_away_from_zero(amount: str, currency: str, shown: str) -> None:
    assert money(Decimal(amount), currency) == shown


def test_so_is_whatever_else_is_rounded_for_a_reader() -> None:
    assert fine(Decimal("0.00125"), "USD") == "0.0013"
    assert percent(Decimal("12.345")) == "12.35 %"
    assert change(Decimal("101.25"), Decimal("90")) == "+13 %"
