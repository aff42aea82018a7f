"""Every other login can do its work and no more; and a model that forgets its policy is not built."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from orchestration.marts import building
from tests.isolation.conftest import AS_OF, OURS, QUIET, THEIRS, House
from warehouse.database.connect import Role, connect
from warehouse.security.database_logins import ROLES, Access
from warehouse.security.isolation import flaws

REFUSED = psycopg.errors.InsufficientPrivilege
RAW = ["raw_vapi.calls", "raw_voiceflow.usage", "raw_voiceflow.transcripts", "raw_usage_metrics.metrics"]
SECRETS = ["control.credentials", "control.data_keys", "control.login_passwords", "control.sessions"]
PROCESSES = [Access.LOADER, Access.TRANSFORMER, Access.BILLING]

CLOSED = {
    Access.ANALYST: [*RAW, *SECRETS, "control.tenants", "ledger.pulls", "ledger.audit_log", "control.prices"],
    Access.LOADER: ["control.login_passwords", "control.sessions", "ledger.audit_log", "control.database_logins"],
    Access.TRANSFORMER: [*SECRETS, "ledger.audit_log", "control.database_logins"],
    Access.BILLING: [*RAW, *SECRETS, "ledger.audit_log", "control.database_logins"],
    Access.OPERATOR: [*RAW, "dagster.runs", "control.login_passwords", "control.sessions"],
    Access.SERVER: [*RAW, "dagster.runs"],
}
UNWRITABLE = {
    Access.ANALYST: ["marts.fct_calls", "marts.fct_statements"],
    Access.LOADER: ["marts.fct_statements", "control.prices", "ledger.statement_lines", "ledger.postings"],
    Access.TRANSFORMER: ["control.prices", "ledger.pulls", "ledger.statement_lines", "raw_vapi.calls"],
    Access.BILLING: ["marts.fct_statements", "control.prices", "ledger.statement_lines", "ledger.pulls"],
    Access.OPERATOR: ["marts.fct_statements", "ledger.audit_log", "ledger.postings", "control.logins"],
}


def acting(house: House, kind: Access) -> psycopg.Connection[Any]:
    return psycopg.connect(house.urls[kind], options=f"-c role={ROLES[kind][0]}", autocommit=True)


@pytest.mark.parametrize(("kind", "table"), [(kind, table) for kind, tables in CLOSED.items() for table in tables])
def test_what_is_not_its_work_it_cannot_read(house: House, kind: Access, table: str) -> None:
    with acting(house, kind) as connection:
        query = SQL("select * from {}").format(Identifier(*table.split(".")))
        with pytest.raises((REFUSED, psycopg.errors.UndefinedTable)):
            connection.execute(query)
        with pytest.raises((REFUSED, psycopg.errors.UndefinedTable)):
            connection.cursor().copy(SQL("copy ({}) to stdout").format(query)).__enter__()


@pytest.mark.parametrize(("kind", "table"), [(kind, table) for kind, tables in UNWRITABLE.items() for table in tables])
def test_what_is_not_its_work_it_cannot_change(house: House, kind: Access, table: str) -> None:
    with acting(house, kind) as connection:
        connection.execute("set default_transaction_read_only = off")
        for change in ("delete from {}", "truncate {}", "drop table {}", "alter table {} disable row level security"):
            with pytest.raises(REFUSED):
                connection.execute(SQL(change).format(Identifier(*table.split("."))))  # type: ignore[arg-type]


def test_the_analyst_reads_the_marts_of_all_tenants(house: House) -> None:
    with house.as_login(Access.ANALYST) as connection:
        tenants = connection.execute("select distinct tenant_id from fct_statements").fetchall()
        assert {tenant for (tenant,) in tenants} == {OURS, THEIRS, QUIET}
        with pytest.raises(REFUSED, match="permission denied to set"):
            connection.execute("set role minutebook_operator")


@pytest.mark.parametrize("kind", [*PROCESSES, Access.SERVER])
def test_a_process_can_only_become_what_it_is(house: House, kind: Access) -> None:
    with house.as_login(kind) as connection:
        with pytest.raises(REFUSED):
            connection.execute("select * from control.tenants")
        for role in [*(role for role in Role if role), "postgres", "minutebook_server", "minutebook_searcher"]:
            if role in ROLES[kind]:
                connection.execute(f"set role {role}")
                connection.execute("reset role")
                continue
            for become in (f"set role {role}", f"set session authorization {role}"):
                with pytest.raises(REFUSED):
                    connection.execute(become)  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", [Access.ANALYST, Access.TRANSFORMER, Access.BILLING, Access.TENANT])
def test_no_ciphertext_is_read_by_who_needs_none(house: House, kind: Access) -> None:
    with acting(house, kind) as connection:
        for column in ("ciphertext", "fingerprint"):
            with pytest.raises(REFUSED):
                connection.execute(f"select {column} from control.credentials")  # type: ignore[call-overload]


def test_the_audit_log_cannot_be_changed_even_by_its_owner(house: House) -> None:
    with connect(house.url, Role.OWNER) as owner:
        for change in ("delete from ledger.audit_log", "update ledger.audit_log set actor = 'x'"):
            with pytest.raises(REFUSED, match="insert only"), owner.transaction():
                owner.execute(change)  # type: ignore[call-overload]


MODEL = "select tenant_id, call_id from {{ ref('fct_calls') }}"
YAML = """models:
    - name: peek
      columns:
          - {name: tenant_id, data_type: text}
          - {name: call_id, data_type: text}
