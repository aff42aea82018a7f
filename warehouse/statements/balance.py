"""Whether the books balance: of each line, what was stated and all its corrections sum to what it is rated at now.

Owns no table; `marts.fct_line_balances` compares, of every build. A line that does not balance is a defect of ours: its
tenant's statements are not approved and nothing of it is posted, and no reason overrides that. Other tenants' go on.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal

from warehouse.blocker import Blocker
from warehouse.database.queries import Connection, first, rows
from warehouse.finding import Finding, Hint, Step, Subject
from warehouse.marts.freshness import MartsBehind

FILE = "statements/balance"


@dataclass(frozen=True)
class Imbalance:
    """A line that does not balance."""

    line_id: str
    tenant_id: str
    currency: str
    rated_quantity: Decimal
    stated_quantity: Decimal
    rated_amount: Decimal
    stated_amount: Decimal

    def finding(self, period_start: date | None = None) -> Finding:
        """Of the tenant, or of the statement that it blocks."""
        return Finding(Blocker.UNBALANCED, Subject(self.tenant_id, period_start, ids=(self.line_id,)), asdict(self))


def imbalances(connection: Connection, tenant_ids: Sequence[str] | None = None) -> list[Imbalance]:
    """Lines that do not balance, of these tenants or of all. Raises MartsBehind where no build has compared them."""
    known = first(connection, FILE, "is_built")
    if known is None or not known["is_built"]:
        raise MartsBehind("the marts do not say yet whether the books balance", Hint(Step.BUILD))
    chosen = None if tenant_ids is None else list(tenant_ids)
    return [Imbalance(**row) for row in rows(connection, FILE, "imbalances", tenant_ids=chosen)]
