"""Ways to what is not one's own, and what came out of them: marks planted in the warehouse, by who may see them.

Every path takes an attacker and yields all that the server told it: rows, errors with their details, notices, dumps.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.isolation.conftest import OURS, THEIRS
from warehouse.database.connect import Role

Connection = psycopg.Connection[Any]

# What marks a thing, wherever it is told.
MARKS = {
    "own": f"{OURS}-0",
    "foreign": f"{THEIRS}-0",
    "raw": "mark-of-raw",
    "secret": "mark-of-a-secret",
    "audit": "mark-of-the-audit",
    "people": "mark-of-people",
    "dagster": "mark-of-dagster",
    "model": "mark-of-a-model",
}
# Where each of them is.
TARGETS = {
    "marts.fct_calls": "select tenant_id, call_id from marts.fct_calls",
    "marts.fct_call_texts": "select tenant_id, call_id, turns from marts.fct_call_texts",
    "marts.fct_call_results": "select tenant_id, call_id, summary from marts.fct_call_results",
    "marts.search_calls": (
        # All that do not say x; without a quote, since some paths run a text within a text.
        "select call_id from marts.search_calls(chr(45) || chr(120), current_date - 99999, current_date + 99999, 99,"
        " null, null, null, null, null, null, null, null, null, null, null, null)"
    ),
    "marts.search_all_calls": (
        "select call_id from marts.search_all_calls((select array_agg(cfgname::text) from pg_ts_config),"
        " chr(45) || chr(120), current_date - 99999, current_date + 99999, 99, null, null, null, null, null, null,"
        " null, null, null, null, null, null)"
    ),
    "ledger.stored_call": "select ledger.stored_call(tenant_id, source, usage_date, call_id) from marts.fct_calls",
    "raw_vapi.calls": "select tenant_id, payload from raw_vapi.calls",
    "control.credentials": "select tenant_id, ciphertext from control.credentials",
    "ledger.audit_log": "select actor, after from ledger.audit_log",
    "control.logins": "select login_id from control.logins",
    "dagster.marked": "select said from dagster.marked",
    "marts.unguarded": "select tenant_id, said from marts.unguarded",
    "marts.unguarded_view": "select tenant_id, said from marts.unguarded_view",
}
ROLES = [
    *(role for role in Role if role),
    "minutebook_server",
    "minutebook_searcher",
    "minutebook_dagster_login",
    "postgres",
    "none",
]


@dataclass(frozen=True)
class Attacker:
    """A login, as whom it acts, and what it may see: as that, and as whatever else it may become."""

    url: str
    sees: frozenset[str]
    becomes: frozenset[str]
    role: str = ""
    tenant_id: str = ""
    pg_dump: Path = Path("pg_dump")

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """Connected and acting; read-only is a default that a kind tool keeps to and an attacker does not."""
        options = f"-c role={self.role}" if self.role else ""
        with psycopg.connect(self.url, options=options, autocommit=True) as connection:
            connection.execute("set default_transaction_read_only = off")
            self.be_itself(connection)
            yield connection

    def be_itself(self, connection: Connection) -> None:
        """As the pages do at the start of a request: its role and tenant again, whoever it was before."""
        connection.execute("reset session authorization")
        connection.execute("reset role")
        connection.execute("select set_config('minutebook.tenant_id', %s, false)", [self.tenant_id])


def marks_in(reported: str) -> set[str]:
    """Names of the marks that stand in what was told, bytes in hex too."""
    return {name for name, mark in MARKS.items() if mark in reported or mark.encode().hex() in reported}


def heard(connection: Connection, *statements: str) -> str:
    """Everything said about statements, run in a transaction that is rolled back: rows, notices, or the whole error."""
    reported: list[str] = []

    def notice(diagnostic: psycopg.errors.Diagnostic) -> None:
        reported.append(f"{diagnostic.message_primary} {diagnostic.message_detail}")

    connection.add_notice_handler(notice)
    try:
        with connection.transaction(force_rollback=True):
            for statement in statements:
                answer = connection.execute(statement)  # type: ignore[call-overload]
                reported.append(str(answer.fetchall() if answer.description else ""))
    except psycopg.Error as error:
        diagnostic = error.diag
        reported += [f"{error} {diagnostic.message_detail} {diagnostic.message_hint} {diagnostic.context}"]
    finally:
        connection.remove_notice_handler(notice)
    return " ".join(reported)


def direct(attacker: Attacker) -> Iterator[str]:
    """Every column it has a right to, of every relation there is."""
    with attacker.session() as connection:
        relations = connection.execute(
            "select format('%I.%I', n.nspname, c.relname), string_agg(quote_ident(a.attname), ', ') from pg_class as c"
            " join pg_namespace as n on n.oid = c.relnamespace join pg_attribute as a on a.attrelid = c.oid"
            " and a.attnum > 0 and not a.attisdropped and has_column_privilege(c.oid, a.attnum, 'select')"
            " where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^(pg_|information_schema)' group by 1"
        ).fetchall()
        for name, columns in relations:
            yield heard(connection, f"select {columns} from {name}")
        for query in TARGETS.values():
            yield heard(connection, query)


def view(attacker: Attacker) -> Iterator[str]:
    """Through views of its own, of both kinds and with a barrier that would come before the policy's."""
    with attacker.session() as connection:
        for query in TARGETS.values():
            for kind in ("", "with (security_invoker = true)", "with (security_barrier = true)"):
                yield heard(connection, f"create temp view spy {kind} as {query}", "select * from spy")