"""
OPEN_MODELS = {
    "elsewhere": ("intermediate/peek.sql", "{{ config(schema='marts') }} " + MODEL, "without the post-hook protect"),
    "granted": (
        "marts/peek.sql",
        "{{ config(grants={'select': ['minutebook_tenant']}) }} " + MODEL,
        "grants of its own",
    ),
    "granted early": (
        "intermediate/peek.sql",
        "{{ config(grants={'select': ['minutebook_tenant']}) }} " + MODEL,
        "only marts are granted",
    ),
    "a view": ("marts/peek.sql", "{{ config(materialized='view') }} " + MODEL, "no policy can protect"),
    "a hook besides": (
        "marts/peek.sql",
        "{{ config(post_hook='alter table {{ this }} disable row level security') }} " + MODEL,
        "which could undo it",
    ),
}


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for a copy of the project and what dbt knows of it: parsed once, and then what changed."""
    return tmp_path_factory.mktemp("spare")


@pytest.mark.parametrize("name", OPEN_MODELS)
def test_a_model_without_a_policy_is_refused_before_anything_is_built(
    house: House, spare: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path, model, said = OPEN_MODELS[name]
    monkeypatch.setattr(building, "PROJECT", project_with(spare, path, model))
    with pytest.raises(building.BuildFailed, match=said):
        building.build(house.url, spare / "home", AS_OF)
    assert house.warehouse.rows("select to_regclass('marts.peek'), to_regclass('intermediate.peek')") == [(None, None)]


class Watcher:
    """A login that reads every relation of the warehouse over and over, while others work, and keeps what it should not
    have met: another tenant's rows, or as an analyst anything but marts."""

    def __init__(self, house: House, kind: Access, after_each_round: Callable[[], None] = lambda: None) -> None:
        self.answered: Counter[str] = Counter()
        self.leaked: set[str] = set()
        self._house, self._kind, self._after_each_round = house, kind, after_each_round
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        with self._house.as_login(self._kind) as reader:
            while not self._is_over.is_set():
                for schema, name in reader.execute(TABLES_WITH_TENANTS).fetchall():
                    try:
                        rows = reader.execute(SQL("select distinct tenant_id from {}").format(Identifier(schema, name)))
                        seen = {tenant for (tenant,) in rows.fetchall()}
                    except (REFUSED, psycopg.errors.UndefinedTable, psycopg.errors.InternalError):
                        continue  # not its to read, or replaced between the question and the answer
                    self.answered[f"{schema}.{name}"] += 1
                    is_its_own = schema == "intake" and self._kind is Access.TENANT
                    if (schema != "marts" and not is_its_own) or (self._kind is Access.TENANT and seen - {OURS}):
                        self.leaked.add(f"{schema}.{name}")
                self._after_each_round()


TABLES_WITH_TENANTS = (
    "select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
    " join pg_attribute as a on a.attrelid = c.oid and a.attname = 'tenant_id'"
    " where c.relkind in ('r', 'p', 'v', 'm') and n.nspname !~ '^pg_'"
)


def test_a_new_mart_is_protected_and_none_is_open_for_a_moment_while_all_are_built_anew(
    house: House, spare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads during a full refresh meets each mart's former table or its new one, never one without policy."""
    monkeypatch.setattr(building, "PROJECT", project_with(spare, "marts/peek.sql", MODEL))
    identity = "select oid from pg_class where oid = 'marts.fct_calls'::regclass"
    before = house.warehouse.rows(identity)
    with Watcher(house, Access.TENANT) as tenant, Watcher(house, Access.ANALYST) as analyst:
        building.build(house.url, spare / "home", AS_OF, full_refresh=True)
    assert house.warehouse.rows(identity) != before
    assert (tenant.leaked, analyst.leaked) == (set(), set())
    assert min(watcher.answered["marts.fct_calls"] for watcher in (tenant, analyst)) > 3
    try:
        with house.as_login(Access.TENANT) as reader:
            assert reader.execute("select distinct tenant_id from peek").fetchall() == [(OURS,)]
        with connect(house.url, Role.ANALYST) as connection:
            assert flaws(connection) == []
    finally:
        house.warehouse.connection.execute("drop table marts.peek")


# Granted while it is swapped in, protected once it is there.
PROTECTED_LATE = """+post-hook:
                - "grant select on {{ this }} to minutebook_tenant"
                - {sql: "select pg_advisory_lock(77, 77)", transaction: false}
                - {sql: "{{ protect() }}", transaction: false}
"""


def test_a_mart_protected_only_after_the_swap_is_seen_open(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the watcher of the test above would have told: here the build waits in that moment for it to look around."""
    project = project_with(tmp_path, "marts/peek.sql", MODEL)
    settings = (project / "dbt_project.yml").read_text()
    late = settings.replace('+post-hook: "{{ protect() }}"\n', PROTECTED_LATE)
    assert late != settings
    (project / "dbt_project.yml").write_text(late.replace('on-run-start: "{{ refuse_open_models() }}"\n', ""))
    monkeypatch.setattr(building, "PROJECT", project)
    monkeypatch.setattr(building, "arguments_of", lambda *_: ["run", "-s", "peek", *building.variables()])
    waits = "select count(*) from pg_locks where locktype = 'advisory' and classid = 77 and not granted"
    with psycopg.connect(house.url, autocommit=True) as gate:
        gate.execute("select pg_advisory_lock(77, 77)")
        rounds = Counter[str]()

        def look_around() -> None:
            rounds["while open"] += bool(gate.execute(waits).fetchone() == (1,))
            if rounds["while open"] == 2:  # the second began when the build already waited
                gate.execute("select pg_advisory_unlock(77, 77)")

        try:
            with Watcher(house, Access.TENANT, look_around) as tenant:
                building.build(house.url, tmp_path / "home", AS_OF)
            assert tenant.leaked == {"marts.peek"}
            with house.as_login(Access.TENANT) as reader:
                assert reader.execute("select distinct tenant_id from marts.peek").fetchall() == [(OURS,)]
        finally:
            house.warehouse.connection.execute("drop table if exists marts.peek")


def project_with(folder: Path, path: str, model: str) -> Path:
    """A copy of the project with one model more; the one that was added to it before is gone."""
    project = folder / "dbt_project"
    if not project.exists():
        shutil.copytree(building.PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    for former in project.rglob("peek.*"):
        former.unlink()
    (project / "models" / path).write_text(model)
    (project / "models" / path).with_suffix(".yml").write_text(YAML)
    return project
