"""A search finds one tenant's calls whatever is asked, and shows nothing of another's: no row, plan, error or right."""

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.isolation.conftest import AS_OF, OURS, THEIRS, House
from warehouse.database.connect import Role, connect
from warehouse.security.database_logins import Access
from warehouse.security.isolation import flaws

DAYS = "'-infinity', 'infinity', 100"
SEARCH = f"select call_id from marts.search_calls(%s, {DAYS}, null, '-'{', null' * 10})"
SEARCH_OF = f"select call_id from marts.search_calls_of(%s, %s, {DAYS}, null, '-'{', null' * 12})"
SEARCH_ALL = f"select call_id from marts.search_all_calls(array['simple', 'english'], %s, {DAYS}{', null' * 12})"
OWN = [(f"{OURS}-{number}",) for number in range(4, -1, -1)]
NOBODYS_WORDS = (
    f"'={THEIRS}'", f"={THEIRS}", f'"={THEIRS}"', f"secretof{THEIRS}", f"secretof{THEIRS} or secretof{THEIRS} -plumber",
    "", "-", "or", "'", "\\", ":*", "!", "&", "%", "\u202e", "a" * 100_000,
)  # fmt: skip


@pytest.mark.parametrize("words", ["plumber", "PLUMBER", "plumber or else", "-nothing", f"plumber -secretof{THEIRS}"])
def test_a_word_that_all_say_finds_the_readers_own_calls(house: House, words: str) -> None:
    with house.as_login(Access.TENANT) as tenant:
        assert tenant.execute(SEARCH, [words]).fetchall() == OWN


@pytest.mark.parametrize("words", NOBODYS_WORDS)
def test_a_word_of_another_finds_nothing_and_no_query_is_an_error(house: House, words: str) -> None:
    with house.as_login(Access.TENANT) as tenant:
        assert tenant.execute(SEARCH, [words]).fetchall() == []


def test_an_operator_searches_the_tenant_it_names(house: House) -> None:
    with connect(house.url, Role.OPERATOR) as operator:
        assert operator.execute(SEARCH_OF, [OURS, "plumber"]).fetchall() == OWN
        assert len(operator.execute(SEARCH_OF, [THEIRS, f"secretof{THEIRS}"]).fetchall()) == 5
        assert operator.execute(SEARCH_OF, [None, "plumber"]).fetchall() == []


def test_an_operator_who_searches_in_all_tenants_is_written_down_and_what_for_is_not(house: House) -> None:
    with connect(house.url, Role.OPERATOR, actor="otto") as operator:
        found = operator.execute(SEARCH_ALL, ["plumber"]).fetchall()
        assert len(found) == 10
        assert len(operator.execute(SEARCH_ALL, [f"secretof{THEIRS}"]).fetchall()) == 5
        said = operator.execute(
            "select actor, tenant_id, before, after from ledger.audit_log where action = 'search' and actor = 'otto'"
        ).fetchall()
        assert said == [("otto", None, None, None)] * 2
        operator.rollback()


