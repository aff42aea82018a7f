"""Whatever reaches an approved period later becomes adjustments, the same in the marts and the oracle, and every line
is explained down to the provider's own rows."""

from dataclasses import replace
from pathlib import Path
from random import Random

from orchestration.building import build
from tests.oracle.approving import approve_some, frozen_lines, with_late_news
from tests.oracle.comparing import Connection, compare
from tests.oracle.loading import load, publish
from tests.oracle.months import generated
from warehouse import periods
from warehouse.connect import Role, connect
from warehouse.explaining import Explanation, explain

SEED = 11


def explained(operator: Connection) -> dict[str, Explanation]:
    """Every line of every statement, each summing up at every level."""
    ids = operator.execute("select line_id from marts.fct_statement_lines order by line_id").fetchall()
    found = {line_id: explain(operator, line_id) for (line_id,) in ids}
    operator.commit()
    faults = {line_id: one.faults for line_id, one in found.items() if one.faults}
    assert not faults, faults
    return found


def test_late_news_of_approved_periods_become_the_adjustments_the_oracle_computes(
    database_url: str, dbt_home: Path
) -> None:
    random, world = Random(SEED), generated(SEED, 80)
    with (
        connect(database_url, Role.OWNER, autocommit=True) as connection,
        connect(database_url, Role.OPERATOR, actor="finance") as operator,
    ):
        load(connection, world)
        build(database_url, dbt_home, world.as_of)
        then: dict[str, Explanation] = {}
        for _ in range(2):
            assert approve_some(operator, world, random) > 20
            seals = dict(connection.execute("select tenant_id || period_start, manifest_hash from ledger.periods"))
            world, news = with_late_news(world, random)
            publish(connection, news)
            build(database_url, dbt_home, world.as_of)
            found = compare(connection, world, frozen_lines(connection, world))
            assert not found.disagreements, "\n".join(map(str, found.disagreements[:20]))
            counted = "select count(*) from marts.fct_statement_lines where line_kind = 'adjustment'"
            assert connection.execute(counted).fetchone() >= (10,)
            assert not periods.broken_seals(operator)
            now = explained(operator)
            frozen = [one for line_id, one in now.items() if one.line["is_frozen"]]
            assert any(one.objects and one.line["line_kind"] == "overage" for one in frozen)
            for line_id in (line_id for line_id, one in then.items() if one.line["is_frozen"]):
                assert replace(now[line_id], corrections=[]) == replace(then[line_id], corrections=[])
            then = now
            assert seals == dict(
                connection.execute("select tenant_id || period_start, manifest_hash from ledger.periods")
            )
