"""What a mart's documentation must say: how many rows of what, and each number's unit."""

import re

import psycopg
import pytest

from orchestration.marts.building import PROJECT
from orchestration.metabase.documentation import Table, documented
from tests.conftest import TEMPLATE, database_of
from tests.web.world import marts

UNIT = re.compile(r"\b(units?|rows|seconds|minutes|days?|percent|how many|currency|USD)\b", re.IGNORECASE)


@pytest.mark.parametrize("mart", documented(), ids=lambda mart: mart.name)
def test_a_mart_says_what_a_row_of_it_is_and_each_column_what_it_means(mart: Table) -> None:
    assert mart.description.startswith("One row"), mart.description
    assert [column.name for column in mart.columns if not column.description] == []


def test_each_number_says_its_unit() -> None:
    unsaid = [
        f"{mart['name']}.{column['name']}: {column['description']}"
        for mart in marts()
        for column in mart["columns"]
        if column["data_type"] in {"numeric", "bigint", "int", "integer"}
        and not column["name"].endswith(("_id", "_revision"))
        and not UNIT.search(column["description"])
    ]
    assert unsaid == []


GRAINS = {
    "control": {
        "agents": ["agent_id"],
        "allowances": ["plan_id", "meter_id", "valid_from"],
        "credits": ["credit_id"],
        "exchange_rates": ["from_currency", "to_currency", "valid_from"],
        "fixed_costs": ["fixed_cost_id", "valid_from"],
        "meters": ["meter_id"],
        "payment_fees": ["currency", "valid_from"],
        "plan_terms": ["plan_id", "valid_from"],
        "plans": ["plan_id"],
        "prices": ["price_id"],
        "sources": ["source"],
        "tenant_plans": ["tenant_id", "valid_from"],
        "tenant_statuses": ["tenant_id", "valid_from"],
        "tenants": ["tenant_id"],
        "unit_costs": ["meter_id", "is_rest", "valid_from"],
    },
    "ledger": {"periods": ["tenant_id", "period_start"], "statement_lines": ["line_id"]},
}
JOINED = {"credits": ("credit_voids", "credit_id")}


def test_a_row_of_staging_is_one_because_the_database_holds_its_key(postgres_server: str) -> None:
    """So no build asks it again."""
    keys = (
        "select array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum)) from pg_index as i"
        " join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)"
        " where i.indrelid = %s::regclass and i.indisprimary group by i.indexrelid"
    )
    with psycopg.connect(database_of(postgres_server, TEMPLATE)) as connection:

        def key(table: str) -> list[str]:
            (found,) = connection.execute(keys, [table]).fetchall()
            return list(found[0])

        for schema, grains in GRAINS.items():
            for table, grain in grains.items():
                (path,) = (PROJECT / "models" / "staging").rglob(f"stg_{schema}__{table}.sql")
                sql = path.read_text()
                assert key(f"{schema}.{table}") == grain, table
                assert f"source('{schema}', '{table}')" in sql
                joined = JOINED.get(table)
                assert sql.count(" join ") == sql.count("source(") - 1 == (1 if joined else 0), table
                if joined:
                    other, column = joined
                    assert key(f"{schema}.{other}") == [column]
                    assert f"join voids on source.{column} = voids.{column}" in sql
