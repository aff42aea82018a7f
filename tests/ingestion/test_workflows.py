"""Workflows of a platform's own checkpointer: pulled, built, on a statement line, and read again when they resume."""

import json

import psycopg
import pytest

from tests.ingestion.conftest import Minutebook
from tests.ingestion.house import House
from tests.sources.langgraph.tables import TABLES, Written, answer


@pytest.fixture
def checkpointer(empty_database_url: str) -> str:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(TABLES)
    return empty_database_url


@pytest.fixture
def metered(house: House, minutebook: Minutebook, checkpointer: str) -> Minutebook:
    """Acme pays for invocations above one and for what a model said; birch's threads are in the same tables."""
    for line in (
        "init",
        "tenant create acme --name Acme --currency USD --activated-on 2026-11-01",
        "agent create acme acme-flows --name Flows",
        "agent attach acme acme-flows langgraph_tenant acme --from 2026-11-01",
        'meter create runs --name "Workflow runs" --unit invocation --source langgraph --item invocations',
        'meter create said --name "Tokens out" --unit token --source langgraph --item tokens --filter kind=output',
        "plan create flows --name Flows --currency USD",
        "plan terms flows --from 2026-11-01 --subscription-fee 10",
        "plan allowance flows runs 1 --from 2026-11-01",
        "price set --plan flows --meter runs --from 2026-11-01 --amount 0.50",
        "price set --plan flows --meter said --from 2026-11-01 --amount 0.01",
        "tenant plan acme flows --from 2026-11-01",
    ):
        minutebook(line)
    minutebook("credential set langgraph", secret=checkpointer)
    return minutebook


def lines(minutebook: Minutebook, house: House) -> dict[str, int]:
    minutebook("pull --from 2026-11-01 --to 2026-11-02 --source langgraph")
    minutebook("build")
    found = house.execute(
        "select tenant_id, meter_id, quantity from marts.fct_statement_lines where line_kind = 'overage'"
    )
    assert {row["tenant_id"] for row in found} == {"acme"}
    return {row["meter_id"]: int(row["quantity"]) for row in found}


def test_runs_and_tokens_are_on_the_statement_and_a_resume_adds_to_its_own_day(
    metered: Minutebook, house: House, checkpointer: str
) -> None:
    assert "version 9" in metered("credential verify langgraph")
    assert "langgraph" in metered("source list")
    thread = Written(checkpointer, "call-1", "acme")
    ids = thread.run("01 23:58", answer("m1", "small", 100, 20))
    thread.sleep(ids[-1])
    Written(checkpointer, "call-2", "acme").run("02 09:00")
    Written(checkpointer, "call-9", "birch").run("02 09:00", answer("m9", "small", 5, 500))
    assert lines(metered, house) == {"runs": 1, "said": 20}
    thread.write(ids[-1], "messages", [answer("m2", "small", 10, 3)])
    thread.state("02 10:00:00", "loop", 3, ids[-1])
    assert lines(metered, house) == {"runs": 2, "said": 23}
    explained = metered("explain acme/2026-11-01/overage/runs --json")
    assert len(json.loads(explained)["objects"]) == 2
    (review,) = [one for one in json.loads(metered("review 2026-11 --json")) if one["tenant_id"] == "acme"]
    said = str(review["blockers"])
    assert "langgraph tenant birch" in said, "birch is nobody's, and reported with how it is attached"
    assert "no meter" not in said, "what is a detail of a run may go without a meter"


def test_what_cannot_be_read_is_a_finding_of_its_tenant(metered: Minutebook, house: House, checkpointer: str) -> None:
    thread = Written(checkpointer, "call-1", "acme")
    ids = thread.run("02 09:00")
    thread.write(ids[1], "messages", type="msgpack+aes", blob=b"sealed")
    metered("pull --from 2026-11-02 --to 2026-11-02 --source langgraph")
    (odd,) = house.execute("select reason, scopes from ledger.quarantine")
    assert "tokens are unknown, and not 0: what it wrote is sealed" in odd["reason"]
    assert odd["scopes"] == {"langgraph_tenant": "acme"}
