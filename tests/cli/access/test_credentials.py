"""Secrets go in by standard input and are readable nowhere but in the vault."""

import json
import subprocess
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from orchestration.settings import Settings
from sources import vapi
from sources.registry import Registry
from sources.source import Setting
from tests.cli.conftest import MASTER_KEY, Minutebook
from tests.sandbox.faults import FOREVER, status
from tests.sandbox.fixture import sandbox
from tests.sandbox.server import Sandbox
from tests.sandbox.world import VoiceflowProject
from warehouse.database.connect import Role, connect

__all__ = ["sandbox"]

PROJECT = "66f0a1b2c3d4e5f600000001"
SECRET = "sk-live-5f1e7d"


def test_a_secret_from_standard_input_is_in_the_vault_and_nowhere_else(
    acme: Minutebook, database_url: str, server_dump: str
) -> None:
    result = acme("credential set vapi --tenant acme", given=f"{SECRET}\n")
    assert "stored the vapi credential of tenant acme, fingerprint " in result.output
    assert SECRET not in result.output + acme("credential list --json").output + acme("tenant show acme --json").output
    with connect(database_url, Role.LOADER) as connection:
        vault = Settings.from_environment().vault()
        assert vault.secret(connection, "acme", "vapi").secret.reveal() == SECRET


@pytest.fixture
def server_dump(database: psycopg.Connection[Any]) -> Any:
    """After the test: no table of the database holds the secret as text, nor as the bytes of a text."""
    yield
    tables = database.execute(
        "select format('%I.%I', table_schema, table_name) from information_schema.tables"
        " where table_schema in ('control', 'ledger', 'minutebook') and table_type = 'BASE TABLE'"
    ).fetchall()
    for (table,) in tables:
        for (row,) in database.execute(f"select t::text from {table} as t").fetchall():
            assert SECRET not in row
            assert SECRET.encode().hex() not in row


@pytest.mark.parametrize("given", ["", "  \n", "two words\n", "two\nlines\n"])
def test_what_is_no_secret_is_refused(acme: Minutebook, given: str) -> None:
    output = acme("credential set vapi", code=1, given=given).output
    assert "standard input" in output or "one line without blanks" in output
    assert "words" not in output


def test_a_secret_is_never_an_argument(acme: Minutebook) -> None:
    assert "unexpected extra argument" in acme("credential set vapi", SECRET, code=2).output.lower()


def test_setting_the_same_secret_again_changes_nothing(acme: Minutebook, database: psycopg.Connection[Any]) -> None:
    for _ in range(2):
        acme("credential set voiceflow --tenant acme", given=SECRET)
    assert database.execute("select count(*) from control.credentials").fetchone() == (1,)


