"""One thing that stands in the way of approving a statement. What does so is found by `blocking`."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from warehouse.database.queries import Row


class Kind(StrEnum):
    """What sort of thing it is, in a few words."""

    RUNNING = "it still runs"
    DAYS = "days"
    SET_ASIDE = "rows set aside"
    USAGE = "items not billed"
    TOTAL = "a provider counts otherwise"
    TWO_ACCOUNTS = "calls in two accounts"
    COSTS_DIFFER = "the costs of a call differ"
    MINUTES_DIFFER = "minutes were charged of no connection"
    PRICE = "Stripe charges otherwise"
    MOVED = "moved a lot"
    EARLIER = "an earlier period"
    UNBALANCED = "the books do not balance"


@dataclass(frozen=True)
class Blocker:
    """Why a period should not be approved yet, and the command that fixes it. days: of a source, if it is of them."""

    tenant_id: str
    period_start: date
    kind: Kind
    what: str
    fix: str
    days: int = 0

    @property
    def may_be_overridden(self) -> bool:
        """Whether a person may say that it is meant."""
        return self.kind not in {Kind.RUNNING, Kind.UNBALANCED}


def of_which_period(row: Row) -> str:
    """Of what is found of an approved period, which: its corrections are carried by the statement that is blocked."""
    is_own = row["service_start"] == row["period_start"]
    return "" if is_own else f", in its approved period {row['service_start']:%Y-%m}"
