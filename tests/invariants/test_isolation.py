"""Invariant 11 of the design: no tenant can read another's row, by any path. All paths: tests/isolation/.

Invariant 10, on secrets, is tests/invariants/test_secrets.py.
"""

import psycopg

from tests.isolation.conftest import OURS, THEIRS, House, house  # noqa: F401 - a fixture
from warehouse.security.database_logins import Access
from warehouse.security.isolation import flaws


def test_11_no_tenant_can_read_anothers_row_by_any_path(house: House) -> None:  # noqa: F811
    with house.as_login(Access.TENANT) as reader:
        assert flaws(reader) == []
        reader.execute(f"set minutebook.tenant_id = '{THEIRS}'")  # type: ignore[call-overload]
        relations = reader.execute(
            "select c.oid, format('%I.%I', n.nspname, c.relname) from pg_class as c"
            " join pg_namespace as n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^(pg_|information_schema)'"
        ).fetchall()
        assert len(relations) > 80
        seen = []
        for oid, relation in relations:
            columns = reader.execute(
                "select string_agg(quote_ident(attname), ', ') from pg_attribute where attrelid = %s"
                " and attnum > 0 and not attisdropped and has_column_privilege(attrelid, attnum, 'select')",
                [oid],
            ).fetchone()
            if not columns or not columns[0]:
                continue
            try:
                seen += reader.execute(f"select {columns[0]} from {relation}").fetchall()  # type: ignore[call-overload]
            except psycopg.errors.InsufficientPrivilege:
                continue
    assert OURS in str(seen)
    assert THEIRS not in str(seen)
