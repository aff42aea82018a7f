"""What is found of a line of a final invoice, and what we hold to compare it with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from warehouse.stripe.accounts import Moved

Row = Mapping[str, Any]


class Code(StrEnum):
    """What is wrong with a line."""

    NOT_APPROVED = "not approved"
    NOT_POSTED = "not posted"
    NOTE_REFUSED = "credit note refused"
    GONE = "gone at Stripe"
    VOIDED = "voided"
    UNCOLLECTED = "on no invoice"
    HELD = "held as a draft"
    UNCOLLECTIBLE = "uncollectible"
    DIFFERS = "differs"
    NOT_OURS = "not ours"
    NOTE_NOT_OURS = "credit note not ours"
    REFUND = "refund"
    DISCOUNT = "discount"
    BALANCE = "customer balance"
    PAID_ELSEWHERE = "paid elsewhere"
    TOTAL = "total differs"
    OTHER_ACCOUNT = "in another account"
    UNREADABLE = "not readable"


@dataclass(frozen=True, slots=True)
class FinalLine:
    """One line of both. line: of the statement, or the object of Stripe's that no statement has.

    waits: what is still to come before it can be judged. code: the finding, in words and with what resolves it.
    """

    tenant_id: str
    period_start: date
    line: str
    ours: Decimal
    stripe: Decimal
    accepted: Decimal
    currency: str
    invoices: tuple[str, ...] = ()
    waits: str | None = None
    code: Code | None = None
    what: str | None = None
    what_to_do: str | None = None

    @property
    def difference(self) -> Decimal:
        return self.stripe - self.ours


@dataclass(frozen=True, slots=True)
class Ours:
    """What we hold of one tenant: lines of its statements, items, what is owed of meters, what a person accepted."""

    lines: Sequence[Row]
    items: Sequence[Row]
    owed: Mapping[tuple[date, str], Decimal | None]
    accepted: Mapping[str, Decimal]
    moved: Moved | None = None
