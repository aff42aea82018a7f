"""Keys change while work goes on, and an interruption anywhere leaves keys that work (the canary is the key in use)."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from orchestration.settings import Settings
from tests.cli.conftest import Minutebook, minutebook  # noqa: F401 - a fixture
from tests.sandbox.faults import status
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.server import Sandbox
from tests.sandbox.world import VapiAccount, in_memory
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.database.errors import CredentialMissing, MasterKeyMissing, VaultError
from warehouse.outgoing import endpoints
from warehouse.security import rotation
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Secret, Vault

Operator = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def vault() -> Vault:
    return Vault([MasterKey.generate()])


@pytest.fixture
def operator(database_url: str) -> Iterator[Operator]:
    with connect(database_url, Role.OPERATOR, actor="anna", autocommit=True) as connection:
        connection.execute("insert into control.tenants (tenant_id, name, currency) values ('acme', 'Acme', 'USD')")
        yield connection


def in_use(vault: Vault, url: str, tenant_id: str | None = "acme") -> str:
    with connect(url, Role.LOADER, autocommit=True) as loader:
        return vault.secret(loader, tenant_id, "vapi").secret.reveal()


def test_the_former_key_is_used_until_the_new_one_is_verified(
    vault: Vault, operator: Operator, database_url: str
) -> None:
    vault.set_credential(operator, "acme", "vapi", "former", {"region": "eu"})
    rotation.stage(vault, operator, "acme", "vapi", Secret("new"))
    assert in_use(vault, database_url) == "former"
    successor = rotation.candidate(vault, operator, "acme", "vapi")
    assert (successor.secret.reveal(), successor.settings) == ("new", {"region": "eu"})
    rotation.promote(operator, successor)
    assert in_use(vault, database_url) == "new"
    with pytest.raises(CredentialMissing):
        rotation.candidate(vault, operator, "acme", "vapi")
    assert operator.execute(
        "select retired_at is null, verified_at is not null from control.credentials order by credential_id"
    ).fetchall() == [(False, False), (True, True)]


def test_a_key_that_was_overtaken_is_not_promoted(vault: Vault, operator: Operator, database_url: str) -> None:
    vault.set_credential(operator, "acme", "vapi", "former")
    rotation.stage(vault, operator, "acme", "vapi", Secret("second"))
    second = rotation.candidate(vault, operator, "acme", "vapi")
    rotation.stage(vault, operator, "acme", "vapi", Secret("third"))
    with pytest.raises(CredentialMissing, match="meanwhile"):
        rotation.promote(operator, second)
    assert in_use(vault, database_url) == "former"


def test_a_candidate_swapped_or_edited_does_not_open(vault: Vault, operator: Operator) -> None:
    for owner in (None, "acme"):
        vault.set_credential(operator, owner, "vapi", "former")
        rotation.stage(vault, operator, owner, "vapi", Secret(f"new of {owner}"))
    operator.execute(
        "update control.credential_candidates as c set ciphertext = o.ciphertext"
        " from control.credential_candidates as o where c.tenant_id = 'acme' and o.tenant_id is null"
    )
    with pytest.raises(VaultError, match="does not open"):
        rotation.candidate(vault, operator, "acme", "vapi")


def test_a_new_data_key_seals_everything_of_its_owner_and_nothing_of_others(
    vault: Vault, operator: Operator, database_url: str
) -> None:
    vault.set_credential(operator, None, "vapi", "platform's")
    for secret in ("retired", "live"):
        vault.set_credential(operator, "acme", "vapi", secret)
    rotation.stage(vault, operator, "acme", "vapi", Secret("waiting"))
    address = "https://hooks.example.com/x"
    secret, made = endpoints.create(vault, operator, address, ["alert.opened"], clock.now(), tenant_id="acme")
    sealed = "select credential_id, ciphertext from control.credentials where tenant_id = 'acme' order by 1"
    wrapped = "select coalesce(tenant_id, ''), wrapped_key from control.data_keys"
    before, keys_before = operator.execute(sealed).fetchall(), dict(operator.execute(wrapped).fetchall())

    assert rotation.rotate_data_key(vault, operator, "acme") == 4

    keys = dict(operator.execute(wrapped).fetchall())
    assert (keys[""], keys["acme"]) == (keys_before[""], keys["acme"])
    assert keys["acme"] != keys_before["acme"]
    assert all(old != new for old, new in zip(before, operator.execute(sealed).fetchall(), strict=True))
    assert (in_use(vault, database_url), in_use(vault, database_url, None)) == ("live", "platform's")
    assert rotation.candidate(vault, operator, "acme", "vapi").secret.reveal() == "waiting"
    opened = endpoints.opened(vault, operator, [made["endpoint_id"]])[made["endpoint_id"]]
    assert isinstance(opened, endpoints.Opened)
    assert (opened.url.reveal(), opened.secret) == (address, secret)
    assert vault.set_credential(operator, "acme", "vapi", "live") == before[-1][0]  # still told from another


@pytest.mark.parametrize("statement", range(1, 12))
def test_a_rotation_killed_at_any_statement_leaves_keys_that_work(
    vault: Vault, operator: Operator, database_url: str, statement: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.set_credential(operator, "acme", "vapi", "former")
    rotation.stage(vault, operator, "acme", "vapi", Secret("new"))
    waiting = rotation.candidate(vault, operator, "acme", "vapi")
    for step in (lambda c: rotation.rotate_data_key(vault, c, "acme"), lambda c: rotation.promote(c, waiting)):
        former = in_use(vault, database_url)
        with connect(database_url, Role.OPERATOR, autocommit=True) as dying:
            executed = dying.execute
            done: list[object] = []

            def execute(*arguments: object, run: object = executed, done: list[object] = done) -> object:
                done.append(arguments)
                if len(done) == statement:
                    with psycopg.connect(database_url, autocommit=True) as killer:
                        killer.execute("select pg_terminate_backend(%s, 5000)", [dying.info.backend_pid])
                return run(*arguments)  # type: ignore[operator]

            monkeypatch.setattr(dying, "execute", execute)
            try:
                step(dying)
            except psycopg.OperationalError:
                assert in_use(vault, database_url) == former
                step(operator)
    assert in_use(vault, database_url) == "new"


def test_a_new_master_key_is_taken_into_use_while_both_are_known(operator: Operator, database_url: str) -> None:
    old, new = MasterKey.generate(), MasterKey.generate()
    Vault([old]).set_credential(operator, "acme", "vapi", "secret")
    both = Vault([new, old])
    assert in_use(both, database_url) == "secret"
    assert both.rewrap(operator) == 1
    assert both.rewrap(operator) == 0
    assert in_use(Vault([new]), database_url) == "secret"
    with pytest.raises(MasterKeyMissing):
        in_use(Vault([old]), database_url)


class Kms:
    """A service that keeps its key to itself: it wraps and unwraps, and that is all."""

    key_id = "kms:eu-1/minutebook"

    def __init__(self) -> None:
        self._inside = MasterKey.generate()

    def wrap(self, data_key: bytes, bound_to: bytes) -> bytes:
        return b"kms" + self._inside.wrap(data_key, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        return self._inside.unwrap(wrapped.removeprefix(b"kms"), bound_to)


def test_a_kms_takes_the_place_of_master_keys_without_touching_a_caller(operator: Operator, database_url: str) -> None:
    local, kms = MasterKey.generate(), Kms()
    Vault([local]).set_credential(operator, "acme", "vapi", "secret")
    assert Vault([kms, local]).rewrap(operator) == 1
    assert in_use(Vault([kms]), database_url) == "secret"


def test_master_keys_come_from_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    settings = Settings.from_environment({
        "MINUTEBOOK_DATABASE_URL": "postgresql://h/d", "MINUTEBOOK_MASTER_KEYS_FILE": str(file),
    })  # fmt: skip
    with pytest.raises(MasterKeyMissing, match="cannot be read"):
        settings.vault()
    key = MasterKey.generate()
    file.write_text(key.encoded())
    file.chmod(0o644)
    with pytest.raises(VaultError, match="chmod 0400"):
        settings.vault()
    file.chmod(0o400)
    assert key.key_id in repr(settings.vault())


def test_the_command_keeps_the_former_key_until_the_provider_accepts_the_new(
    minutebook: Minutebook,  # noqa: F811
    sandbox: Sandbox,  # noqa: F811
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINUTEBOOK_VAPI_URL", sandbox.vapi_url)
    sandbox.world.vapi["new"] = VapiAccount(in_memory([]))
    vault = Settings.from_environment().vault()
    minutebook("credential set vapi", given="former")
    assert "dropped" in minutebook("credential rotate vapi", given="unknown-there", code=1).stderr
    sandbox.faults.script("/vapi/call", status(503), times=20)
    said = minutebook("credential rotate vapi", given="new", code=1).stderr
    assert "--resume" in said
    assert in_use(vault, database_url, None) == "former"
    sandbox.faults.clear()
    minutebook("credential rotate vapi --resume")
    assert in_use(vault, database_url, None) == "new"
    minutebook("credential rekey")
    assert in_use(vault, database_url, None) == "new"