def test_no_other_role_searches_in_all_tenants_or_past_the_functions(house: House) -> None:
    for kind in (Access.TENANT, Access.ANALYST):
        with house.as_login(kind) as reader:
            for refused in (SEARCH_ALL, "select marts.found_calls('x', %s" + ", null" * 19 + ")"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reader.execute(refused, ["plumber"])  # type: ignore[call-overload]
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute("select ledger.stored_call(%s, 'vapi', '2026-03-01', %s)", [OURS, f"{OURS}-0"])
    with house.as_login(Access.TENANT) as tenant, pytest.raises(psycopg.errors.InsufficientPrivilege):
        tenant.execute("select cost from marts.fct_call_texts")


def test_nobody_else_searches_and_nobody_reads_the_words_themselves(house: House) -> None:
    with house.as_login(Access.TENANT) as tenant:
        for refused in (
            SEARCH_OF.replace("%s, %s", f"'{THEIRS}', 'plumber'"),
            "select words from marts.fct_call_texts",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                tenant.execute(refused)  # type: ignore[call-overload]
        assert tenant.execute("select distinct tenant_id from marts.fct_call_texts").fetchall() == [(OURS,)]
        assert (
            tenant.execute("select 1 from pg_stats where tablename = 'fct_call_texts' and attname = 'words'").fetchall()
            == []
        )
    with house.as_login(Access.ANALYST) as analyst:
        for refused in (
            SEARCH,
            SEARCH_OF.replace("%s, %s", f"'{OURS}', %s"),
            "select turns from marts.fct_call_texts where %s = ''",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                analyst.execute(refused, ["plumber"])  # type: ignore[call-overload]


def test_a_plan_of_a_search_names_its_function_and_the_same_rows_whatever_is_asked(house: House) -> None:
    with house.as_login(Access.TENANT) as tenant:
        plans = set()
        for words in ("plumber", f"secretof{THEIRS}", "nothing"):
            plan = tenant.execute("explain (verbose) " + SEARCH, [words]).fetchall()
            plans.add(str(plan).replace(words, "…"))
    assert len(plans) == 1
    assert "Function Scan" in plans.pop()


COPIED = """
insert into marts.fct_call_texts
select (
    jsonb_populate_record(
        texts,
        jsonb_build_object(
            'call_id', call_id || '-' || number, 'created_at', created_at - number * interval '1 minute',
            'words', marts.words_of(
                tenant_id,
                to_tsvector('simple', 'theword' || %(tenant)s || case when number %% 50 = 0 then ' rare' else '' end)
            )::text
        )
    )
).*
from marts.fct_call_texts as texts, generate_series(1, %(times)s) as number
where tenant_id = %(tenant)s
"""


def test_a_search_reads_as_many_pages_for_a_word_of_another_as_for_nobodys(house: House) -> None:
    # Pages and not time: a machine is noisy, and who counts pages sees more than who holds a watch.
    connection = house.warehouse.connection

    def pages(words: str) -> int:
        asked = "explain (analyze, buffers, timing off, format json) " + SEARCH_OF
        (plan,) = connection.execute(asked, [OURS, words]).fetchone()  # type: ignore[arg-type, misc]
        return int(plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"])

    with connection.transaction(force_rollback=True):
        for tenant, times in ((THEIRS, 6000), (OURS, 2000)):
            connection.execute(COPIED, {"tenant": tenant, "times": times})
        connection.execute("analyze marts.fct_call_texts")
        own, theirs = f"theword{OURS}", f"theword{THEIRS}"
        for words in ("nobodysword", own, theirs):
            pages(words)  # what is read once, of the catalogue and to tidy up
        assert pages(theirs) == pages("nobodysword") > 0
        assert pages(f"{theirs} rare") == pages("nobodysword rare")
        assert pages(own) != pages("nobodysword"), "a count that tells nothing apart proves nothing"


def test_the_owner_of_the_search_reads_its_one_table_and_is_nobodys_to_become(house: House) -> None:
    rows = house.warehouse.rows(
        "select n.nspname || '.' || c.relname from pg_class as c join pg_namespace as n on c.relnamespace = n.oid"
        " where n.nspname !~ '^(pg_|information_schema)'"
        " and has_any_column_privilege('minutebook_searcher', c.oid, 'select')"
    )
    assert rows == [("marts.fct_call_texts",)]
    for of_role in ("rolsuper", "rolbypassrls", "rolcanlogin", "rolcreaterole"):
        assert house.warehouse.rows(f"select {of_role} from pg_roles where rolname = 'minutebook_searcher'") == [
            (False,)
        ]
    # Each login that Minutebook makes; whoever ran the migrations of another database here may be one as its owner.
    for address in house.urls.values():
        login = make_url(address).username
        assert house.warehouse.rows("select pg_has_role(%s, 'minutebook_searcher', 'member')", login) == [(False,)]


def test_the_preflight_knows_this_one_function_and_no_other_like_it(house: House) -> None:
    connection = house.warehouse.connection
    assert flaws(connection) == []
    with connection.transaction(force_rollback=True):
        connection.execute(
            "create function marts.search_more() returns setof text language sql security definer set search_path = ''"
            " as 'select call_id from marts.fct_call_texts';"
            " revoke execute on function marts.search_more() from public;"
            " grant create on schema marts to minutebook_searcher;"
            " alter function marts.search_more() owner to minutebook_searcher;"
            " grant execute on function marts.search_more() to minutebook_tenant"
        )
        assert "search_more" in str(flaws(connection))
    with connection.transaction(force_rollback=True):
        connection.execute("alter function marts.search_calls owner to minutebook_transformer")
        assert "search_calls" in str(flaws(connection))


def test_words_that_are_forgotten_are_found_no_more(house: House) -> None:
    connection = house.warehouse.connection
    with connection.transaction(force_rollback=True):
        connection.execute("select ledger.forget_personal_data(%s, %s)", [OURS, AS_OF])
        assert connection.execute(SEARCH_OF, [OURS, "plumber"]).fetchall() == []
        assert len(connection.execute(SEARCH_OF, [THEIRS, "plumber"]).fetchall()) == 5
