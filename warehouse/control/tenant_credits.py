"""Credits: what a tenant is owed, used by its statements last of all, the one that expires soonest first.

Owns `control.credits` and `control.credit_voids`; nothing in them is ever changed. A statement that is approved keeps
what it used.
"""

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal

from warehouse.control import guard
from warehouse.control.changes import Action, Change
from warehouse.control.errors import NotFound, Refused
from warehouse.control.tenants import require_tenant
from warehouse.currency import decimals
from warehouse.database.queries import Connection, Row, execute, first, rows
from warehouse.words import counted, day

FILE = "control/tenant_credits"


@dataclass(frozen=True)
class Credit:
    """An amount in the tenant's currency. A statement whose period has a day of [valid_from, expires_on) uses it."""

    tenant_id: str
    amount: Decimal
    valid_from: date
    reason: str
    expires_on: date | None = None


def give(connection: Connection, credit: Credit) -> Change:
    """Give a credit; one that equals a credit in force is that credit.

    Raises Refused for a credit that no statement can ever use.
    """
    what = f"credit of {credit.amount:f} for {credit.tenant_id} from {credit.valid_from}"
    require_tenant(connection, credit.tenant_id)
    with connection.transaction():
        guard.lock(connection)
        if (same := first(connection, FILE, "same", **asdict(credit))) is not None:
            detail = f"credit {same['credit_id']} says the same; another reason makes another"
            return Change(what, Action.UNCHANGED, detail)
        _require_usable(connection, what, credit)
        given = first(connection, FILE, "give", **asdict(credit))
    assert given is not None  # noqa: S101  an insert returns its row
    return Change(what, Action.CREATED, f"credit {given['credit_id']}")


def void(connection: Connection, credit_id: int, reason: str) -> Change:
    """Take back what is left of a credit. Raises NotFound, and Refused where nothing is left."""
    what = f"credit {credit_id}"
    if not reason.strip():
        raise Refused(f"{what}: to take it back needs a reason")
    with connection.transaction():
        guard.lock(connection)
        found = credits_of(connection, date.max, credit_id=credit_id)
        if not found:
            known = [str(row["credit_id"]) for row in credits_of(connection, date.max)]
            raise NotFound("credit", str(credit_id), known)
        (credit,) = found
        if credit["state"] == "void":
            return Change(what, Action.UNCHANGED, f"void since {day(credit['voided_at'])}: {credit['void_reason']}")
        if not credit["balance"] > 0:
            raise Refused(f"{what}: approved statements used all of it; reopen one to change that")
        left = {"tenant_id": credit["tenant_id"], "taken_back": credit["balance"]}
        execute(connection, FILE, "void", credit_id=credit_id, reason=reason, **left)
    detail = f"{credit['balance']:f} of {credit['amount']:f} {credit['currency']} taken back"
    return Change(what, Action.CHANGED, detail)


def credits_of(
    connection: Connection, today: date, tenant_id: str | None = None, credit_id: int | None = None
) -> list[Row]:
    """Credits with what approved statements used of them, their balance and state."""
    return rows(connection, FILE, "credits", today=today, tenant_id=tenant_id, credit_id=credit_id)


def _require_usable(connection: Connection, what: str, credit: Credit) -> None:
    if credit.expires_on is not None and credit.expires_on <= credit.valid_from:
        raise Refused(f"{what}: it must expire after its first day")
    if not credit.reason.strip():
        raise Refused(f"{what}: it needs a reason")
    use = first(connection, FILE, "use", **asdict(credit))
    assert use is not None  # noqa: S101  the tenant was found before
    digits = decimals(use["currency"])
    if not credit.amount.is_finite() or credit.amount <= 0:
        raise Refused(f"{what}: the amount must be above 0")
    if credit.amount != round(credit.amount, digits):
        raise Refused(f"{what}: {use['currency']} has {counted(digits, 'decimal')}, and a smaller part is never used")
    if not use["is_usable"]:
        until = f" until {day(credit.expires_on)}" if credit.expires_on else ""
        raise Refused(
            f"{what}: no statement can use it, for all statements of its days{until} are approved or never were;"
            " let it expire later"
        )
