"""The audit log says who, from where, before and after; and a log that was tampered with says so."""

import threading

import psycopg
import pytest

from tests.cli.conftest import EXAMPLE, Minutebook, database, minutebook  # noqa: F401 - fixtures
from warehouse.database.connect import Role, connect
from warehouse.security import audit_log
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

Owner = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def written(database_url: str) -> str:
    with psycopg.connect(database_url) as owner:  # what the installation wrote of its sources is not of this log
        owner.execute("set session_replication_role = replica")
        owner.execute("truncate ledger.audit_chain, ledger.audit_log restart identity")
    with connect(database_url, Role.OPERATOR, actor="anna") as connection:
        for name in ("a", "b", "c"):
            connection.execute(
                "insert into control.plans (plan_id, name, currency) values (%s, %s, 'USD')", [name, name]
            )
            connection.commit()
        connection.execute("update control.plans set name = 'B' where plan_id = 'b'")
    return database_url


def verified(url: str, anchor: str | None = None) -> audit_log.Verified:
    with connect(url, Role.OPERATOR) as connection:
        return audit_log.verify(connection, anchor)


def test_an_entry_says_who_from_where_before_and_after(written: str) -> None:
    with connect(written, Role.OPERATOR) as connection:
        newest = audit_log.entries(connection)[0]
    assert (newest["actor"], newest["login"], newest["client"]) == ("anna", "postgres", "127.0.0.1/32")
    assert (newest["before"]["name"], newest["after"]["name"]) == ("b", "B")
    assert verified(written) == audit_log.Verified(4, verified(written).head, ())


def test_what_the_asking_transaction_wrote_is_no_fault(written: str) -> None:
    with connect(written, Role.OPERATOR, actor="anna") as connection:
        connection.execute("update control.plans set name = 'C' where plan_id = 'c'")
        assert audit_log.verify(connection).faults == ()
        connection.execute("update control.plans set name = 'CC' where plan_id = 'c'")
    assert (verified(written).entries, verified(written).faults) == (6, ())


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("update ledger.audit_log set actor = 'bob' where entry_id = 2", "entry 2 was changed"),
        (
            "update ledger.audit_log set happened_at = happened_at - interval '1 microsecond' where entry_id = 3",
            "entry 3",
        ),
        ('update ledger.audit_log set after = after || \'{"name": "x"}\' where entry_id = 4', "entry 4 was changed"),
        ("delete from ledger.audit_log where entry_id = 2", "entry 2 was removed"),
        (
            "delete from ledger.audit_chain where entry_id = 2; delete from ledger.audit_log where entry_id = 2",
            "does not follow",
        ),
        (
            "insert into ledger.audit_log (actor, action, object_table) values ('x', 'y', 'z')",
            "was put in past the chain",
        ),
    ],
)
def test_an_owner_who_lifts_every_guard_is_still_found_out(written: str, tampering: str, said: str) -> None:
    with psycopg.connect(written) as owner:
        owner.execute("set session_replication_role = replica")  # no trigger, no foreign key
        owner.execute(tampering)  # type: ignore[call-overload]
    assert any(said in fault for fault in verified(written).faults), verified(written)


def test_a_log_whose_end_was_cut_off_or_that_was_written_anew_is_told_by_its_anchor(written: str) -> None:
    anchor = verified(written).anchor
    assert verified(written, anchor).faults == ()
    with psycopg.connect(written) as owner:
        owner.execute("set session_replication_role = replica")
        owner.execute("delete from ledger.audit_chain where position = 4")
        owner.execute("delete from ledger.audit_log where entry_id = 4")
    assert verified(written).faults == ()
    assert "its end was cut off" in verified(written, anchor).faults[0]
    with connect(written, Role.OPERATOR, actor="bob") as connection:
        connection.execute("update control.plans set name = 'BB' where plan_id = 'b'")
    assert "written again" in verified(written, anchor).faults[0]


def test_writers_at_once_make_one_chain_and_no_deadlock(written: str) -> None:
    def write(number: int) -> None:
        with connect(written, Role.OPERATOR, actor=f"writer {number}") as connection:
            for plan_id in "abc" if number % 2 else "cba":
                connection.execute("update control.plans set name = %s where plan_id = %s", [f"{number}", plan_id])
                connection.commit()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (verified(written).entries, verified(written).faults) == (4 + 24, ())


def test_each_use_of_a_credential_is_recorded_and_its_secret_is_not(database_url: str) -> None:
    vault = Vault([MasterKey.generate()])
    with connect(database_url, Role.OPERATOR, actor="anna") as connection:
        vault.set_credential(connection, None, "vapi", "canary-audit-key")
    with connect(database_url, Role.LOADER, actor="pull by cli") as connection:
        vault.secret(connection, None, "vapi")
    with connect(database_url, Role.OPERATOR) as connection:
        everything = audit_log.entries(connection)
        (used,) = audit_log.entries(connection, action="use")
    assert (used["actor"], used["after"]["provider"]) == ("pull by cli", "vapi")
    assert "canary" not in str(everything)
    assert "ciphertext" not in str(everything)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.LOADER, Role.BILLING, Role.TRANSFORMER, Role.ANALYST])
def test_nobody_writes_or_rewrites_it_by_hand(written: str, role: Role) -> None:
    with connect(written, role) as connection:
        for change in (
            "insert into ledger.audit_log (actor, action, object_table) values ('x', 'y', 'z')",
            "delete from ledger.audit_log",
            "delete from ledger.audit_chain",
            "truncate ledger.audit_chain",
            "set session_replication_role = replica",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(change)  # type: ignore[call-overload]


def test_the_command_verifies_and_fails_when_it_should(minutebook: Minutebook, database: Owner) -> None:  # noqa: F811
    minutebook("tenant apply", str(EXAMPLE))
    assert "Acme Dental" in minutebook("audit list --tenant acme").stdout
    anchor = minutebook("audit verify").stdout.split("anchor ")[1].split()[0]
    minutebook("audit verify --anchor", anchor)
    minutebook("audit verify --anchor nonsense", code=1)
    database.execute("set session_replication_role = replica")
    database.execute("update ledger.audit_log set actor = 'bob' where entry_id = 1")
    assert "entry 1 was changed" in minutebook("audit verify", code=1).stderr
