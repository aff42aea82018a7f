"""What the control plane refuses; every message names the object, and a hint what to do.

WarehouseError
└── ControlError
    ├── NotFound            no such tenant, agent, meter, plan
    ├── Refused             the change contradicts what is already known
    └── PeriodApproved      the change would alter what was approved
"""

from collections.abc import Iterable

from warehouse.database.errors import WarehouseError
from warehouse.finding import Hint, Step, first_of


class ControlError(WarehouseError):
    """A change of control data that is not made."""


SHOWN = 40
"""Names that a message lists; a person reads no more, and all kinds of scopes fit."""


class NotFound(ControlError):
    """The object does not exist; the message lists those that do. of: facts of the step that creates one."""

    def __init__(self, kind: str, wanted: str, known: Iterable[str], **of: str) -> None:
        names = sorted(known)
        rest = f"there is {first_of(names, SHOWN)}" if names else "there is none yet"
        super().__init__(f"no {kind} '{wanted}'; {rest}", None if names else Hint(Step.CREATE, {"kind": kind, **of}))


class Refused(ControlError):
    """The change contradicts what is already known."""


class PeriodApproved(ControlError):
    """The change would alter a period that is approved or closed."""
