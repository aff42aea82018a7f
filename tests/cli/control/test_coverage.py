"""On whose bill a component of calls is: declared by day, of the platform's calls, a tenant's or an agent's."""

import json
from typing import Any

import psycopg
import pytest

from tests.cli.conftest import Minutebook
from tests.sources import toy
from warehouse.sources import registering


@pytest.fixture
def with_a_bill(acme: Minutebook, database: psycopg.Connection[Any]) -> Minutebook:
    """Acme, and a source of costs that a package brings."""
    registering.register(database, [toy.BILL], [])
    return acme


def covered(minutebook: Minutebook) -> list[tuple[str, ...]]:
    rows = json.loads(minutebook("cost covered --json").stdout)
    return [
        (row["whose_calls"], row["component"], row["cost_source"], row["cost_account"], row["valid_to"]) for row in rows
    ]


def test_a_component_is_covered_from_a_day_on_until_it_is_not(with_a_bill: Minutebook) -> None:
    minutebook = with_a_bill
    assert "created" in minutebook("cost cover vapi model --by toy_bill --from 2026-10-01").stdout
    assert "unchanged" in minutebook("cost cover vapi model --by toy_bill --from 2026-10-01").stdout
    assert (
        "outside of margin"
        in minutebook(
            "cost cover vapi model --by toy_bill --from 2026-10-01 --tenant acme --agent acme-reception --own"
        ).stdout
    )
    minutebook("cost uncover vapi model --from 2026-11-01")
    assert covered(minutebook) == [
        ("platform", "model", "toy_bill", "platform", "2026-11-01"),
        ("platform", "model", None, None, None),
        ("acme-reception", "model", "toy_bill", "acme", None),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cost cover vapi model --by toy_bill --from 2026-10-01 --own", "name the tenant or the agent"),
        ("cost cover vapi modell --by toy_bill --from 2026-10-01", "no component of vapi 'modell'"),
        ("cost cover toy_bill model --by toy_bill --from 2026-10-01", "no source of calls 'toy_bill'"),
        ("cost cover vapi model --by vapi --from 2026-10-01", "no daily bill 'vapi'"),
        ("cost cover vapi model --by toy_bill --from 2026-10-01 --tenant ghost", "no tenant 'ghost'"),
        ("cost cover vapi model --by toy_bill --from 2026-10-01 --tenant acme --agent ghost", "no agent 'ghost'"),
        ("cost credit vapi credits 0.1 --from 2026-10-01", "no provider of costs 'vapi'"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(with_a_bill: Minutebook, line: str, words: str) -> None:
    answer = with_a_bill(line, code=1)
    assert words in answer.stderr


def test_what_a_credit_costs_is_a_version_among_all_costs(with_a_bill: Minutebook) -> None:
    assert "created" in with_a_bill("cost credit toy credits 0.00003 --from 2026-10-01").stdout
    assert "unchanged" in with_a_bill("cost credit toy credits 0.00003 --from 2026-10-01").stdout
    (row,) = [row for row in json.loads(with_a_bill("cost list --json").stdout) if row["cost_of"] == "toy credits"]
    assert (row["amount"], row["currency"]) == ("0.00003", "USD")


def test_a_tenants_file_says_it_too(with_a_bill: Minutebook, database: psycopg.Connection[Any], tmp_path: Any) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(
        "tenant: {id: acme, name: Acme Dental, activated_on: 2026-01-01}\n"
        "covered_costs:\n"
        "  - {source: vapi, component: voice, by: toy_bill, own: true, from: 2026-10-01}\n"
        "  - {source: vapi, component: voice, from: 2026-11-01}\n"
    )
    with_a_bill(f"tenant apply {file}")
    assert database.execute(
        "select tenant_id, component, cost_source, is_own from control.cost_coverage order by valid_from"
    ).fetchall() == [("acme", "voice", "toy_bill", True), ("acme", "voice", None, False)]
