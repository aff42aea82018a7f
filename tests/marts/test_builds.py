"""What a build makes again and what it leaves alone, whose call is whose, and who may read it."""

from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from orchestration.marts import building
from tests.marts.test_first_bill import AS_OF, plan, voice_meter
from tests.marts.warehouse_of_one import Warehouse, call
from warehouse.database.connect import Role, connect


def two_tenants_of_one_account(warehouse: Warehouse) -> None:
    """ann and bob share the platform's account, cal has one of her own; number one moves from ann to bob on March 3."""
    voice_meter(warehouse, "minutes", 60)
    plan(warehouse, "pro", "10", "minutes", "2026-01-01")
    warehouse.put("control.prices", {
        "plan_id": "pro", "meter_id": "minutes", "valid_from": "2026-01-01", "model": "per_unit", "unit_amount": "1",
    })  # fmt: skip
    for tenant_id in ("ann", "bob", "cal"):
        warehouse.tenant(tenant_id, "2026-03-01", plan_id="pro")
    warehouse.attach("ann", "vapi_phone_number", "one", "2026-03-01")
    warehouse.attach("bob", "vapi_phone_number", "one", "2026-03-03")
    warehouse.attach("bob", "vapi_assistant", "robot", "2026-03-01")
    warehouse.own_account("cal")
    warehouse.calls("platform", "2026-03-01", [call("a", "60", phoneNumberId="one", assistantId="robot", cost=1)])
    warehouse.calls("platform", "2026-03-02", [
        call("b", "61", phoneNumberId="one", assistantId="robot", cost=1),
        call("c", "1", phoneNumberId="two", assistantId="robot", cost=1),
        call("d", "90", phoneNumberId="two", assistantId="stranger", cost=1),
        call("e", None, phoneNumberId="one", cost=0),
    ])  # fmt: skip
    warehouse.calls("platform", "2026-03-03", [
        call("f", "60", phoneNumberId="one", cost=1),
        {"id": "g", "status": "in-progress", "phoneNumberId": "one", "startedAt": "2026-03-03T10:00:00Z"},
        {"id": "h", "status": "ended", "assistantId": "robot", "phoneNumberId": "two",
         "startedAt": "2026-03-03T10:00:01Z", "endedAt": "2026-03-03T10:00:00Z"},
    ], is_incomplete=True)  # fmt: skip
    warehouse.calls("cal", "2026-03-02", [call("i", "60", phoneNumberId="one", cost=1)])
    warehouse.failed_pull("vapi", "cal", "2026-03-03", "credential_rejected")


def owners(warehouse: Warehouse) -> dict[str, str | None]:
    return dict(warehouse.rows("select call_id, tenant_id from marts.fct_calls"))


def versions(warehouse: Warehouse) -> dict[str, str]:
    """Which transaction wrote each call: an untouched row keeps its own."""
    return dict(warehouse.rows("select call_id, xmin::text from marts.fct_calls"))


def undescribed(warehouse: Warehouse) -> list[tuple[str, str | None]]:
    """Marts and columns without a comment in the database, which psql and Metabase show."""
    return warehouse.rows("""
        select c.relname, a.attname from pg_class as c
        left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'marts'::regnamespace and c.relkind = 'r'
            and (obj_description(c.oid, 'pg_class') is null or col_description(c.oid, a.attnum) is null)
    """)  # type: ignore[return-value]


def views(warehouse: Warehouse) -> dict[str, int]:
    """Which object each view is, by name."""
    return dict(warehouse.rows("select relname, oid from pg_class where relkind = 'v' and relname ~ '^(stg|int)_'"))


