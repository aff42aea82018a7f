"""The vault: what goes in comes out of nowhere else, and a row that was touched does not open."""

import pickle
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from warehouse.database.connect import Role, connect
from warehouse.database.errors import CredentialMissing, MasterKeyMissing, VaultError
from warehouse.security.master_keys import MasterKey, generated_master_keys, parse_master_keys
from warehouse.security.vault import Secret, Vault

CANARY = "canary-7f3a-not-a-real-key"


@pytest.fixture
def operator(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url, Role.OPERATOR, actor="anna", autocommit=True) as connection:
        connection.execute(
            "insert into control.tenants (tenant_id, name, currency)"
            " values ('acme', 'Acme', 'USD'), ('bolt', 'Bolt', 'USD')"
        )
        yield connection


@pytest.fixture
def vault() -> Vault:
    return Vault([MasterKey.generate()])


@pytest.mark.parametrize("tenant_id", ["acme", None], ids=["tenant", "platform"])
def test_the_loader_opens_what_the_operator_stored(
    operator: psycopg.Connection[Any], database_url: str, vault: Vault, tenant_id: str | None
) -> None:
    credential_id = vault.set_credential(operator, tenant_id, "vapi", CANARY, {"region": "eu"}, date(2026, 1, 1))
    with connect(database_url, Role.LOADER) as loader:
        credential = vault.secret(loader, tenant_id, "vapi")
    assert credential.secret.reveal() == CANARY
    assert (credential.credential_id, credential.settings) == (credential_id, {"region": "eu"})


@pytest.mark.parametrize("role", [Role.TRANSFORMER, Role.BILLING, Role.ANALYST, Role.TENANT])
def test_other_roles_do_not_even_read_the_ciphertext(database_url: str, vault: Vault, role: Role) -> None:
    with connect(database_url, role) as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        vault.secret(reader, "acme", "vapi")


def test_a_new_secret_retires_the_former_and_keeps_its_first_day(
    operator: psycopg.Connection[Any], vault: Vault
) -> None:
    first = vault.set_credential(operator, "acme", "vapi", "old", used_from=date(2026, 3, 1))
    second = vault.set_credential(operator, "acme", "vapi", "new")
    assert vault.secret(operator, "acme", "vapi").secret == Secret("new")
    rows = operator.execute("select credential_id, retired_at is null, used_from from control.credentials order by 1")
    assert rows.fetchall() == [(first, False, date(2026, 3, 1)), (second, True, date(2026, 3, 1))]


def test_storing_the_same_again_changes_nothing(operator: psycopg.Connection[Any], vault: Vault) -> None:
    first = vault.set_credential(operator, "acme", "vapi", CANARY)
    revision = operator.execute("select revision from control.revision").fetchone()
    assert vault.set_credential(operator, "acme", "vapi", CANARY) == first
    assert operator.execute("select revision from control.revision").fetchone() == revision