def function(attacker: Attacker) -> Iterator[str]:
    """Through functions: its own, the server's that run a text, and all of ours that it may call."""
    with attacker.session() as connection:
        for query in TARGETS.values():
            for rights in ("definer", "invoker"):
                yield heard(
                    connection,
                    f"create function pg_temp.peek() returns setof text language plpgsql security {rights} as"
                    f" 'begin return query execute $q$ select t::text from ({query}) as t $q$; end'",
                    "select pg_temp.peek()",
                )
            yield heard(connection, f"select query_to_xml('{query}', true, false, '')")
        for (call,) in connection.execute(
            "select format('%I.%I(%s)', n.nspname, p.proname, (select string_agg('null::' || t::regtype, ', ')"
            " from unnest(p.proargtypes::oid[]) as t)) from pg_proc as p join pg_namespace as n"
            " on n.oid = p.pronamespace where n.nspname !~ '^(pg_|information_schema)' and p.prokind = 'f'"
            " and p.prorettype <> 'trigger'::regtype and has_function_privilege(p.oid, 'execute')"
            " and has_schema_privilege(n.oid, 'usage')"
        ).fetchall():
            yield heard(connection, f"select {call}")


def settings(attacker: Attacker) -> Iterator[str]:
    """Everything that SET can change of who asks."""
    changes = [
        f"set minutebook.tenant_id = '{THEIRS}'",
        f"select set_config('minutebook.tenant_id', '{THEIRS}', true)",
        f"set minutebook.tenant_id = '{OURS},{THEIRS}'",
        "set row_security = off",
        "reset role",
        "reset all",
        *(f"set role {role}" for role in ROLES),
        *(f"select set_config('role', '{role}', true)" for role in ROLES),
        *(f"set session authorization {role}" for role in ROLES),
    ]
    with attacker.session() as connection:
        for change in changes:
            for query in TARGETS.values():
                yield heard(connection, change, query)


def stale_pool(attacker: Attacker) -> Iterator[str]:
    """A connection on which somebody else was served before, who left statements and plans behind."""
    for former in ROLES:
        with attacker.session() as connection:
            connection.execute("set plan_cache_mode = force_generic_plan")
            for change in (f"set role {former}", f"set minutebook.tenant_id = '{THEIRS}'"):
                try:
                    connection.execute(change)  # type: ignore[call-overload]
                except psycopg.Error:
                    continue
            for number, query in enumerate(TARGETS.values()):
                try:
                    connection.execute(f"prepare left_{number} as {query}")  # type: ignore[call-overload]
                    connection.execute(f"execute left_{number}")  # type: ignore[call-overload]
                except psycopg.Error:
                    continue
            attacker.be_itself(connection)
            for number in range(len(TARGETS)):
                yield heard(connection, f"execute left_{number}")


