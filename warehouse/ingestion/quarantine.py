"""Rows that break their source's contract, set aside by themselves, until each is repaired, assigned or accepted.

A pull that reads the row well repairs it, a hand may assign it to a tenant, and a person may accept that it is not
billed. Owns `ledger.acceptances` of them; the rows themselves are the pulls' (`warehouse.ingestion.pulls`).
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from warehouse.blocker import Blocker, blocks
from warehouse.control.agents import Attachment, attach
from warehouse.control.changes import Action, Change
from warehouse.control.errors import Refused
from warehouse.database.queries import Connection, Row, execute, first, rows
from warehouse.finding import Finding, Hint, Step
from warehouse.words import counted, day

FILE = "ingestion/quarantine"
LONGEST_CALL = timedelta(hours=12)  # no provider of calls lets one last longer


def standing(connection: Connection, tenant_id: str | None = None) -> list[Row]:
    """Rows set aside of what is published now, newest day first; a tenant's, and those that may be anybody's."""
    return rows(connection, FILE, "standing", tenant_id=tenant_id)


def blockers(connection: Connection, asked: Mapping[str, object]) -> list[Finding]:
    """The rows that stand in the way of approving statements, each named. asked: as `blocking.windows_of` has them."""
    return [blocks(Blocker.SET_ASIDE, row) for row in rows(connection, FILE, "that_blocks", **asked)]


def accept(connection: Connection, quarantine_id: int, reason: str, seconds: Decimal | None = None) -> Change:
    """Settle a row as long as it is read as it is now: it stays out of every sum, or, a call that breaks nothing but
    the bounds of its length, is billed as if it had lasted so many seconds.

    Raises Refused without a reason, and for a length that no call or not this row can have.
    """
    if not reason.strip():
        raise Refused("say why the row is accepted: --reason")
    row = _require(connection, quarantine_id)
    if seconds is not None:
        _require_length(row, seconds)
    with connection.transaction():
        asked = {"quarantine_id": quarantine_id, "reason": reason.strip(), "seconds": seconds}
        written = execute(connection, FILE, "accept", **asked)
    becomes = "stays out of every sum" if seconds is None else f"is billed at {counted(seconds, 'second')}"
    return Change(f"{row_in_words(row)} {becomes}", Action.CREATED if written else Action.UNCHANGED)


def _require_length(row: Row, seconds: Decimal) -> None:
    if row["length_from"] is None:
        other = f"has another fault than its length ({row['reason']})"
        raise Refused(f"{row_in_words(row)} {other}; leave it out, or have it repaired")
    longest = Decimal(int(LONGEST_CALL.total_seconds()))
    if not 0 <= seconds <= longest or seconds != seconds.quantize(Decimal("0.001")):
        raise Refused(f"a call lasts at most {counted(longest, 'second')}, to the millisecond, and not {seconds}")


def assign(connection: Connection, quarantine_id: int, tenant_id: str, agent_id: str, moves: bool = False) -> Change:
    """Settle whose a row of a shared account is. Raises Refused where the account or its agent decides that."""
    row = _require(connection, quarantine_id)
    if row["account"] != "platform":
        raise Refused(f"{row_in_words(row)} is of {row['account']}'s own account, and so its own")
    if row["kind_of_one_row"] is None:
        ids = ", ".join(f"{kind} {value}" for kind, value in row["scopes"].items()) or "no id of it can be read"
        raise Refused(f"{row_in_words(row)}: attach its agent instead ({ids})", Hint(Step.ATTACH_AGENT))
    return attach(
        connection,
        Attachment(tenant_id, agent_id, row["kind_of_one_row"], row["item"], row["usage_date"]),
        moves,
    )


def _require(connection: Connection, quarantine_id: int) -> Row:
    row = first(connection, FILE, "one", quarantine_id=quarantine_id)
    if row is None:
        raise Refused(f"nothing is set aside under {quarantine_id}", Hint(Step.LIST_QUARANTINE))
    if not row["is_current"]:
        raise Refused(f"{row_in_words(row)} was pulled again since", Hint(Step.LIST_QUARANTINE))
    return row


def row_in_words(row: Mapping[str, Any]) -> str:
    """Which row it is: contract, item, source, usage_date."""
    kind = "call" if row["contract"] == "calls" else "row"
    return f"{kind} {row['item']} of {row['source']} on {day(row['usage_date'])}"