def test_secrets_stored_at_once_leave_one_live_credential(
    operator: psycopg.Connection[Any], database_url: str, vault: Vault
) -> None:
    def store(number: int) -> None:
        with connect(database_url, Role.OPERATOR) as connection:
            vault.set_credential(connection, "acme", "vapi", f"secret-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store, range(8)))
    assert vault.secret(operator, "acme", "vapi").secret.reveal().startswith("secret-")
    assert operator.execute("select count(*) from control.data_keys").fetchone() == (1,)


def test_a_missing_credential_is_named(operator: psycopg.Connection[Any], vault: Vault) -> None:
    with pytest.raises(CredentialMissing, match="No voiceflow credential is stored for tenant acme"):
        vault.secret(operator, "acme", "voiceflow")


def test_an_unknown_tenant_is_refused(operator: psycopg.Connection[Any], vault: Vault) -> None:
    with pytest.raises(VaultError, match="There is no tenant"):
        vault.set_credential(operator, "nobody", "vapi", CANARY)


@pytest.mark.parametrize(
    "tampering",
    [
        "update control.credentials set ciphertext = set_byte(ciphertext, 20, get_byte(ciphertext, 20) # 1)",
        "update control.credentials set ciphertext = set_byte(ciphertext, 0, 2)",
        "update control.credentials set ciphertext = ''",
        "update control.credentials as a set ciphertext = b.ciphertext"
        " from control.credentials as b where a.tenant_id <> b.tenant_id",
        "update control.credentials as a set data_key_id = k.data_key_id"
        " from control.data_keys as k where a.tenant_id <> k.tenant_id",
        "update control.credentials set provider = 'voiceflow'",
        "update control.credentials set credential_id = credential_id + 100",
        "update control.data_keys as a set wrapped_key = b.wrapped_key"
        " from control.data_keys as b where a.tenant_id <> b.tenant_id",
    ],
    ids=["edited", "version", "emptied", "swapped", "rekeyed", "provider", "row id", "data keys swapped"],
)  # fmt: skip
def test_a_row_that_was_edited_or_moved_does_not_open(
    operator: psycopg.Connection[Any], vault: Vault, tampering: str
) -> None:
    for tenant_id in ("acme", "bolt"):
        vault.set_credential(operator, tenant_id, "vapi", f"{CANARY}-{tenant_id}")
    operator.execute(tampering)
    provider = "voiceflow" if "'voiceflow'" in tampering else "vapi"
    with pytest.raises(VaultError, match="edited, or moved") as raised:
        vault.secret(operator, "acme", provider)
    assert CANARY not in "".join(traceback.format_exception(raised.value))


def test_the_master_key_is_rotated_while_both_work(operator: psycopg.Connection[Any]) -> None:
    old, new = MasterKey.generate(), MasterKey.generate()
    before, both, after = Vault([old]), Vault([new, old]), Vault([new])
    for tenant_id in ("acme", "bolt", None):
        before.set_credential(operator, tenant_id, "vapi", CANARY)
    assert both.secret(operator, "acme", "vapi").secret.reveal() == CANARY
    with pytest.raises(MasterKeyMissing, match=old.key_id):
        after.secret(operator, "acme", "vapi")
    assert both.rewrap(operator) == 3
    assert both.rewrap(operator) == 0
    assert after.secret(operator, None, "vapi").secret.reveal() == CANARY
    with pytest.raises(MasterKeyMissing):
        before.secret(operator, "acme", "vapi")


def test_10_the_secret_is_in_no_table_and_in_no_repr(operator: psycopg.Connection[Any], database_url: str) -> None:
    master_key = MasterKey.generate()
    vault = Vault([master_key])
    vault.set_credential(operator, "acme", "vapi", "former")
    vault.set_credential(operator, "acme", "vapi", CANARY)
    credential = vault.secret(operator, "acme", "vapi")
    for shown in (repr(vault), str(credential), repr([credential]), f"{credential.secret}", repr(master_key)):
        assert CANARY not in shown
        assert master_key.encoded() not in shown
    with pytest.raises(TypeError):
        pickle.dumps(credential.secret)
    with connect(database_url, Role.OWNER) as owner:
        for (table,) in owner.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not like 'pg\\_%'"
            " and schemaname <> 'information_schema'"
        ).fetchall():
            everything = " ".join(row[0] for row in owner.execute(f"select t::text from {table} as t"))
            for secret in (CANARY.encode(), master_key.key, master_key.encoded().encode()):
                assert secret.hex() not in everything
                assert secret.decode("latin-1") not in everything


def test_a_master_key_is_read_in_either_alphabet_and_a_bad_one_is_not_quoted() -> None:
    key = MasterKey(b"\xfb\xff" * 16)
    assert MasterKey.parse(key.encoded()) == key
    assert MasterKey.parse(f" {key.encoded().replace('+', '-').replace('/', '_').rstrip('=')}\n") == key
    with pytest.raises(VaultError, match="base64 of 32 bytes") as raised:
        MasterKey.parse(CANARY)
    assert CANARY not in "".join(traceback.format_exception(raised.value))


def test_a_vault_without_a_master_key_is_refused() -> None:
    with pytest.raises(MasterKeyMissing, match="MINUTEBOOK_MASTER_KEYS"):
        Vault([])


def test_master_keys_are_read_newest_first_and_a_bad_one_is_named_by_its_place() -> None:
    newest, older = MasterKey.generate(), MasterKey.generate()
    assert parse_master_keys(f"{newest.encoded()}, {older.encoded()}\n") == (newest, older)
    with pytest.raises(VaultError, match="number 2"):
        parse_master_keys(f"{newest.encoded()},{CANARY}")
    with pytest.raises(MasterKeyMissing):
        parse_master_keys("  ")


def test_a_generated_key_file_is_private_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "home" / "master_keys"
    with ThreadPoolExecutor(8) as pool:
        (keys,) = set(pool.map(lambda _: generated_master_keys(path), range(8)))
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert generated_master_keys(path) == keys
