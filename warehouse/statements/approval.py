"""The one way a statement is approved: whoever asks, the same is demanded, and nothing else freezes lines.

Of each tenant in a transaction of its own, while no build runs and no version is written: the marts know everything,
the known answer is right, the books balance, nothing else stands in the way. Only of that last a person may say that
it is meant, by name and with a reason.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from warehouse.blocker import Blocker
from warehouse.control.errors import Refused
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection, Row, execute
from warehouse.finding import Finding
from warehouse.marts.freshness import MartsBehind, require_fresh, standing_still
from warehouse.statements import canary, explain, issuing, periods
from warehouse.statements.blocking import Key, blockers, by_statement, key_of, windows_of
from warehouse.statements.canary import Distrust
from warehouse.statements.periods import Month

FILE = "statements/approval"


class WhomToName(WarehouseError):
    """A reason to override was given for nobody in particular. tenant_ids: who is blocked by what may be overridden."""

    def __init__(self, tenant_ids: Sequence[str]) -> None:
        self.tenant_ids = tuple(tenant_ids)
        blocked = f"{len(self.tenant_ids)} are blocked" if self.tenant_ids else "nothing that blocks may be overridden"
        super().__init__(f"an override names its tenants; {blocked}")


@dataclass(frozen=True)
class Scope:
    """Statements of the periods that start in a month: all, those of named tenants, or named ones."""

    month: Month
    tenant_ids: Sequence[str] | None = None
    statements: Sequence[Key] | None = None

    @property
    def names_tenants(self) -> bool:
        """Whether somebody said whose they are."""
        return self.tenant_ids is not None or self.statements is not None

    def read(self, connection: Connection, tenant_ids: Sequence[str] | None = None) -> list[Row]:
        """The statements, or those of them that are of these tenants."""
        named = self.tenant_ids if self.statements is None else [tenant_id for tenant_id, _ in self.statements]
        found = periods.statements(connection, self.month, named if tenant_ids is None else tenant_ids)
        return [row for row in found if self.statements is None or key_of(row) in self.statements]


@dataclass(frozen=True)
class Outcome:
    """What became of a statement: approved now (lines, and the hash that seals them), unchanged since it was approved
    before, or refused, and why. found: what stood in the way, and was meant where it is approved."""

    tenant_id: str
    period_start: date
    result: str
    lines: int | None = None
    manifest_hash: str | None = None
    why: str | None = None
    found: tuple[Finding, ...] = ()


def approve(
    connection: Connection,
    scope: Scope,
    actor: str,
    *,
    today: date,
    override: str | None = None,
    in_turn: Callable[[list[str]], Iterable[str]] = iter,
    patience: float = 0,
) -> list[Outcome]:
    """Freeze the statements of a scope, each tenant's in a transaction of its own: no other's refusal undoes it.

    Within a transaction of the caller's they are savepoints of it, and stay only if that is committed.

    Args:
        override: why statements are approved although something stands in the way that a person may judge.
        in_turn: given the tenants in order; a caller shows progress by it.
        patience: seconds that a build under way is waited for, once for each tenant.

    Raises:
        WhomToName: a reason to override was given for nobody in particular.
    """
    with connection.transaction():
        statements = scope.read(connection)
    if override and not scope.names_tenants:
        raise WhomToName(_whom_to_name(connection, statements, today))
    outcomes: list[Outcome] = []
    for tenant_id in in_turn(list(dict.fromkeys(row["tenant_id"] for row in statements))):
        with standing_still(connection, patience):
            outcomes += _approve_tenant(connection, scope, tenant_id, actor, today, override)
    return outcomes


def obstacle(connection: Connection, today: date, tenant_ids: Sequence[str]) -> Finding | None:
    """Why no statement of these tenants can be trusted now; None where they can be."""
    try:
        require_fresh(connection, today, tenant_ids)
    except MartsBehind as error:
        return Finding(Distrust.MARTS_BEHIND, facts={"message": str(error)})
    return canary.verdict(connection).finding


def _approve_tenant(
    connection: Connection, scope: Scope, tenant_id: str, actor: str, today: date, override: str | None
) -> list[Outcome]:
    statements = scope.read(connection, [tenant_id])
    if distrust := obstacle(connection, today, [tenant_id]):
        return [_outcome(row, "refused", found=(distrust,)) for row in statements]
    return [_approve_one(connection, row, actor, today, override) for row in statements]


def _approve_one(connection: Connection, statement: Row, actor: str, today: date, override: str | None) -> Outcome:
    tenant_id, start = key_of(statement)
    if periods.state_of(connection, tenant_id, start) in periods.FROZEN:
        return _outcome(statement, "unchanged", manifest_hash=statement["manifest_hash"])
    found = blockers(connection, [statement], today)
    absolute = [one for one in found if not Blocker(one.code).may_be_overridden]
    if absolute or (found and not override):
        return _outcome(statement, "refused", found=tuple(absolute or found))
    try:
        with connection.transaction():
            seal = _freeze(connection, statement, actor, override if found else None)
    except Refused as error:
        return _outcome(statement, "refused", why=str(error))
    why = f"overridden: {override}" if found else None
    return _outcome(statement, "approved", seal["lines"], seal["manifest_hash"], why, tuple(found))


def _freeze(connection: Connection, statement: Row, actor: str, reason: str | None) -> Row:
    tenant_id, start = key_of(statement)
    execute(connection, FILE, "know_gaps", **windows_of(connection, [statement]))
    periods.set_state(connection, statement, "in_review", actor)
    execute(connection, FILE, "freeze_lines", tenant_id=tenant_id, period_start=start)
    explain.freeze(connection, tenant_id, start)
    seal = periods.seal_of(connection, tenant_id, start)
    periods.set_state(connection, statement, "approved", actor, reason, seal["manifest_hash"])
    execute(connection, FILE, "keep_cost", tenant_id=tenant_id, period_start=start)
    issuing.issue(connection, tenant_id, start, actor)
    return seal


def _whom_to_name(connection: Connection, statements: Sequence[Row], today: date) -> list[str]:
    """The tenants whose statements are blocked by nothing but what a person may judge."""
    pending = [row for row in statements if row["state"] not in periods.FROZEN]
    with connection.transaction():
        found = by_statement(blockers(connection, pending, today))
    return list(
        dict.fromkeys(
            str(tenant_id)
            for (tenant_id, _), of_one in found.items()
            if all(Blocker(one.code).may_be_overridden for one in of_one)
        )
    )


def _outcome(
    statement: Row,
    result: str,
    lines: int | None = None,
    manifest_hash: str | None = None,
    why: str | None = None,
    found: tuple[Finding, ...] = (),
) -> Outcome:
    return Outcome(statement["tenant_id"], statement["period_start"], result, lines, manifest_hash, why, found)
