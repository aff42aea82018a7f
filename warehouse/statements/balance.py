"""Whether the books balance: of each line, what was stated and all its corrections sum to what it is rated at now.

Owns no table; `marts.fct_line_balances` compares, of every build. A line that does not balance is a defect of ours: its
tenant's statements are not approved and nothing of it is posted, and no reason overrides that. Other tenants' go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from warehouse.database.queries import Connection, first, rows
from warehouse.statements.freshness import MartsBehind

FILE = "statements/balance"
RUNBOOK = "docs/runbooks/the-books-do-not-balance.md"
MEND = "minutebook build --full-refresh"


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

    @property
    def what(self) -> str:
        """The line and both its sums, in a sentence."""
        return (
            f"the books do not balance: {self.line_id} is rated at {self.rated_quantity} units, {self.rated_amount} "
            f"{self.currency} now, and stated with its corrections at {self.stated_quantity}, {self.stated_amount}"
        )


def imbalances(connection: Connection, tenant_ids: Sequence[str] | None = None) -> list[Imbalance]:
    """Lines that do not balance, of these tenants or of all. Raises MartsBehind where no build has compared them."""
    known = first(connection, FILE, "is_built")
    if known is None or not known["is_built"]:
        raise MartsBehind("the marts do not say yet whether the books balance; run: minutebook build")
    chosen = None if tenant_ids is None else list(tenant_ids)
    return [Imbalance(**row) for row in rows(connection, FILE, "imbalances", tenant_ids=chosen)]
