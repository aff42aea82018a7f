"""Whatever reaches an approved period later becomes adjustments, or a revision where it was reopened, the same in the
marts and the oracle, and every line is explained down to the provider's own rows."""

from dataclasses import replace
from pathlib import Path
from random import Random

from orchestration.marts.building import build
from tests.oracle.comparing import Connection
from tests.oracle.worlds.histories import unfolded
from tests.oracle.worlds.loading import load
from tests.oracle.worlds.months import CURRENCIES, generated
from tests.oracle.worlds.versions import KINDS as KINDS_OF_VERSIONS
from warehouse.database.connect import Role, connect
from warehouse.statements import periods
from warehouse.statements.blocking import Key, key_of
from warehouse.statements.explain import Explanation, explain

SEED, ROUNDS = 11, 4
SEALS = "select tenant_id, period_start, manifest_hash from ledger.periods"
KINDS = """
    select distinct
        case
            when split_part(a.corrects_line_id, '/', 3) = 'minimum' then 'minimum'
            when exists (select from ledger.statement_lines as f where f.line_id = a.corrects_line_id) then 'line'
            else 'adjustment'
        end
        || case when a.number > 1 then '/again' else '' end
    from (
        select corrects_line_id, row_number() over (partition by corrects_line_id order by period_start) as number
        from marts.fct_statement_lines
        where line_kind = 'adjustment'
    ) as a"""
"""What adjustments correct: lines, lines that exist only as adjustments, minimums, each once and again."""


def explained(operator: Connection) -> dict[str, Explanation]:
    """Every line of every statement, each summing up at every level."""
    ids = operator.execute("select line_id from marts.fct_statement_lines order by line_id").fetchall()
    found = {line_id: explain(operator, line_id) for (line_id,) in ids}
    operator.commit()
    faults = {line_id: one.faults for line_id, one in found.items() if one.faults}
    assert not faults, faults
    return found


def as_approved(one: Explanation) -> Explanation:
    """Without what comes later: what corrects the line, and until when its price held."""
    price = {name: said for name, said in one.price.items() if name != "valid_to"} if one.price else None
    return replace(one, price=price, corrections=[])


def test_late_news_of_approved_periods_become_the_adjustments_the_oracle_computes(
    database_url: str, dbt_home: Path
) -> None:
    random, world = Random(SEED), generated(SEED, 60)
    with (
        connect(database_url, Role.OWNER, autocommit=True) as connection,
        connect(database_url, Role.OPERATOR, actor="finance") as operator,
    ):
        load(connection, world)
        build(database_url, dbt_home, world.as_of)
        then: dict[str, Explanation] = {}
        seals: dict[tuple[object, ...], str] = {}
        kinds: set[str] = set()
        again: set[Key] = set()
        in_between: set[Key] = set()
        refused: set[str] = set()
        written: set[str] = set()
        for of_round in unfolded(connection, operator, dbt_home, database_url, world, random, ROUNDS):
            found = of_round.found
            assert len(of_round.approved) > 10
            assert not found.disagreements, "\n".join(map(str, found.disagreements[:20]))
            again |= set(of_round.approved_again)
            refused |= set(of_round.refused.values())
            written |= set(of_round.written)
            assert not periods.broken_seals(operator)
            now = explained(operator)
            assert any(
                one.objects and one.line["line_kind"] == "overage" for one in now.values() if one.line["is_frozen"]
            )
            frozen = {line_id: key_of(one.line) for line_id, one in then.items() if one.line["is_frozen"]}
            newest = dict(sorted(frozen.values()))
            in_between |= {
                (tenant_id, start) for tenant_id, start in of_round.reopened if start < newest.get(tenant_id, start)
            }
            for line_id in (line_id for line_id, key in frozen.items() if key not in of_round.reopened):
                assert as_approved(now[line_id]) == as_approved(then[line_id])
            then = now
            sealed = {tuple(row[:-1]): row[-1] for row in connection.execute(SEALS)}
            assert sealed.items() >= {key: seal for key, seal in seals.items() if key not in of_round.reopened}.items()
            seals = {key: seal for key, seal in sealed.items() if seal}
            kinds |= {kind for (kind,) in connection.execute(KINDS)}
        assert kinds == {"line", "line/again", "adjustment", "adjustment/again", "minimum", "minimum/again"}
        assert again & in_between
        assert refused == {"own", "adjusted"}
        assert written >= {*KINDS_OF_VERSIONS, *(f"{kind} refused" for kind in ("price", "allowance", "terms", "plan"))}
        assert {tenant.currency for tenant in found.world.book.tenants} == set(CURRENCIES)
        assert any(credit.kept_by for tenant in found.world.book.tenants for credit in tenant.credits)
