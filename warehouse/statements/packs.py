"""What the pack of a closed period was first drawn from. Owns `ledger.packs`, in which nothing is ever changed."""

from dataclasses import dataclass
from datetime import date

from warehouse.database.queries import Connection, execute, first_typed

FILE = "statements/packs"


@dataclass(frozen=True, slots=True)
class FrozenPack:
    """A closed period by its seal, manifest_hash; content is None until its pack is drawn for the first time."""

    manifest_hash: str
    content: str | None
    content_hash: str | None


def frozen(connection: Connection, tenant_id: str, period_start: date) -> FrozenPack | None:
    """The frozen pack of a closed period; None while the period is not closed."""
    return first_typed(connection, FrozenPack, FILE, "frozen", tenant_id=tenant_id, period_start=period_start)


def freeze(
    connection: Connection, tenant_id: str, period_start: date, manifest_hash: str, content: str, content_hash: str
) -> None:
    """Freeze a pack under the period's seal, unless somebody was quicker."""
    key = {"tenant_id": tenant_id, "period_start": period_start, "manifest_hash": manifest_hash}
    execute(connection, FILE, "freeze", **key, content=content, content_hash=content_hash)
