"""The pack of a closed period is drawn from what it was first drawn from, whatever the marts have learned since."""

from datetime import date
from hashlib import sha256

import msgspec

from orchestration.plain import as_json
from orchestration.reports import content, payments
from orchestration.reports.content import Statement
from warehouse.control import plans
from warehouse.database.queries import Connection
from warehouse.statements import packs
from warehouse.statements.periods import Month
from warehouse.words import day


class FrozenPackChanged(Exception):
    """A frozen pack's content no longer matches its hash."""


def statement_of(connection: Connection, tenant_id: str, period_start: date) -> Statement:
    """A statement for a pack: frozen when its period is closed, as known now until then.

    A period that is reopened and closed again has another seal, and so another frozen pack; the former stays.

    Raises:
        StatementMissing: there is no such statement.
        FrozenPackChanged: somebody changed a frozen pack.
    """
    period = packs.frozen(connection, tenant_id, period_start)
    if period is None:
        return _read(connection, tenant_id, period_start)
    if period.content is None:
        text = as_json(_read(connection, tenant_id, period_start)).decode()
        packs.freeze(connection, tenant_id, period_start, period.manifest_hash, text, _hash(text))
        # Read back: of two at once the first wins, and both draw the same.
        period = packs.frozen(connection, tenant_id, period_start) or period
    if period.content is None or _hash(period.content) != period.content_hash:
        raise FrozenPackChanged(
            f"The frozen pack of {tenant_id} of {day(period_start)} is not what was frozen:"
            " look into ledger.packs before using it."
        )
    return msgspec.json.decode(period.content, type=Statement)


def _read(connection: Connection, tenant_id: str, period_start: date) -> Statement:
    """With the names of its meters and its payments as they are now; no link, since it ends long before a pack does."""
    read = content.read(connection, tenant_id, period_start, with_costs=True, with_calls=True)
    named = {row["meter_id"]: row["name"] for row in plans.meters(connection) if row["meter_id"] in read.meter_ids}
    paid = payments.read(connection, Month.parse(f"{period_start:%Y-%m}"), tenant_id).get((tenant_id, period_start), ())
    unlinked = [msgspec.structs.replace(payment, hosted_url=None) for payment in paid]
    return msgspec.structs.replace(read, meter_names=named, payments=unlinked)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
