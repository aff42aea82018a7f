"""Periods: open → in review → approved → closed, and the lines frozen at approval.

Owns `ledger.periods` and `ledger.statement_lines`. Does not own what a statement says: that is read from the marts. To
approve is `warehouse.statements.approval`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from warehouse.control import guard
from warehouse.control.errors import Refused
from warehouse.database.queries import Connection, Row, execute, first, rows
from warehouse.finding import Hint, Step
from warehouse.statements import explain
from warehouse.words import month

FILE = "statements/periods"
FROZEN = frozenset({"approved", "closed"})
"""The states in which the lines stand as they were approved."""


@dataclass(frozen=True)
class Month:
    """The periods that start in a calendar month; with its own anchor day each tenant has its own window."""

    start: date
    end: date

    @classmethod
    def parse(cls, text: str) -> "Month":
        """From YYYY-MM. Raises ValueError."""
        year, month = text.split("-")
        if len(year) != 4 or len(month) != 2:
            raise ValueError(text)
        start = date(int(year), int(month), 1)
        return cls(start, date(start.year + start.month // 12, start.month % 12 + 1, 1))

    def __str__(self) -> str:
        return f"{self.start:%Y-%m}"


def months(connection: Connection) -> list[Row]:
    """Calendar months in which periods start, the newest first, as `month_start`."""
    return rows(connection, FILE, "months")


def statements(connection: Connection, month: Month, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """The statements of the periods that start in a month, each with its margin, state and `ends_on`."""
    return rows(connection, FILE, "statements", **_of(month, tenant_ids))


def beside(connection: Connection, month: Month) -> list[Row]:
    """Of the same statements: whose each is, and the total of the tenant's period before."""
    return rows(connection, FILE, "beside", month_start=month.start, month_end=month.end)


def statements_of(connection: Connection, tenant_id: str) -> list[Row]:
    """A tenant's statements, the newest first, with the state that the marts know."""
    return rows(connection, FILE, "statements_of", tenant_id=tenant_id)


def states_of(connection: Connection, tenant_id: str) -> dict[date, str]:
    """The state of each of a tenant's periods that anybody has decided about, as of now."""
    return {row["period_start"]: row["state"] for row in rows(connection, FILE, "states_of", tenant_id=tenant_id)}


def lines(connection: Connection, month: Month, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """The lines of those statements as the marts have them now."""
    return rows(connection, FILE, "lines", **_of(month, tenant_ids))


def begin_review(connection: Connection, statement: Row, actor: str) -> bool:
    """Move an open period to in review; it still takes changes. Returns whether it was open."""
    with connection.transaction():
        guard.lock(connection)
        state = state_of(connection, statement["tenant_id"], statement["period_start"])
        if state == "open":
            set_state(connection, statement, "in_review", actor)
        return state == "open"


def close(connection: Connection, period: Row, actor: str) -> bool:
    """Close an approved period. Returns whether it was not closed before. Raises Refused unless it is approved."""
    with connection.transaction():
        guard.lock(connection)
        state = state_of(connection, period["tenant_id"], period["period_start"])
        if state == "closed":
            return False
        if state != "approved":
            raise Refused(
                f"{name_of(period)} is {state.replace('_', ' ')}; approve it first",
                Hint(Step.APPROVE, {"period_start": period["period_start"], "tenant_id": period["tenant_id"]}),
            )
        set_state(connection, period, "closed", actor, period["reason"], period["manifest_hash"])
    return True


def reopen(connection: Connection, period: Row, actor: str, reason: str) -> None:
    """Release the frozen lines (the audit log keeps them) and go back to in review.

    Raises Refused when the period is not approved, or frozen adjustments of a later one correct its lines.
    """
    tenant, start = period["tenant_id"], period["period_start"]
    with connection.transaction():
        guard.lock(connection)
        state = state_of(connection, tenant, start)
        if state not in FROZEN:
            raise Refused(f"{name_of(period)} is {state.replace('_', ' ')}: there is nothing to reopen")
        corrections = rows(connection, FILE, "frozen_corrections", tenant_id=tenant, period_start=start)
        if corrections:
            by = ", ".join(month(row["period_start"]) for row in corrections)
            raise Refused(
                f"{name_of(period)} is corrected by approved adjustments in {by}; reopen the newest of them first",
                Hint(Step.REOPEN, {"period_start": corrections[0]["period_start"], "tenant_id": tenant}),
            )
        explain.release(connection, tenant, start)
        execute(connection, FILE, "release_lines", tenant_id=tenant, period_start=start)
        set_state(connection, period, "in_review", actor, reason)


def periods_of(connection: Connection, month: Month, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """The periods that start in a month and have left the state open."""
    return rows(connection, FILE, "periods_of_month", **_of(month, tenant_ids))


def states_of_month(connection: Connection, month: Month, tenant_ids: Sequence[str] | None = None) -> list[Row]:
    """The statements of a month's periods, each with its period and state, open where nobody has decided."""
    return rows(connection, FILE, "states_of_month", **_of(month, tenant_ids))


def broken_seals(connection: Connection) -> list[Row]:
    """Approved and closed periods whose frozen lines no longer match their manifest hash."""
    return [
        row
        for row in rows(connection, FILE, "approved")
        if seal_of(connection, row["tenant_id"], row["period_start"])["manifest_hash"] != row["manifest_hash"]
    ]


def decision(connection: Connection, tenant_id: str, period_start: date) -> Row | None:
    """Who set a period to its state, when and why; None for one that was never reviewed."""
    return first(connection, FILE, "decision", tenant_id=tenant_id, period_start=period_start)


def _of(month: Month, tenant_ids: Sequence[str] | None) -> dict[str, object]:
    chosen = None if tenant_ids is None else list(tenant_ids)
    return {"month_start": month.start, "month_end": month.end, "tenant_ids": chosen}


def state_of(connection: Connection, tenant_id: str, period_start: date) -> str:
    """The state of a period, whose row is held until the transaction ends."""
    row = first(connection, FILE, "period", tenant_id=tenant_id, period_start=period_start)
    return "open" if row is None else str(row["state"])


def set_state(
    connection: Connection,
    period: Row,
    state: str,
    actor: str,
    reason: str | None = None,
    manifest_hash: str | None = None,
) -> None:
    """Move a period to a state, whatever it was in."""
    execute(
        connection,
        FILE,
        "set_state",
        tenant_id=period["tenant_id"],
        period_start=period["period_start"],
        period_end=period["period_end"],
        state=state,
        actor=actor,
        reason=reason,
        manifest_hash=manifest_hash,
    )


def seal_of(connection: Connection, tenant_id: str, period_start: date) -> Row:
    """The number of a period's frozen lines, and the hash of them and of what they were made of."""
    seal = first(connection, FILE, "manifest_hash", tenant_id=tenant_id, period_start=period_start)
    assert seal is not None  # noqa: S101  an aggregate always answers
    return seal


def name_of(period: Row) -> str:
    """A period in a sentence."""
    return f"the period of {month(period['period_start'])} of tenant {period['tenant_id']}"
