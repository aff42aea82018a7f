"""Personal data goes when it should, money stays explainable, and an export holds one tenant's rows only."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from orchestration.defs.privacy.jobs import expire_personal_data
from orchestration.ingestion.routing import Routing
from orchestration.privacy.minimising import apply_choices
from orchestration.resources import Minutebook
from sources.personal import NOBODYS
from sources.registry import all_sources
from tests.conftest import BUILDING, kept_build, own_database
from tests.isolation.conftest import AS_OF, OURS, QUIET, THEIRS, fill
from tests.marts.warehouse_of_one import Warehouse, call, opened
from warehouse import clock
from warehouse.control import tenants
from warehouse.database.connect import Role, connect
from warehouse.database.errors import CredentialMissing, VaultError
from warehouse.ingestion.pulls import open_attempt
from warehouse.outgoing import endpoints, outbox
from warehouse.privacy import personal
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

CALLER = {"customer": {"number": "+49 30 1234567", "name": "Erika M."}, "transcript": "my card is 4242"}
MONEY = {"cost": 0.1234500, "costs": [{"type": "model", "cost": 0.1234500}]}
EVENTS = ["alert.opened"]
PERSONAL = ("1234567", "Erika", "4242")


@pytest.fixture(scope="module")
def spoken_template(postgres_server: str, built_template: str, dbt_home: Path) -> Iterator[str]:
    """A built database to copy: calls that say who called, of tenants of one shared account and of one of its own."""

    def make(url: str) -> None:
        warehouse = opened(url, dbt_home)
        with warehouse.connection:
            fill(warehouse)
            warehouse.calls("platform", "2026-03-02", [
                call(f"{tenant_id}-spoken", "61", phoneNumberId=f"number-{tenant_id}", **CALLER, **MONEY)
                for tenant_id in (OURS, THEIRS)
            ])  # fmt: skip
            warehouse.calls(QUIET, "2026-03-02", [call("quiet-spoken", "61", **CALLER, **MONEY)])
            warehouse.build(AS_OF)

    with kept_build(postgres_server, built_template, make) as url:
        yield str(make_url(url).database)


@pytest.fixture
def spoken(postgres_server: str, spoken_template: str, dbt_home: Path) -> Iterator[Warehouse]:
    """A copy of it of this test's own."""
    with own_database(postgres_server, spoken_template, BUILDING) as url:
        warehouse = opened(url, dbt_home)
        with warehouse.connection:
            yield warehouse


def personal_calls(warehouse: Warehouse) -> set[str]:
    rows = warehouse.rows("select call_id, payload::text from raw_vapi.calls")
    return {call_id for call_id, payload in rows if any(word in payload for word in PERSONAL)}


def money(warehouse: Warehouse) -> list[Any]:
    return [
        warehouse.rows(f"select to_jsonb(t) - 'pull_id' from marts.{table} as t order by t::text")
        for table in ("fct_calls", "fct_costs_daily", "fct_statement_lines", "fct_statements", "fct_margin_monthly")
    ]


def test_a_retention_period_forgets_its_tenants_callers_and_changes_no_money(spoken: Warehouse) -> None:
    before = money(spoken)
    with connect(spoken.url, Role.OPERATOR, actor="night", autocommit=True) as operator:
        personal.retain(operator, OURS, 30)
        assert personal.expire(operator, date(2026, 4, 1)) == {OURS: 0}  # 30 days: March 2 is kept still
        assert personal.expire(operator, date(2026, 4, 2)) == {OURS: 1}
        assert personal.expire(operator, date(2026, 4, 2)) == {OURS: 0}
    assert personal_calls(spoken) == {f"{THEIRS}-spoken", "quiet-spoken"}
    assert spoken.rows("select payload ->> 'cost' from raw_vapi.calls where call_id = %s", f"{OURS}-spoken") == [
        ("0.12345",)
    ]
    assert spoken.rows("select tenant_id, actor from ledger.audit_log where action = 'forget'") == [(OURS, "night")]
    spoken.build(AS_OF, full_refresh=True)
    assert money(spoken) == before


def test_an_export_holds_all_of_one_tenant_and_nothing_of_another(spoken: Warehouse, tmp_path: Path) -> None:
    counts = personal.export(spoken.url, all_sources().values(), OURS, tmp_path / "export")
    assert counts["fct_calls"] == counts["raw_vapi.calls"] == 6
    assert counts["fct_statements"] > 0
    text = "".join(path.read_text() for path in (tmp_path / "export").iterdir())
    assert "+49 30 1234567" in text
    assert THEIRS not in text
    assert QUIET not in text
    assert {json.loads(line)["tenant_id"] for line in (tmp_path / "export" / "fct_calls.jsonl").open()} == {OURS}


