"""What a tenant chose not to store is in no raw row: not when calls land, nor in those that stood when it chose."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from orchestration.privacy.minimising import apply_choices
from sources.personal import FACTS
from sources.registry import all_sources
from tests.cli.conftest import Minutebook, minutebook  # noqa: F401 - a fixture
from tests.ingestion.conftest import house  # noqa: F401 - a fixture
from tests.ingestion.house import House, call, written
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from warehouse.database.connect import Role, connect
from warehouse.ingestion.pulls import open_attempt
from warehouse.privacy import personal
from warehouse.privacy.personal import Kept

SAID: dict[str, Any] = {
    "customer": {"number": "+4915112345678", "name": "Erika M."},
    "transcript": "my number is +4915112345678, my card 4242 4242",
    "recordingUrl": "https://storage.example/erika.wav",
}
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
OWNERS = ("own", "shared", "other", "nobody")
KEPT, REDACTED, NEVER = (Kept(keep, keep, keep) for keep in ("kept", "redacted", "never"))


@pytest.fixture
def reported(house: House) -> House:  # noqa: F811
    """A tenant with an account of its own, two of the shared account, and a caller who reached nobody."""
    for tenant in OWNERS[:3]:
        house.tenant(tenant)
    house.own_vapi("own", [call("c-own", YESTERDAY, **SAID)])
    for tenant in ("shared", "other"):
        house.attach(tenant, "vapi_phone_number", f"number-of-{tenant}")
    house.own_vapi(
        None, [call(f"c-{who}", YESTERDAY, phone_number_id=f"number-of-{who}", **SAID) for who in OWNERS[1:]]
    )
    return house


def choose(house: House, kept: Kept, *tenants: str) -> None:  # noqa: F811
    with connect(house.url, Role.OPERATOR) as operator:
        for tenant in tenants:
            personal.choose(operator, tenant, vars(kept))


def raw(house: House) -> dict[str, str]:  # noqa: F811
    """Every raw row of a call, whole, as text by whose call it is."""
    rows = house.execute("select call_id, c::text as row from raw_vapi.calls as c")
    return {row["call_id"].removeprefix("c-"): row["row"] for row in rows}


def facts(house: House) -> list[dict[str, Any]]:  # noqa: F811
    return [
        {field: reported for field, reported in row["payload"].items() if field in FACTS}
        for row in house.execute("select payload from raw_vapi.calls order by call_id, pull_id")
    ]


def personal_words(row: str) -> set[str]:
    return {word for word in ("12345678", "Erika", "4242 4242", "erika.wav", "my number is") if word in row}


EVERY_WORD = {"12345678", "Erika", "4242 4242", "erika.wav", "my number is"}


def test_calls_land_as_their_tenant_chose(reported: House) -> None:
    choose(reported, KEPT, "own")
    choose(reported, REDACTED, "shared")
    choose(reported, NEVER, "other")
    reported.pull(OWNERS[:3], [YESTERDAY])
    rows = raw(reported)
    assert personal_words(rows["own"]) == EVERY_WORD
    assert personal_words(rows["shared"]) == {"my number is"}
    assert "•78" in rows["shared"]
    assert personal_words(rows["other"]) == personal_words(rows["nobody"]) == set()


def test_what_stands_is_brought_to_a_later_choice_and_no_fact_moves(reported: House) -> None:
    choose(reported, KEPT, *OWNERS[:3])
    reported.pull(OWNERS[:3], [YESTERDAY])
    before = facts(reported)
    apply_choices(reported.url, "night")
    assert personal_words(raw(reported)["shared"]) == EVERY_WORD

    choose(reported, NEVER, "own", "shared")
    assert {who: done.rows_changed for who, done in apply_choices(reported.url, "night").items()} == {
        "own": 1,
        "shared": 1,
    }
    assert apply_choices(reported.url, "night") == {}
    rows = raw(reported)
    assert personal_words(rows["own"]) == personal_words(rows["shared"]) == set()
    assert personal_words(rows["other"]) == EVERY_WORD
    assert facts(reported) == before
    recorded = reported.execute(
        "select after ->> 'rows_changed' as rows from ledger.audit_log"
        " where object_table = 'ledger.personal_choices_applied' and tenant_id = 'own' order by entry_id"
    )
    assert [row["rows"] for row in recorded] == ["0", "1"]


def test_metadata_of_metrics_that_stand_is_brought_to_a_later_choice(reported: House) -> None:
    reported.pull(["own"], [YESTERDAY])
    metric = {"agent_id": "a", "metric_type": "scan", "quantity": 1, "cost_usd": Decimal("0.0750"), "created_at": "x"}
    payload = metric | {"metadata": SAID}
    reported.execute(
        "insert into raw_usage_metrics.metrics (account, tenant_id, usage_date, pull_id, usage_agent_id, metric_type,"
        " quantity, recorded_at, payload) select 'own', 'own', usage_date, pull_id, 'a', 'scan', n, now(), %s"
        " from raw_vapi.calls cross join generate_series(1, 2) as n where tenant_id = 'own'",
        written(payload),
    )
    choose(reported, NEVER, "own")
    assert apply_choices(reported.url, "night")["own"].rows_changed == 3
    stored = [row["payload"] for row in reported.execute("select payload from raw_usage_metrics.metrics")]
    assert stored == [metric | {"metadata": {}}] * 2
    (row,) = reported.execute("select ctid::text as row_id from raw_usage_metrics.metrics limit 1")
    changed = [(row["row_id"], written(payload | {"cost_usd": 0}))]
    with (
        connect(reported.url, Role.LOADER, autocommit=True) as loader,
        pytest.raises(psycopg.errors.RaiseException, match="a fact of usage_metrics would change"),
    ):
        personal.minimise(loader, all_sources()["usage_metrics"], changed)


def test_a_choice_stays_due_while_a_pull_that_began_before_it_is_under_way(reported: House) -> None:
    with open_attempt(reported.url, "cli"):
        choose(reported, NEVER, "own")
        assert not apply_choices(reported.url, "night")["own"].is_final
        assert not apply_choices(reported.url, "night")["own"].is_final
    assert apply_choices(reported.url, "night")["own"].is_final
    assert apply_choices(reported.url, "night") == {}


def test_the_warehouse_refuses_to_take_out_or_change_a_fact(reported: House) -> None:
    reported.pull(["own"], [YESTERDAY])
    (row,) = reported.execute("select ctid::text as row_id, payload from raw_vapi.calls where tenant_id = 'own'")
    with connect(reported.url, Role.LOADER, autocommit=True) as loader:
        for changed in ({**row["payload"], "cost": 0}, {k: v for k, v in row["payload"].items() if k != "startedAt"}):
            with pytest.raises(psycopg.errors.RaiseException, match="a fact of vapi would change"):
                personal.minimise(loader, all_sources()["vapi"], [(row["row_id"], written(changed))])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            loader.execute("update raw_vapi.calls set payload = '{}'")


def test_python_and_postgres_mean_the_same_facts(reported: House) -> None:
    stored = {row["source"]: row["facts"] for row in reported.execute("select source, facts from control.sources")}
    assert stored == {source.name: list(source.facts) for source in all_sources().values()}


def test_the_commands_choose_show_and_apply(minutebook: Minutebook, reported: House) -> None:  # noqa: F811
    reported.pull(OWNERS[:3], [YESTERDAY])
    assert "phone numbers kept, transcripts never, recordings never" in minutebook("tenant privacy own").stdout
    assert "phone numbers never" in minutebook("tenant privacy own --phone-numbers never").stdout
    assert "recordings redacted" in minutebook("tenant privacy own --recordings redacted").stdout
    assert '"rows_changed": 1' in minutebook("expire --json").stdout
    assert personal_words(raw(reported)["own"]) == set()
    assert "phone_numbers" in minutebook("tenant show own").stdout