def prepared(attacker: Attacker) -> Iterator[str]:
    """Prepared as itself, planned in either way, executed under another tenant's name."""
    for plan in ("force_generic_plan", "force_custom_plan"):
        with attacker.session() as connection:
            connection.execute(f"set plan_cache_mode = {plan}")  # type: ignore[call-overload]
            for number, query in enumerate(TARGETS.values()):
                yield heard(connection, f"prepare mine_{number} as {query}", f"execute mine_{number}")
            connection.prepare_threshold = 0
            for query in TARGETS.values():
                yield heard(connection, query, query)


def copy(attacker: Attacker) -> Iterator[str]:
    """COPY of tables and of queries, to itself and to the server's files and programs."""
    with attacker.session() as connection:
        for table, query in TARGETS.items():
            for source in (table, f"({query})"):
                try:
                    with connection.cursor().copy(f"copy {source} to stdout") as rows:  # type: ignore[call-overload]
                        yield b"".join(bytes(row) for row in rows).decode()
                except psycopg.Error as error:
                    yield str(error)
                for target in ("'/tmp/minutebook-attack'", "program 'cat'"):
                    assert "permission denied" in heard(connection, f"copy {source} to {target}")


def pg_dump(attacker: Attacker) -> Iterator[str]:
    """pg_dump, which locks a table, sets its own row_security and copies."""
    parts = conninfo_to_dict(attacker.url)
    environment = {
        "PATH": os.environ["PATH"], "PGHOST": str(parts["host"]), "PGPORT": str(parts["port"]),
        "PGUSER": str(parts["user"]), "PGPASSWORD": str(parts["password"]), "PGDATABASE": str(parts["dbname"]),
        "PGOPTIONS": f"-c role={attacker.role}" if attacker.role else "",
    }  # fmt: skip
    for table in ("marts.fct_calls", "raw_vapi.calls"):
        command = [os.fspath(attacker.pg_dump), "--data-only", "--enable-row-security", f"--table={table}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        yield done.stdout + done.stderr


def errors(attacker: Attacker) -> Iterator[str]:
    """Errors and notices that tell of the rows they were about, from functions cheap enough to be asked first."""
    tell = (
        "create function pg_temp.tell(text) returns bool language plpgsql cost 0.0000001 as"
        " $$ begin raise notice 'saw %', $1; return true; end $$"
    )
    with attacker.session() as connection:
        for query in TARGETS.values():
            for probe in (
                f"select t::text::int from ({query}) as t",
                f"select * from ({query}) as t where pg_temp.tell(t::text)",
                f"select 1 from (values (1)) as v (n) left join ({query}) as t on pg_temp.tell(t::text)",
                f"select 1 / (case when pg_temp.tell(t::text) then 0 else 1 end) from ({query}) as t",
                f"explain analyze select * from ({query}) as t where pg_temp.tell(t::text)",
            ):
                yield heard(connection, tell, probe)
        # A key that is taken is told by the error of who inserts it again.
        yield heard(connection, "insert into marts.fct_calls select * from marts.fct_calls")
        yield heard(connection, f"insert into marts.fct_calls (account, usage_date, call_id) values ('platform',"
                                f" '2026-03-01', '{THEIRS}' || '-' || 0)")  # fmt: skip


def statistics(attacker: Attacker) -> Iterator[str]:
    """What the planner knows of values, what plans tell, and the catalogs that hold values or what others do."""
    with attacker.session() as connection:
        for query in TARGETS.values():
            yield heard(connection, f"explain (verbose) {query}")
        relations = connection.execute(
            "select c.oid::regclass::text from pg_class as c where relkind in ('r', 'v')"
            " and relnamespace = 'pg_catalog'::regnamespace and relname ~ '^pg_(stat|prepared|cursors|largeobject"
            "|authid|shadow|user|settings|db_role|subscription|views|rules|seclabel|file|hba|locks)'"
        ).fetchall()
        for (relation,) in relations:
            yield heard(connection, f"select * from {relation}")


def model(attacker: Attacker) -> Iterator[str]:
    """What a dbt model left that has no policy: a table and a view made by the role that builds."""
    with attacker.session() as connection:
        for relation in ("marts.unguarded", "marts.unguarded_view", "staging.unguarded"):
            yield heard(connection, f"select * from {relation}")


PATHS: dict[str, Callable[[Attacker], Iterator[str]]] = {
    path.__name__: path
    for path in (direct, view, function, settings, stale_pool, prepared, copy, pg_dump, errors, statistics, model)
}