def test_only_a_closed_tenant_with_approved_statements_is_erased(spoken: Warehouse) -> None:
    with connect(spoken.url, Role.OPERATOR, autocommit=True) as operator:
        with pytest.raises(personal.NotErasable, match="not closed"):
            personal.erase(operator, OURS, AS_OF)
        tenants.close(operator, OURS, date(2026, 3, 31))
        with pytest.raises(personal.NotErasable, match="not approved"):
            personal.erase(operator, OURS, AS_OF)
    assert f"{OURS}-spoken" in personal_calls(spoken)


def test_an_erased_tenant_leaves_its_books_and_no_person_key_or_login(spoken: Warehouse) -> None:
    vault = Vault([MasterKey.generate()])
    with connect(spoken.url, Role.OPERATOR, autocommit=True) as operator:
        vault.set_credential(operator, OURS, "voiceflow", "a-key-of-ours")
        for owner in (OURS, THEIRS):
            endpoints.create(vault, operator, f"https://{owner}.example/x", EVENTS, clock.now(), tenant_id=owner)
            outbox.tell(operator, "alert.opened", owner, owner, {"alert_id": owner, "rule": "x"})
        spoken.connection.execute(
            f"insert into control.logins (login_id, role, tenant_id) values ('erika', 'tenant', '{OURS}')"
        )  # type: ignore[call-overload]
        tenants.close(operator, OURS, date(2026, 3, 31))
        spoken.connection.execute("update marts.fct_statements set period_state = 'approved'")
        before = money(spoken)[1:3]
        assert personal.erase(operator, OURS, AS_OF) == 1
        assert personal.erase(operator, OURS, AS_OF) == 0
        with pytest.raises(CredentialMissing):
            vault.secret(operator, OURS, "voiceflow")
        with pytest.raises(VaultError):
            vault.set_credential(operator, OURS, "voiceflow", "another")
    assert personal_calls(spoken) == {f"{THEIRS}-spoken", "quiet-spoken"}
    assert spoken.rows("select name from control.tenants where tenant_id = %s", OURS) == [(f"erased {OURS}",)]
    assert spoken.rows("select disabled_at is not null from control.logins") == [(True,)]
    assert spoken.rows("select octet_length(ciphertext) from control.credentials where tenant_id = %s", OURS) == [(0,)]
    assert spoken.rows("select tenant_id from ledger.outgoing_events") == [(THEIRS,)]
    assert spoken.rows("select tenant_id from ledger.deliveries") == [(THEIRS,)]
    assert spoken.rows("select host, octet_length(ciphertext) from control.endpoints where revoked_at is not null") == [
        ("", 0)
    ]
    assert money(spoken)[1:3] == before


def test_what_is_told_again_of_an_erased_tenant_is_kept_of_nobody(spoken: Warehouse) -> None:
    with connect(spoken.url, Role.OPERATOR, autocommit=True) as operator:
        tenants.close(operator, OURS, date(2026, 3, 31))
        spoken.connection.execute("update marts.fct_statements set period_state = 'approved'")
        with open_attempt(spoken.url, "cli"):  # it read what was kept before
            personal.erase(operator, OURS, AS_OF)
            spoken.calls("platform", "2026-03-03", [call("late", "61", phoneNumberId=f"number-{OURS}", **CALLER)])
            assert not apply_choices(spoken.url, "night")[OURS].is_final
    assert apply_choices(spoken.url, "night")[OURS].is_final
    assert personal_calls(spoken) == {f"{THEIRS}-spoken", "quiet-spoken"}
    with connect(spoken.url, Role.LOADER) as loader:
        chosen = Routing.load(loader).choices_of("platform", date(2026, 3, 4))
    assert chosen({"vapi_phone_number": f"number-{OURS}"}) == NOBODYS
    assert chosen({"vapi_phone_number": f"number-{THEIRS}"}) != NOBODYS


def test_dagster_forgets_daily(spoken: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", spoken.url)
    with connect(spoken.url, Role.OPERATOR, autocommit=True) as operator:
        personal.retain(operator, QUIET, 1)
    assert expire_personal_data.execute_in_process(resources={"minutebook": Minutebook()}).success
    assert personal_calls(spoken) == {f"{OURS}-spoken", f"{THEIRS}-spoken"}
