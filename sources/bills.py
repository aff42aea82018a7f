"""Lines of a bill, as sources of costs make them: pages to the end, money by its literal, equal lines added up."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from sources.checks.allowed import Allowed, fields
from sources.checks.undocumented import Undocumented, fault_of, kind_of
from sources.contracts import COSTS
from sources.day import Day
from sources.errors import ContractBroken, PullTruncated
from sources.reading import SUMMED, Reading
from sources.rows import Row, reading
from sources.source import Source

MOST_PAGES = 1000
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
T = TypeVar("T", bound="Page")


class Page(Protocol):
    """A page of an answer that says whether there are more, and by which token."""

    @property
    def has_more(self) -> bool: ...

    @property
    def next_page(self) -> str | None: ...


def every_page(what: str, ask: Callable[[str | None], T]) -> Iterator[T]:
    """All pages, `ask(token)` giving one. ContractBroken where more are promised and no new token is given, and
    PullTruncated after MOST_PAGES: a bill in part is none.
    """
    seen: set[str | None] = {None}
    token: str | None = None
    while True:
        page = ask(token)
        yield page
        if not page.has_more:
            return
        token = page.next_page
        if token in seen:
            raise ContractBroken(f"{what}: more pages are promised, and no new one is named")
        seen.add(token)
        if len(seen) > MOST_PAGES:
            raise PullTruncated(f"{what}: pages do not end after {MOST_PAGES}")


def bill_line(
    answer: Mapping[str, Any],
    *,
    scope: tuple[str, str | None],
    service: str,
    line_item: str,
    amount: Decimal | None,
    currency: str | None,
    amount_told: str | None = None,
    amount_unit: str | None = None,
    quantity: Decimal | None = None,
    quantity_unit: str | None = None,
    payer: str = "provider_account",
) -> Row:
    """A line of grain day. `scope` is a kind and its value, None for what the provider attributes to none.

    The literal of an amount is kept with its unit; without an amount there is no currency.
    """
    kind, value = scope
    return Row(
        {
            "grain": "day",
            "scope_kind": kind if value else None,
            "scope_ref": value or None,
            "service": service,
            "line_item": line_item,
            "quantity": quantity,
            "quantity_unit": quantity_unit if quantity is not None else None,
            "amount": amount,
            "currency": currency.upper() if amount is not None and currency else None,
            "amount_told": amount_told,
            "amount_unit": amount_unit if amount_told is not None else None,
            "payer": payer,
        },
        answer,
    )


def checked(make: Callable[[Mapping[str, Any]], Row], answers: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """A row of each answer; one that cannot be made is set aside by itself, with why."""
    for answer in answers:
        try:
            yield make(answer)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            yield Row({}, answer, fault=fault_of(error))


def number(value: Any) -> Decimal:
    """A number of an answer, told as a JSON number or as its text, digit for digit. Undocumented for anything else."""
    is_text = isinstance(value, str) and bool(_NUMBER.fullmatch(value))
    if not is_text and (isinstance(value, bool) or not isinstance(value, int | Decimal)):
        raise Undocumented(f"{kind_of(value)} stands where a number is")
    return Decimal(value)


def of_cents(cents: Decimal) -> Decimal:
    """Hundredths made whole units, with every digit. TypeError for what is no finite number."""
    sign, digits, exponent = cents.as_tuple()
    return Decimal((sign, digits, exponent - 2))  # type: ignore[operator] # a letter where it is not finite


def literal(value: Any) -> str:
    """A number as the provider wrote it."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def bill(source: Source, rows: Iterable[Row], day: Day) -> Reading:
    """The day's lines, those that nothing tells apart added up, and how many those were among the totals."""
    lines = summed(rows)
    found = reading(source, lines, day)
    if added := sum(len(row.answer[SUMMED]) - 1 for row in lines if SUMMED in row.answer):
        found.totals[SUMMED] = Decimal(added)
    return found


def fields_of_lines(names: str, **parts: str) -> tuple[Allowed, tuple[str, ...]]:
    """`stored` and `facts` of a source whose lines have these plain fields, and `parts` that have fields again: none of
    them is personal.
    """
    shape = {**fields(names), **{name: fields(inside) for name, inside in parts.items()}}
    return Allowed({**shape, SUMMED: [shape]}), (*shape, SUMMED)


def summed(rows: Iterable[Row]) -> list[Row]:
    """The rows, those that nothing tells apart added up: neither is lost, and the payload has both.

    What differs in currency, unit or payer is left as it is, and refused by `sources.rows.reading`.
    """
    merged: dict[tuple[Any, ...], Row] = {}
    for at, row in enumerate(rows):
        key: tuple[Any, ...] = (at,) if row.fault else tuple(row.values.get(name) for name in COSTS.key)
        while key in merged and not _add_up(merged[key], row):
            key = (*key, None)
        merged[key] = _sum(merged[key], row) if key in merged else row
    return list(merged.values())


def _add_up(one: Row, other: Row) -> bool:
    """Whether two lines of one key are of one kind of money."""
    alike = ("currency", "quantity_unit", "amount_unit", "payer")
    return all(one.values.get(name) == other.values.get(name) for name in alike)


def _sum(one: Row, other: Row) -> Row:
    parts = [*one.answer.get(SUMMED, [one.answer]), other.answer]
    values = {**one.values, "amount_told": f"{len(parts)} amounts, each in the payload"}
    for name in ("amount", "quantity"):
        known = [row.values[name] for row in (one, other)]
        values[name] = None if None in known else sum(known, Decimal(0))
    return Row(values, {SUMMED: parts})
