"""Rows that break their source's contract, set aside by themselves, until each is repaired, assigned or accepted.

A pull that reads the row well repairs it, a hand may assign it to a tenant, and a person may accept that it is not
billed. Owns `ledger.acceptances` of them; the rows themselves are the pulls' (`warehouse.ingestion.pulls`).
"""

import shlex
from collections.abc import Mapping

from warehouse.control.agents import Attachment, attach
from warehouse.control.changes import Action, Change, Connection, Row, execute, first, rows
from warehouse.control.errors import Refused
from warehouse.statements.blocker import Blocker, Kind

FILE = "ingestion/quarantine"


def standing(connection: Connection, tenant_id: str | None = None) -> list[Row]:
    """Rows set aside of what is published now, newest day first; a tenant's, and those that may be anybody's."""
    return rows(connection, FILE, "standing", tenant_id=tenant_id)


def blockers(connection: Connection, asked: Mapping[str, object]) -> list[Blocker]:
    """The rows that stand in the way of approving statements, each named. asked: as of `review_rules.doubts`."""
    return [_blocker(row) for row in rows(connection, FILE, "that_blocks", **asked)]


def accept(connection: Connection, quarantine_id: int, reason: str) -> Change:
    """Settle that a row stays out of every sum, as long as it is told as it is now. Raises Refused without a reason."""
    if not reason.strip():
        raise Refused("say why the row is left out: --reason")
    row = _require(connection, quarantine_id)
    with connection.transaction():
        written = execute(connection, FILE, "accept", quarantine_id=quarantine_id, reason=reason.strip())
    return Change(f"{_what(row)} stays out of every sum", Action.CREATED if written else Action.UNCHANGED)


def assign(connection: Connection, quarantine_id: int, tenant_id: str, agent_id: str, moves: bool = False) -> Change:
    """Settle whose a row of a shared account is. Raises Refused where the account or its agent decides that."""
    row = _require(connection, quarantine_id)
    if row["account"] != "platform":
        raise Refused(f"{_what(row)} is of {row['account']}'s own account, and so its own")
    if row["kind_of_one_row"] is None:
        ids = ", ".join(f"{kind} {value}" for kind, value in row["scopes"].items()) or "no id of it can be read"
        raise Refused(f"{_what(row)}: attach its agent instead ({ids}): minutebook agent attach --help")
    return attach(
        connection,
        Attachment(tenant_id, agent_id, row["kind_of_one_row"], row["item"], row["usage_date"]),
        moves,
    )


def _require(connection: Connection, quarantine_id: int) -> Row:
    row = first(connection, FILE, "one", quarantine_id=quarantine_id)
    if row is None:
        raise Refused(f"nothing is set aside under {quarantine_id}; see: minutebook quarantine list")
    if not row["is_current"]:
        raise Refused(f"{_what(row)} was pulled again since; see: minutebook quarantine list")
    return row


def _blocker(row: Row) -> Blocker:
    whose = "" if row["is_routed"] else "; it routes to nobody (minutebook quarantine assign --help)"
    accepting = ["minutebook", "quarantine", "accept", str(row["quarantine_id"])]
    return Blocker(
        row["tenant_id"],
        row["period_start"],
        Kind.SET_ASIDE,
        f"{_what(row)} is set aside: {row['reason']}{whose}",
        shlex.join([*accepting, "--reason", "looked at: not to be billed"]),
    )


def _what(row: Row) -> str:
    kind = "call" if row["contract"] == "calls" else "row"
    return f"{kind} {row['item']} of {row['source']} on {row['usage_date']}"