def test_without_a_master_key_nothing_is_stored(acme: Minutebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINUTEBOOK_MASTER_KEYS")
    assert "MINUTEBOOK_MASTER_KEYS is not set" in acme("credential set vapi", code=1, given=SECRET).output


def test_a_malformed_master_key_is_told_and_not_shown(acme: Minutebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINUTEBOOK_MASTER_KEYS", "not-a-master-key")
    output = acme("credential set vapi", code=1, given=SECRET).output
    assert "not base64" in output
    assert "not-a-master-key" not in output


def test_secrets_follow_a_new_master_key(acme: Minutebook, monkeypatch: pytest.MonkeyPatch) -> None:
    acme("credential set vapi", given=SECRET)
    newer = "OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2NTQzMjEwOTg="
    monkeypatch.setenv("MINUTEBOOK_MASTER_KEYS", f"{newer},{MASTER_KEY}")
    assert "1 data key" in acme("credential rewrap").output
    monkeypatch.setenv("MINUTEBOOK_MASTER_KEYS", newer)
    assert "vapi credential of the platform opens" in acme("doctor", code=1).output


def test_verifying_without_a_credential_says_how_to_set_one(acme: Minutebook) -> None:
    assert "minutebook credential set" in acme("credential verify vapi --tenant acme", code=1).output


def test_an_unreachable_provider_is_told_in_one_line(acme: Minutebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINUTEBOOK_VAPI_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    acme("credential set vapi", given=SECRET)
    output = acme("credential verify vapi", code=1).output
    assert output.startswith("error: the platform: ")
    assert SECRET not in output
    assert len(output.strip().splitlines()) == 1


def test_the_password_of_the_database_is_in_no_message(
    acme: Minutebook, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", "postgresql://me:open-sesame@127.0.0.1:9/minutebook")
    output = acme("tenant list", code=1).output
    assert output.startswith("error: ")
    assert "open-sesame" not in output


def test_no_secret_is_an_argument_of_any_process_while_it_is_stored(acme: Minutebook) -> None:
    acme("credential set vapi", given=SECRET)
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert SECRET not in processes


def test_a_voiceflow_token_of_the_newer_generation_is_verified_there(
    acme: Minutebook, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINUTEBOOK_VOICEFLOW_URL", sandbox.voiceflow_url)
    sandbox.world.voiceflow["Bearer vfp_token-of-acme"] = {PROJECT: VoiceflowProject()}
    acme("credential set voiceflow --tenant acme --setting generation=stable", given="vfp_token-of-acme")
    assert "accepts the credential" in acme("credential verify voiceflow --tenant acme").output
    (asked,) = sandbox.received
    assert asked.path == f"/voiceflow/v1/stable/analytics/query/interaction-count/project/{PROJECT}"


@pytest.mark.parametrize(
    ("generation", "key", "header", "search"),
    [
        ("v2", "VF.DM.key-of-acme", "VF.DM.key-of-acme", f"/voiceflow/v1/transcript/project/{PROJECT}"),
        ("stable", "vfp_token-of-acme", "Bearer vfp_token-of-acme", "/voiceflow/v1/stable/transcript/search"),
    ],
)
def test_a_key_that_reads_counts_and_no_transcripts_is_accepted_only_where_none_are_wanted(
    acme: Minutebook, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch,
    generation: str, key: str, header: str, search: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("MINUTEBOOK_VOICEFLOW_URL", sandbox.voiceflow_url)
    sandbox.world.voiceflow[header] = {PROJECT: VoiceflowProject()}
    stored = f"credential set voiceflow --tenant acme --setting generation={generation}"
    acme(f"{stored} --setting transcripts=yes --setting requests_per_second=50", given=key)
    (row,) = json.loads(acme("credential list --tenant acme --json").output)
    assert row["settings"] == {"generation": generation, "transcripts": "yes", "requests_per_second": 50}
    assert "accepts the credential" in acme("credential verify voiceflow --tenant acme").output
    assert len(sandbox.asked(search)) == 1
    sandbox.faults.script(search, status(403), times=FOREVER)
    assert "403" in acme("credential verify voiceflow --tenant acme", code=1).output
    acme(f"{stored} --setting transcripts=no", given=key)
    assert "accepts the credential" in acme("credential verify voiceflow --tenant acme").output


@pytest.mark.parametrize(
    ("setting", "reported"),
    [
        ("generation=v3", "one of v2, stable"),
        ("genration=stable", "has no setting"),
        ("generation", "NAME=VALUE"),
        ("requests_per_second=0", "a number up to 1000"),
        ("requests_per_second=many", "a number up to 1000"),
    ],
)
def test_a_setting_that_nothing_reads_is_refused(acme: Minutebook, setting: str, reported: str) -> None:
    assert reported in acme(f"credential set voiceflow --tenant acme --setting {setting}", code=2, given=SECRET).output


def test_a_setting_that_is_a_text_is_of_its_form_and_there_where_it_must_be(
    acme: Minutebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "scope": Setting("a scope", r"/subscriptions/\w+", is_required=True),
        "project": Setting("an id", r"\d+"),
    }
    own = replace(vapi.CALLS, settings=settings, verify=lambda client, scopes: "it opened organisation Acme")
    monkeypatch.setattr("orchestration.ingestion.keys.registry", lambda: Registry({"vapi": own}))
    assert "needs the setting 'scope': a scope" in acme("credential set vapi", code=2, given=SECRET).output
    wrong = acme("credential set vapi --setting scope=x", code=2, given=SECRET).output
    assert "'scope' is a scope, not 'x'" in " ".join(wrong.split())
    acme("credential set vapi --setting scope=/subscriptions/s1 --setting project=007", given=SECRET)
    (stored,) = json.loads(acme("credential list --json").output)
    assert stored["settings"] == {"scope": "/subscriptions/s1", "project": "007"}
    assert "it opened organisation Acme" in acme("credential verify vapi").output
