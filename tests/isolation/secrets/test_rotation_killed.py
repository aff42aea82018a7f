"""The whole process dies by SIGKILL around each statement of a rotation: what is left works, and a rerun ends it.

The child is a fork that runs the command as a person would; it cleans nothing up and rolls nothing back: PostgreSQL
learns of its end by a socket that closes.
"""

import base64
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest

from orchestration.settings import Settings
from tests.cli.conftest import MASTER_KEY, Minutebook, minutebook  # noqa: F401 - a fixture
from tests.ingestion.conftest import house  # noqa: F401 - a fixture
from tests.ingestion.house import House, call
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.server import Sandbox
from tests.sandbox.world import VapiAccount, in_memory
from warehouse.database.connect import Role, connect
from warehouse.security import rotation
from warehouse.security.master_keys import parse_master_keys
from warehouse.security.vault import Secret, Vault

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
OLD, NEW = MASTER_KEY, base64.b64encode(b"the-newer-master-key-of-32-bytes").decode()


def dies(step: Callable[[], object], moment: int) -> bool:
    """Run the step in a process that kills itself at the moment; whether it came to that before it ended."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    try:
        moments, execute = count(), psycopg.Connection.execute

        def counted(self: psycopg.Connection[Any], *arguments: Any, **options: Any) -> Any:
            if next(moments) == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = execute(self, *arguments, **options)
            if next(moments) == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        psycopg.Connection.execute = counted  # type: ignore[method-assign]
        step()
    finally:
        os._exit(0)


def opens(url: str, *keys: str) -> str:
    """The secret in use, as a process that knows these master keys reads it."""
    vault = Vault([key for text in keys for key in parse_master_keys(text)])
    with connect(url, Role.LOADER) as loader:
        return vault.secret(loader, None, "vapi").secret.reveal()


@pytest.fixture
def accepted(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """Vapi accepts the former key and the new one."""
    monkeypatch.setenv("MINUTEBOOK_VAPI_URL", sandbox.vapi_url)
    for key in ("former", "new"):
        sandbox.world.vapi[key] = VapiAccount(in_memory([]))


@pytest.mark.usefixtures("accepted")
def test_a_key_of_a_provider(minutebook: Minutebook, database_url: str) -> None:  # noqa: F811
    in_use_after = []
    for moment in count():
        minutebook("credential set vapi", given="former")
        if not dies(lambda: minutebook("credential rotate vapi", given="new"), moment):
            break
        in_use_after.append(opens(database_url, OLD))
        minutebook("credential rotate vapi", given="new")
        assert opens(database_url, OLD) == "new"
    assert len(in_use_after) > 20
    assert in_use_after == sorted(in_use_after)  # "former" up to one moment, "new" from it on
    assert set(in_use_after) == {"former"} or in_use_after[-1] == "new"


def test_the_data_keys(minutebook: Minutebook, database_url: str) -> None:  # noqa: F811
    minutebook("credential set vapi", given="former")
    for moment in count():
        if not dies(lambda: minutebook("credential rekey"), moment):
            break
        assert opens(database_url, OLD) == "former"
        minutebook("credential rekey")
        assert opens(database_url, OLD) == "former"
    assert moment > 10


def test_the_master_key(
    minutebook: Minutebook,  # noqa: F811
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minutebook("credential set vapi", given="former")
    keys = [OLD, NEW]
    for moment in count():
        keys.reverse()  # each round rotates to the key that the round before took out
        monkeypatch.setenv("MINUTEBOOK_MASTER_KEYS", ",".join(keys))
        was_killed = dies(lambda: minutebook("credential rewrap"), moment)
        assert opens(database_url, *keys) == "former"
        minutebook("credential rewrap")
        assert opens(database_url, keys[0]) == "former"
        if not was_killed:
            break
    assert moment >= 4


def test_a_pull_that_runs_before_a_new_key_is_verified_works_with_the_former(house: House) -> None:  # noqa: F811
    house.tenant("acme")
    former = house.own_vapi("acme", [call("one", YESTERDAY)])
    house.sandbox.world.vapi["new-key"] = VapiAccount(in_memory([call("one", YESTERDAY), call("two", YESTERDAY)]))
    vault = Settings.from_environment().vault()

    def keys_of_a_pull() -> set[str]:
        before = len(house.sandbox.received)
        (outcome,) = house.pull(["acme"], [YESTERDAY])
        assert outcome.state in ("published", "unchanged"), outcome
        return {request.key.removeprefix("Bearer ") for request in house.sandbox.received[before:]}

    with connect(house.url, Role.OPERATOR, autocommit=True) as operator:
        rotation.stage(vault, operator, "acme", "vapi", Secret("new-key"))
        assert keys_of_a_pull() == {former}
        rotation.promote(operator, rotation.candidate(vault, operator, "acme", "vapi"))
    assert keys_of_a_pull() == {"new-key"}
    assert house.current_calls() == {"one", "two"}
