"""One list says how finely money is rounded: what a statement says, Stripe can charge."""

from decimal import ROUND_HALF_UP, Decimal

import pytest

from orchestration.marts.building import variables
from orchestration.reports.formats import money
from orchestration.stripe_billing.api.currency import from_minor, to_minor
from orchestration.stripe_billing.invoices.charging import charged
from warehouse.currency import NO_DECIMALS, decimals

CURRENCIES = (*NO_DECIMALS, "USD", "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
IN_TENS = ("BHD", "JOD", "KWD", "OMR", "TND")


@pytest.mark.parametrize("currency", CURRENCIES)
def test_an_amount_of_a_statement_is_exact_at_stripe_and_shown_with_all_its_digits(currency: str) -> None:
    line = Decimal("1234.5678").quantize(Decimal(1).scaleb(-decimals(currency)), ROUND_HALF_UP)
    assert from_minor(to_minor(line, currency), currency) == line
    assert money(line, currency) == f"{line:,}"
    assert to_minor(line, currency) % (10 if currency in IN_TENS else 100 if currency in {"ISK", "UGX"} else 1) == 0
    price = {"billing_scheme": "per_unit", "currency": currency.lower(), "unit_amount_decimal": "12.3456"}
    of_stripe = charged(price, 1001)
    assert to_minor(from_minor(of_stripe, currency), currency) == of_stripe


def test_dbt_rounds_by_the_same_list() -> None:
    assert all(currency in variables()[1] for currency in NO_DECIMALS)
