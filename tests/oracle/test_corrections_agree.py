"""Whatever reaches an approved period later becomes adjustments, the same in the marts and the oracle."""

from pathlib import Path
from random import Random

from orchestration.building import build
from tests.oracle.approving import approve_some, frozen_lines, with_late_news
from tests.oracle.comparing import compare
from tests.oracle.loading import load, publish
from tests.oracle.months import generated
from warehouse import periods
from warehouse.connect import Role, connect

SEED = 11


def test_late_news_of_approved_periods_become_the_adjustments_the_oracle_computes(
    database_url: str, tmp_path: Path
) -> None:
    random, world = Random(SEED), generated(SEED, 80)
    with (
        connect(database_url, Role.OWNER, autocommit=True) as connection,
        connect(database_url, Role.OPERATOR, actor="finance") as operator,
    ):
        load(connection, world)
        build(database_url, tmp_path, world.as_of)
        for _ in range(2):
            assert approve_some(operator, world, random) > 20
            seals = dict(connection.execute("select tenant_id || period_start, manifest_hash from ledger.periods"))
            world, news = with_late_news(world, random)
            publish(connection, news)
            build(database_url, tmp_path, world.as_of)
            found = compare(connection, world, frozen_lines(connection, world))
            assert not found.disagreements, "\n".join(map(str, found.disagreements[:20]))
            counted = "select count(*) from marts.fct_statement_lines where line_kind = 'adjustment'"
            assert connection.execute(counted).fetchone() >= (10,)
            assert not periods.broken_seals(operator)
            assert seals == dict(
                connection.execute("select tenant_id || period_start, manifest_hash from ledger.periods")
            )
