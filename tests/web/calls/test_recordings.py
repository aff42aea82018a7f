"""A link to a recording: for its tenant and operators, while the choice and the provider keep it, and never stored."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.ingestion.house import call
from tests.sandbox.server import Sandbox
from tests.sandbox.world import VapiAccount, in_memory
from tests.web import world
from tests.web.conftest import signed_in
from tests.web.server import MASTER_KEY, serving
from warehouse.database.connect import Role, connect
from warehouse.privacy import personal
from warehouse.privacy.personal import Kept
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

Visit = Callable[[str], httpx.Client]
KEY = "a-private-key-of-vapi"
RECORDINGS = "/tenants/acme-dental/recordings/2026-10-30/vapi/acme-dental-call-"


def choose(url: str, recordings: str) -> None:
    with connect(url, Role.OPERATOR) as operator:
        personal.choose(operator, "acme-dental", vars(Kept("kept", "kept", recordings)))


@pytest.fixture
def visit(story_url: str, tmp_path: Path, sandbox: Sandbox) -> Iterator[Visit]:
    """The pages, and a Vapi that has one call of October 30, under a key of the platform's."""
    kept = call("acme-dental-call-88", world.TODAY - timedelta(days=4))
    sandbox.world.vapi[KEY] = VapiAccount(in_memory([kept]))
    with connect(story_url, Role.OPERATOR) as operator:
        Vault([MasterKey.parse(MASTER_KEY)]).set_credential(operator, None, "vapi", KEY)
    choose(story_url, "kept")
    addresses = {"VAPI_URL": sandbox.vapi_url}
    with serving(story_url, tmp_path, world.TODAY, addresses=addresses) as address, ExitStack() as clients:
        yield lambda login: signed_in(clients, address, login)


def listened(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select actor, tenant_id, after ->> 'call_id' from ledger.audit_log"
            " where action = 'listen' order by entry_id"
        ).fetchall()


@pytest.mark.parametrize("login", ["tina", "otto"])
def test_a_link_leads_to_the_provider_once_it_is_written_down_who_asked(
    visit: Visit,
    story_url: str,
    sandbox: Sandbox,
    login: str,
) -> None:
    assert f'href="{RECORDINGS}88"' in visit(login).get(RECORDINGS.replace("recordings", "calls") + "88").text
    answer = visit(login).get(f"{RECORDINGS}88")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("https://storage.vapi.example/acme-dental-call-88-mono.wav?")
    assert answer.headers["referrer-policy"] == "same-origin"  # to another site no referrer goes
    assert answer.headers["cache-control"] == "no-store"
    assert KEY not in str(answer.headers)
    assert listened(story_url) == [(login, "acme-dental", "acme-dental-call-88")]


def test_a_part_of_a_recording_and_its_head_are_led_to_the_provider_alike(visit: Visit, story_url: str) -> None:
    """Players ask for both before they play: each leads on, none is answered by us, each is written down."""
    client = visit("tina")
    whole = client.get(f"{RECORDINGS}88")
    part = client.get(f"{RECORDINGS}88", headers={"range": "bytes=0-1023"})
    head = client.head(f"{RECORDINGS}88")
    assert {answer.status_code for answer in (whole, part, head)} == {302}
    assert {answer.headers["location"].split("?")[0] for answer in (whole, part, head)} == {
        "https://storage.vapi.example/acme-dental-call-88-mono.wav"
    }
    assert whole.content == part.content == head.content == b""
    assert len(listened(story_url)) == 3
    assert visit("theo").head(f"{RECORDINGS}88").status_code == 404
    assert len(listened(story_url)) == 3


@pytest.mark.parametrize("choice", ["redacted", "never"])
def test_nothing_is_asked_of_the_provider_where_recordings_are_not_kept(
    visit: Visit,
    story_url: str,
    sandbox: Sandbox,
    choice: str,
) -> None:
    choose(story_url, choice)
    answer = visit("tina").get(f"{RECORDINGS}88")
    assert answer.status_code == 404
    assert "are not kept" in answer.text
    assert sandbox.asked("/vapi/call/acme-dental-call-88/mono-recording") == []
    assert listened(story_url) == []


def test_a_recording_that_is_gone_says_so_and_whether_its_time_was_over(visit: Visit, story_url: str) -> None:
    answer = visit("tina").get(f"{RECORDINGS}87".replace("10-30", "10-29"))
    assert answer.status_code == 410
    assert "has the recording no more" in answer.text
    old = visit("tina").get(f"{RECORDINGS}1".replace("10-30", "10-01"))
    assert old.status_code == 410
    assert "past the 14 days" in old.text
    assert len(listened(story_url)) == 2


def test_a_call_of_another_or_of_nobody_and_one_without_a_recording_are_no_link(visit: Visit, story_url: str) -> None:
    anothers = RECORDINGS.replace("acme-dental", "bright-smiles")
    for path in (
        f"{anothers}88", f"{RECORDINGS}88".replace("acme-dental-call", "bright-smiles-call"), f"{RECORDINGS}89",
        f"{RECORDINGS}none", f"{RECORDINGS}88".replace("vapi", "voiceflow"),
        f"{RECORDINGS}88".replace("2026-10-30", "x"),
    ):  # fmt: skip
        assert visit("tina").get(path).status_code == 404, path
    assert visit("ana").get(f"{RECORDINGS}88").status_code == 403
    assert visit("").get(f"{RECORDINGS}88").status_code == 303
    assert listened(story_url) == []


def test_a_provider_that_refuses_is_told_of_without_its_words(visit: Visit, sandbox: Sandbox) -> None:
    sandbox.world.vapi[KEY].is_rejected = True
    answer = visit("tina").get(f"{RECORDINGS}88")
    assert answer.status_code == 502
    assert "could not be asked" in answer.text
    assert "Invalid Key" not in answer.text