def test_a_build_follows_what_changed_and_nothing_else(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    two_tenants_of_one_account(warehouse)
    warehouse.build(AS_OF)

    assert owners(warehouse) == {
        "a": "ann", "b": "ann", "c": "bob", "d": None, "e": "ann", "f": "bob", "g": "bob", "h": "bob", "i": "cal",
    }  # fmt: skip
    assert warehouse.rows(
        "select tenant_id, agent_id, usage_date, quantity from marts.fct_usage_daily order by usage_date, tenant_id"
    ) == [
        ("ann", "ann-agent", date(2026, 3, 1), 1),
        ("ann", "ann-agent", date(2026, 3, 2), 2),
        ("bob", "bob-agent", date(2026, 3, 2), 1),
        ("cal", None, date(2026, 3, 2), 1),
        ("bob", "bob-agent", date(2026, 3, 3), 1),
    ]
    assert warehouse.rows(
        "select tenant_id, item, unit, quantity, cost, reason, is_blocking"
        " from marts.fct_unbilled_usage order by usage_date"
    ) == [
        (None, "voice", "connected second", Decimal(90), Decimal(1), "unattributed", True),
        ("bob", "voice", "call", Decimal(1), None, "error", True),
    ]
    assert warehouse.rows(
        "select tenant_id, basis, amount from marts.fct_costs_daily where usage_date = '2026-03-02' order by 1"
    ) == [
        ("ann", "reported_by_voice", Decimal(1)),
        ("bob", "reported_by_voice", Decimal(1)),
        ("cal", "billed_elsewhere", Decimal(1)),
        (None, "reported_by_voice", Decimal(1)),
    ]
    statuses = (
        "select tenant_id, status, cause_code from marts.fct_tenant_day_status"
        " where usage_date in ('2026-03-02', '2026-03-03', '2026-03-04') order by tenant_id, usage_date"
    )
    # Nothing is attached to ann from March 3 on, so nothing is expected of her.
    assert warehouse.rows(statuses) == [
        ("ann", "usage", None),
        ("bob", "usage", None), ("bob", "incomplete", None), ("bob", "not pulled", None),
        ("cal", "usage", None), ("cal", "failed", "credential_rejected"), ("cal", "not pulled", None),
    ]  # fmt: skip
    assert warehouse.rows(
        "select is_complete from marts.fct_overages_daily where tenant_id = 'bob' order by usage_date"
    ) == [(True,), (False,)]

    assert undescribed(warehouse) == []

    before, built, stood = warehouse.marts(), versions(warehouse), views(warehouse)
    warehouse.build(AS_OF)
    assert warehouse.marts() == before
    assert versions(warehouse) == built
    # Those that read a table which is made anew go with the former one.
    assert {name for name, view in views(warehouse).items() if view != stood[name]} == {"int_pulls_keyed"}

    # Number two is found out to be ann's since March 2: no pull is needed, and March 1 is left alone.
    warehouse.attach("ann", "vapi_phone_number", "two", "2026-03-02")
    # And March 3 is restated: it was empty.
    warehouse.calls("platform", "2026-03-03", [])
    warehouse.build(AS_OF)
    assert owners(warehouse) == {"a": "ann", "b": "ann", "c": "ann", "d": "ann", "e": "ann", "i": "cal"}
    rewritten = versions(warehouse)
    assert {key for key, version in rewritten.items() if version == built[key]} == {"a", "i"}
    assert warehouse.rows("select * from marts.fct_unbilled_usage") == []
    assert warehouse.rows("select quantity from marts.fct_usage_daily where usage_date = '2026-03-03'") == []
    assert warehouse.rows(statuses)[:6] == [
        ("ann", "usage", None), ("ann", "no usage", None), ("ann", "not pulled", None),
        ("bob", "no usage", None), ("bob", "no usage", None), ("bob", "not pulled", None),
    ]  # fmt: skip
    assert warehouse.rows(
        "select count(*) from ledger.pulls as p full join marts.fct_pulls_built as b on p.pull_id = b.pull_id"
        " where (p.state = 'published') is distinct from (b.pull_id is not null)"
    ) == [(0,)]
    assert warehouse.rows(
        "select control_revision = (select revision from control.revision), as_of from marts.dim_build"
    ) == [(True, AS_OF)]

    incremental = warehouse.marts()
    monkeypatch.setattr(building, "_digest_of_the_project", lambda: "of other models")
    warehouse.build(AS_OF)
    assert warehouse.marts() == incremental
    assert not set(versions(warehouse).values()) & set(rewritten.values())
    assert not set(views(warehouse).values()) & set(stood.values())
    assert undescribed(warehouse) == []


def test_models_are_new_until_a_build_by_them_has_ended_well(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(models: str, *, ends_well: bool = True) -> bool:
        monkeypatch.setattr(building, "_digest_of_the_project", lambda: models)
        with suppress(ZeroDivisionError), building.recorded(database_url, AS_OF) as begun:
            assert ends_well or 1 / 0
        return begun.are_models_new

    assert build("first")
    assert not build("first")
    assert not build("first", ends_well=False)
    assert not build("first")
    assert build("second", ends_well=False)
    assert build("second")
    assert build("third", ends_well=False)
    assert build("second"), "some tables may be of the third"
    assert not build("second")


def test_what_a_killed_build_left_out_and_what_no_longer_fits_are_seen(warehouse: Warehouse) -> None:
    two_tenants_of_one_account(warehouse)
    warehouse.build(AS_OF)
    stood = views(warehouse)
    # As a build from scratch that was killed leaves it: a view and its readers are gone, a table was put aside.
    warehouse.connection.execute("drop view staging.stg_control__tenants cascade")
    warehouse.connection.execute("create table marts.dim_agents__dbt_backup as select * from marts.dim_agents")
    warehouse.build(AS_OF)
    assert set(views(warehouse)) == set(stood)
    assert warehouse.rows("select to_regclass('marts.dim_agents__dbt_backup')") == [(None,)]

    # Columns of another database than the models were built in: nothing of it reaches a mart.
    before = warehouse.marts()
    warehouse.connection.execute("alter table marts.dim_agents add column extra text")
    warehouse.connection.execute("alter table marts.fct_usage_rows alter column quantity type bigint")
    with pytest.raises(building.BuildFailed) as failed:
        warehouse.build(AS_OF)
    told = "\n".join(failed.value.faults)
    assert "the columns of dim_agents are not those it was made with: extra text" in told
    assert "the columns of fct_usage_rows are not those it was made with: quantity" in told
    warehouse.connection.execute("alter table marts.dim_agents drop column extra")
    assert warehouse.marts()["dim_agents"] == before["dim_agents"]
    warehouse.build(AS_OF, full_refresh=True)
    assert warehouse.marts() == before


def made(warehouse: Warehouse) -> dict[str, set[str]]:
    """By tenant, the transactions that wrote its days."""
    written: dict[str, set[str]] = {}
    for tenant_id, transaction in warehouse.rows(
        "select tenant_id, xmin::text from marts.fct_margin_daily"
        " union all select tenant_id, xmin::text from intermediate.int_usage_unioned where tenant_id is not null"
    ):
        written.setdefault(tenant_id, set()).add(transaction)
    return written


@pytest.mark.parametrize("killed_after", [None, "int_tenants_changed"])
def test_the_tenants_a_call_leaves_and_comes_to_are_made_again_and_no_other(
    warehouse: Warehouse, killed_after: str | None
) -> None:
    two_tenants_of_one_account(warehouse)
    warehouse.build(AS_OF)
    before = made(warehouse)
    # What Vapi tells of March 2 has changed: bob's call is gone, there is one more of ann's and none of nobody's.
    warehouse.calls("platform", "2026-03-02", [
        call("b", "61", phoneNumberId="one", assistantId="robot", cost=1),
        call("z", "61", phoneNumberId="one", assistantId="robot", cost=1),
    ])  # fmt: skip
    if killed_after:
        assert warehouse.killed_build(AS_OF, lambda reported: killed_after in reported)
    warehouse.build(AS_OF)
    after = made(warehouse)
    assert after["cal"] == before["cal"]
    assert not after["ann"] & before["ann"]
    assert not after["bob"] & before["bob"]
    assert warehouse.rows(
        "select tenant_id, quantity from marts.fct_usage_daily where usage_date = '2026-03-02' order by 1"
    ) == [("ann", 4), ("cal", 1)]
    assert warehouse.rows("select * from marts.fct_unbilled_usage where reason = 'unattributed'") == []
    incremental = warehouse.marts()
    warehouse.build(AS_OF, full_refresh=True)
    assert warehouse.marts() == incremental


def test_what_a_former_tenants_pull_holds_of_an_agent_stays_aside_when_only_another_tenant_changes(
    warehouse: Warehouse,
) -> None:
    voice_meter(warehouse, "minutes", 60)
    for tenant_id in ("ann", "bob", "cal"):
        warehouse.tenant(tenant_id, "2026-03-01")
    warehouse.attach("ann", "usage_agent", "metered", "2026-03-01")
    warehouse.attach("bob", "usage_agent", "metered", "2026-03-02")
    for tenant_id in ("ann", "bob"):
        warehouse.metrics(tenant_id, "2026-03-02", [("metered", "pages", 5, None)])
    warehouse.build(AS_OF)
    warehouse.metrics("cal", "2026-03-02", [("stranger", "pages", 7, None)])
    warehouse.build(AS_OF)
    assert warehouse.rows("select tenant_id, quantity, reason from marts.fct_unbilled_usage order by quantity") == [
        ("bob", 5, "no meter"), (None, 7, "unattributed"),
    ]  # fmt: skip


@pytest.mark.unbuilt
def test_a_mart_is_never_open_for_a_moment(warehouse: Warehouse) -> None:
    two_tenants_of_one_account(warehouse)
    made: set[int] = set()
    for least in (14, 5):  # those that a first build makes, and those that a later one makes again
        warehouse.build(AS_OF)
        protected = warehouse.rows(
            "select c.oid::bigint, c.relname, c.relrowsecurity and c.relforcerowsecurity, bool_and(p.xmin = c.xmin),"
            " count(p.oid)"
            " from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attname = 'tenant_id'"
            " left join pg_policy as p on p.polrelid = c.oid"
            " where c.relnamespace = 'marts'::regnamespace and c.relkind = 'r' group by c.oid order by 2"
        )
        new = [row for row in protected if row[0] not in made]
        made |= {row[0] for row in protected}
        assert len(new) >= least
        # The transaction that made the policies is the one that made the table visible under its name.
        of_searches = {"fct_call_texts"}
        assert [row for row in new if row[2:] != (True, True, 3 if row[1] in of_searches else 2)] == []
    assert warehouse.rows(
        "select relname from pg_class where relkind = 'v' and relnamespace in ('staging'::regnamespace,"
        " 'intermediate'::regnamespace, 'marts'::regnamespace)"
        " and not coalesce(reloptions, '{}') @> array['security_invoker=true']"
    ) == []  # fmt: skip

    with connect(warehouse.url, Role.TENANT, autocommit=True) as reader:
        assert ask(reader, "select count(*) from marts.fct_statements") == 0
        reader.execute("select set_config('minutebook.tenant_id', 'ann', false)")
        assert ask(reader, "select string_agg(distinct tenant_id, ',') from marts.fct_statement_lines") == "ann"
        assert ask(reader, "select string_agg(call_id, ',' order by call_id) from marts.fct_calls") == "a,b,e"
        for ours in ("cost from marts.fct_calls", "* from marts.fct_margin_monthly", "* from marts.fct_costs_daily"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(f"select {ours}")
    with connect(warehouse.url, Role.ANALYST, autocommit=True) as analyst:
        assert ask(analyst, "select count(distinct coalesce(tenant_id, '')) from marts.fct_calls") == 4


def test_metrics_of_nobodys_agent_stay_traceable_to_the_providers_rows_and_are_reported(warehouse: Warehouse) -> None:
    voice_meter(warehouse, "minutes", 60)
    warehouse.metrics("platform", "2026-03-02", [("stranger", "voice", 7, "0.25")])
    warehouse.build(AS_OF)
    assert warehouse.rows("select tenant_id, account, quantity, cost from marts.fct_usage_rows") == [
        (None, "platform", 7, Decimal("0.25"))
    ]
    assert warehouse.rows(
        "select tenant_id, quantity, reason from marts.fct_unbilled_usage where source = 'usage_metrics'"
    ) == [(None, 7, "unattributed")]


def ask(connection: psycopg.Connection[Any], query: str) -> Any:
    (value,) = connection.execute(query).fetchall()[0]
    return value


@pytest.mark.parametrize("full_refresh", [False, True], ids=["of what changed", "from scratch"])
def test_two_rows_of_one_stop_the_build_and_are_named(warehouse: Warehouse, full_refresh: bool) -> None:
    two_tenants_of_one_account(warehouse)
    warehouse.connection.execute(
        "alter table control.tenants drop constraint tenants_pkey cascade;"
        " insert into control.tenants select * from control.tenants where tenant_id = 'ann'"
    )
    with pytest.raises(building.BuildFailed, match=r"has more than one row of one \(tenant_id.*\): ann"):
        warehouse.build(AS_OF, full_refresh=full_refresh)
