"""Whatever was approved, computed again from raw, has the same bytes; a reopening leaves its trail."""

from pathlib import Path
from random import Random

from orchestration.marts.building import build
from tests.oracle.worlds.approving import approve_some
from tests.oracle.worlds.loading import load
from tests.oracle.worlds.months import generated
from warehouse.database.connect import Role, connect
from warehouse.statements import periods
from warehouse.statements.approval import Scope, approve
from warehouse.statements.periods import Month


def test_every_approved_period_computed_again_from_raw_has_the_same_bytes(database_url: str, dbt_home: Path) -> None:
    world = generated(23, 30)
    with (
        connect(database_url, Role.OWNER, autocommit=True) as owner,
        connect(database_url, Role.OPERATOR, actor="finance", autocommit=True) as operator,
    ):
        load(owner, world)
        build(database_url, dbt_home, world.as_of)
        assert len(approve_some(operator, world, Random(23))) >= 15
        sealed = (
            "select tenant_id, period_start, manifest_hash from ledger.periods"
            " where manifest_hash is not null order by 2, 1"
        )
        approved = owner.execute(sealed).fetchall()
        for tenant_id, start, _ in reversed(approved):
            (row,) = [
                row for row in periods.periods_of(operator, Month.parse(f"{start:%Y-%m}"), [tenant_id])
                if row["period_start"] == start
            ]  # fmt: skip
            periods.reopen(operator, row, "finance", "to compute it again")
        released = (
            "select sum(n) from (select count(*) as n from ledger.{} union all select count(*) from ledger.{}) as c"
        )
        assert owner.execute(released.format("line_objects", "line_days")).fetchone() == (0,)  # type: ignore[arg-type]
        build(database_url, dbt_home, world.as_of, full_refresh=True)
        for tenant_id, start, seal in approved:
            scope = Scope(Month.parse(f"{start:%Y-%m}"), statements=[(tenant_id, start)])
            (frozen,) = approve(operator, scope, "finance", today=world.as_of, override="generated: its gaps are meant")
            assert frozen.manifest_hash == seal, frozen
        assert not periods.broken_seals(operator)
        trail = (
            "select count(*) from ledger.audit_log where object_table = 'ledger.periods' and actor = 'finance'"
            " and after ->> 'reason' = 'to compute it again' and before ->> 'manifest_hash' is not null"
        )
        assert owner.execute(trail).fetchone() == (len(approved),)
