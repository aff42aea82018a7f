"""Lines of a bill: every page or none, money by its literal, equal lines added up and never lost."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest

from sources import bills
from sources.bills import bill_line, every_page, literal, number, summed
from sources.checks.undocumented import Undocumented
from sources.errors import ContractBroken, PullTruncated
from sources.reading import SUMMED
from sources.rows import Row


@dataclass
class Page:
    has_more: bool
    next_page: str | None
    rows: list[str] = field(default_factory=list)


def test_pages_are_read_to_the_last_and_each_is_asked_by_the_token_before() -> None:
    told = {None: Page(True, "b"), "b": Page(True, "c"), "c": Page(False, "d")}
    assert list(every_page("X", told.__getitem__)) == list(told.values())


def test_an_empty_page_in_the_middle_is_no_end() -> None:
    """Whether more follow is what a page says, and not whether it has rows."""
    told = {None: Page(True, "b", ["x"]), "b": Page(True, "c", []), "c": Page(False, None, ["y"])}
    assert [row for page in every_page("X", told.__getitem__) for row in page.rows] == ["x", "y"]


@pytest.mark.parametrize("second", [Page(True, None), Page(True, "b")])
def test_more_without_a_new_token_is_no_whole_bill(second: Page) -> None:
    with pytest.raises(ContractBroken, match="no new one is named"):
        list(every_page("X", {None: Page(True, "b"), "b": second}.__getitem__))


def test_pages_without_an_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bills, "MOST_PAGES", 3)
    with pytest.raises(PullTruncated):
        list(every_page("X", lambda token: Page(True, f"{token}x")))


@pytest.mark.parametrize("value", ["2.25", Decimal("2.25")])
def test_a_number_is_taken_as_number_or_text_digit_for_digit(value: object) -> None:
    assert (number(value), literal(value)) == (Decimal("2.25"), "2.25")


@pytest.mark.parametrize("value", [None, True, 1.5, [], {}])
def test_what_is_no_number_is_none(value: object) -> None:
    with pytest.raises(Undocumented):
        number(value)


def line(amount: str, item: str = "tokens", currency: str = "usd", quantity: str | None = None) -> Row:
    return bill_line(
        {"amount": amount},
        scope=("x_project", "p1"),
        service="llm",
        line_item=item,
        amount=Decimal(amount),
        currency=currency,
        amount_told=amount,
        amount_unit="dollars",
        quantity=None if quantity is None else Decimal(quantity),
        quantity_unit="tokens",
    )


def test_equal_lines_are_added_up_with_both_in_the_payload() -> None:
    one, other = summed(
        [line("0.1", quantity="3"), line("0.2", "seats"), line("0.2", quantity="4"), line("-0.05", quantity="1")]
    )
    assert (one.values["amount"], one.values["quantity"]) == (Decimal("0.25"), Decimal(8))
    assert one.answer == {SUMMED: [{"amount": "0.1"}, {"amount": "0.2"}, {"amount": "-0.05"}]}
    assert (other.values["amount"], other.answer) == (Decimal("0.2"), {"amount": "0.2"})


def test_two_currencies_are_never_added() -> None:
    assert [row.values["currency"] for row in summed([line("1"), line("1", currency="jpy")])] == ["USD", "JPY"]


def test_what_is_unknown_stays_unknown_in_a_sum() -> None:
    (row,) = summed([line("1", quantity="3"), line("1", quantity="3")])
    assert row.values["quantity"] == 6
    unknown = line("1")
    unknown.values["quantity_unit"] = "tokens"  # type: ignore[index]
    (row,) = summed([line("1", quantity="3"), unknown])
    assert (row.values["amount"], row.values["quantity"]) == (2, None)


def test_a_row_that_breaks_its_contract_is_left_alone() -> None:
    wrong = Row({}, {"x": 1}, fault="no")
    assert summed([wrong, line("1"), wrong]) == [wrong, line("1"), wrong]


def test_a_scope_that_is_not_named_is_no_scope() -> None:
    row = bill_line({}, scope=("x", ""), service="llm", line_item="a", amount=None, currency="usd", quantity_unit="t")
    assert [row.values[name] for name in ("scope_kind", "scope_ref", "currency", "quantity_unit")] == [None] * 4
