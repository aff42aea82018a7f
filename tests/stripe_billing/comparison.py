"""marts.fct_reconciliation without a build: views by the project's own models, compiled once: dbt takes seconds."""

import tempfile
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from orchestration.marts.building import environment, variables

MODELS = (
    "stg_control__tenants", "stg_ledger__periods", "stg_ledger__postings", "stg_ledger__stripe_days",
    "stg_ledger__coverage", "fct_reconciliation",
)  # fmt: skip
NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"
COMPILED_FOR = date(2, 2, 2)
DAY = """
create table public.today_of_the_scene (day date);
grant select on public.today_of_the_scene to minutebook_transformer;
"""
TODAY = "coalesce((select day from public.today_of_the_scene), (now() at time zone 'UTC')::date)"


def show_comparison(owner: psycopg.Connection[Any]) -> None:
    """Make the views, as the transformer, who makes the table that will take their place in a build."""
    owner.execute(DAY)
    for relation, query in _compiled():
        owner.execute(f"create view {relation} as {query}")  # type: ignore[arg-type]
        owner.execute(f"alter view {relation} owner to minutebook_transformer")  # type: ignore[arg-type]
    owner.execute("grant select on marts.fct_reconciliation to minutebook_billing, minutebook_operator")


def hide_comparison(owner: psycopg.Connection[Any]) -> None:
    """Drop the views: no product serves what reads with its owner's rights."""
    for relation, _ in _compiled():
        owner.execute(f"drop view if exists {relation} cascade")  # type: ignore[arg-type]


def set_today(owner: psycopg.Connection[Any], day: date) -> None:
    """Until it is set, it is the wall clock's."""
    owner.execute("truncate public.today_of_the_scene")
    owner.execute("insert into public.today_of_the_scene values (%s)", [day])


@cache
def _compiled() -> list[tuple[str, str]]:
    """Relations and their queries, in the order in which they can be made."""
    from dbt.cli.main import dbtRunner  # three seconds, which collecting the tests need not pay

    with tempfile.TemporaryDirectory() as home, environment(NOWHERE, Path(home), COMPILED_FOR):
        select = ["--select", *MODELS, "--no-populate-cache", "--no-introspect", *variables()]
        answer = dbtRunner().invoke(["--log-level", "none", "compile", *select])
    assert answer.success, answer.exception
    nodes = {result.node.name: result.node for result in answer.result.results}
    return [
        (_here(nodes[name].relation_name), _here(nodes[name].compiled_code).replace(f"'{COMPILED_FOR}'::date", TODAY))
        for name in MODELS
    ]


def _here(text: str) -> str:
    return text.replace('"nowhere".', "")
