"""Shards: whose days one run reads together. A large tenant has its own; all others share, split by a stable hash."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

from warehouse.control.changes import Change, put
from warehouse.control.errors import Refused
from warehouse.control.tenants import require_tenant
from warehouse.database.queries import Connection, rows

FILE = "control/shards"
SHARED = "shared"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class Segment(NamedTuple):
    """Tenants of one shard that lie beside each other, named by the first and the last."""

    shard: str
    first: str
    last: str


def put_shard(connection: Connection, tenant_id: str, shard: str) -> Change:
    """Read a tenant with those of another shard from the next night on; days under way are not touched."""
    if not _NAME.fullmatch(shard):
        raise Refused(f"'{shard}' is no name of a shard; use 1 to 40 of a-z, 0-9 and '-', not at either end")
    require_tenant(connection, tenant_id)
    with connection.transaction():
        action, _ = put(connection, FILE, "put_shard", {"tenant_id": tenant_id, "shard": shard})
    return Change(f"shard {shard} of tenant {tenant_id}", action)


def part_of(tenant_id: str, parts: int) -> str:
    """Which of so many parts of the shared shard a tenant is in: the same on every machine."""
    digest = hashlib.sha256(tenant_id.encode()).digest()
    return SHARED if parts == 1 else f"{SHARED}-{int.from_bytes(digest[:8]) % parts}"


def shards(connection: Connection, parts: int) -> dict[str, str]:
    """The shard of every tenant, the shared one in so many parts."""
    found = {row["tenant_id"]: row["shard"] for row in rows(connection, FILE, "shards")}
    return {tenant: part_of(tenant, parts) if shard == SHARED else shard for tenant, shard in found.items()}


def members(tenant_ids: Iterable[str], of: Mapping[str, str]) -> dict[str, list[str]]:
    """The tenants of each shard, by its name."""
    found: dict[str, list[str]] = {}
    for tenant in ordered(tenant_ids, of):
        found.setdefault(of.get(tenant, SHARED), []).append(tenant)
    return found


def ordered(tenant_ids: Iterable[str], of: Mapping[str, str]) -> list[str]:
    """Tenants shard by shard; within one as they were."""
    return sorted(tenant_ids, key=lambda tenant: of.get(tenant, SHARED))


def segments(tenant_ids: Iterable[str], of: Mapping[str, str]) -> list[Segment]:
    """What lies beside each other, in order: one for each shard, or more while tenants lie as they were added."""
    found = []
    for shard, group in groupby(tenant_ids, key=lambda tenant: of.get(tenant, SHARED)):
        beside = list(group)
        found.append(Segment(shard, beside[0], beside[-1]))
    return found
