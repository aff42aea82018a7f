"""Every command of README, onboarding and runbooks runs as it is written, where nothing of ours is on PATH.

`minutebook up` is started and stopped in such an environment by tests/orchestration/test_up.py.
"""

import os
import re
import shlex
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from tests.architecture.test_house import ROOT
from tests.ingestion.house import call
from tests.moved.machine import moved
from tests.sandbox import metabase
from tests.sandbox.server import serving
from tests.sandbox.stripe import StripeSandbox
from tests.sandbox.usage_database import write_usage
from tests.sandbox.world import VapiAccount, VoiceflowProject, World, in_memory
from warehouse.clock import OFFSET, offset_to

SCRIPTS = Path(sysconfig.get_path("scripts"))
EXAMPLE = ROOT / "docs/examples/onboard-a-tenant.yaml"
PAGES = [ROOT / "README.md", ROOT / "docs/onboarding.md", *sorted((ROOT / "docs/runbooks").glob("*.md"))]
NUMBER, PROJECT = "2f6a0d4e-3b1c-4a57-9f0e-000000000001", "66f0a1b2c3d4e5f600000001"
MASTER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
NOT_RUN = {
    "make demo": "the whole story, by the same commands, in a minute of its own",
    "make test": "this suite",
    "metabase-sync plan --state-dir dashboards": "another project's tool, against a whole Metabase",
    "metabase-sync apply --state-dir dashboards": "the same",
    "minutebook credential rotate vapi --tenant acme --resume": "only while a rotation waits for the provider:"
    " tests/isolation/secrets/test_rotation.py",
}
"""What is not run here, and why; that such a command exists and has its options is looked at all the same."""

REAL = ("init", "tenant", "credential verify voiceflow", "status", "doctor")
"""Commands that are run by the script itself, in a process that inherits nothing; others in this one, for speed."""


def commands(page: Path) -> list[str]:
    """What a person types, by the fenced blocks of a page: after `$`, or where a block shows no answers, each line."""
    found = []
    for block in re.findall(r"^[ ]*```\w*\n(.*?)^[ ]*```", page.read_text(), flags=re.DOTALL | re.MULTILINE):
        lines = [line.strip() for line in block.splitlines()]
        typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        typed = typed or [line for line in lines if re.match(r"(minutebook|metabase-sync|export) ", line)]
        found += [re.sub(r"\s+#\s.*|(?<= ) +", "", line) for line in typed]
    return found


@contextmanager
def nothing_but(environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """This process in another environment and folder."""
    before, place = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)


class Desk:
    """Somebody who has not activated anything, in a folder of theirs."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **moved(), **settings}
        self.ran: list[str] = []

    def at(self, moment: str) -> None:
        self.environment[OFFSET] = offset_to(datetime.fromisoformat(moment).replace(tzinfo=UTC))

    def follow(self, page: str, given: Mapping[str, str], **names: str) -> None:
        """Every command of a page. given: what is typed at a prompt. names: what stands there for what is here."""
        for line in commands(ROOT / page):
            if line in NOT_RUN:
                continue
            self.ran.append(line)
            for reported, here in names.items():
                line = line.replace(reported, here)
            self.run(line, given.get(line, ""))

    def run(self, line: str, given: str = "") -> str:
        if line.startswith("export "):
            reported = self.shell(f"{line}; env -0")
            self.environment = dict(one.split("=", 1) for one in reported.split("\0") if "=" in one)
            return ""
        words = shlex.split(line)
        if "<" in words or line.removeprefix("minutebook ").startswith(REAL):
            return self.shell(line.replace("minutebook", str(SCRIPTS / "minutebook"), 1), given)
        with nothing_but(self.environment, self.folder):
            result = CliRunner().invoke(app, words[1:], input=given)
        assert result.exit_code == 0, f"{line}: exit {result.exit_code}\n{result.output}\n{result.exception!r}"
        return result.output

    def shell(self, line: str, given: str = "") -> str:
        done = subprocess.run(
            ["/bin/bash", "-c", line], env=self.environment, cwd=self.folder, input=given, text=True,
            capture_output=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def calls_of(days: list[date], seconds: int) -> list[dict[str, Any]]:
    return [call(f"{day}", day, seconds=seconds, phone_number_id=NUMBER) for day in days]


@pytest.fixture
def desk(database_url: str, tmp_path: Path, dbt_home: Path) -> Desk:
    (tmp_path / "state").mkdir()
    (dbt_home / "dbt").mkdir(exist_ok=True)
    (tmp_path / "state" / "dbt").symlink_to(dbt_home / "dbt")
    settings = {"DATABASE_URL": database_url, "MASTER_KEYS": MASTER_KEY, "HOME": str(tmp_path / "state")}
    return Desk(tmp_path, **{f"MINUTEBOOK_{name}": value for name, value in settings.items()})


def test_what_is_not_run_stands_somewhere_and_the_rest_is_run() -> None:
    typed = {line for page in PAGES for line in commands(page)}
    assert NOT_RUN.keys() <= typed
    assert sum(len(commands(page)) for page in PAGES) > 30
    with_commands = {str(page.relative_to(ROOT)) for page in PAGES if set(commands(page)) - NOT_RUN.keys()}
    assert with_commands == set(FOLLOWED)


@pytest.mark.parametrize("line", NOT_RUN)
def test_what_is_not_run_is_a_command_all_the_same(line: str) -> None:
    name, *words = line.split()
    tried = ["make", "-n", *words] if name == "make" else [str(SCRIPTS / name), words[0], "--help"]
    assert subprocess.run(tried, cwd=ROOT, capture_output=True, timeout=120).returncode == 0


FOLLOWED = (
    "README.md", "docs/onboarding.md", "docs/runbooks/a-day-changed.md", "docs/runbooks/a-day-is-red.md",
    "docs/runbooks/bill-through-stripe.md", "docs/runbooks/close-a-month.md", "docs/runbooks/hooks.md",
    "docs/runbooks/metabase.md", "docs/runbooks/rotate-keys.md",
)  # fmt: skip


@pytest.mark.timeout(900)
def test_onboarding_is_followed_to_the_first_priced_day(desk: Desk, empty_database_url: str) -> None:
    (desk.folder / "acme.yaml").write_text(EXAMPLE.read_text())
    (desk.folder / "key.txt").write_text("VF.DM.acme\n")
    days = [date(2026, 1, day) for day in range(1, 8)]
    write_usage(empty_database_url, [])
    project = VoiceflowProject(environments={"production": "66f0a1b2c3d4e5f6000000aa"})
    world = World({"shared": VapiAccount(in_memory(calls_of(days, 4000)))}, {"VF.DM.acme": {PROJECT: project}})
    with serving(world) as sandbox:
        desk.environment |= {
            "MINUTEBOOK_VAPI_URL": sandbox.vapi_url, "MINUTEBOOK_VOICEFLOW_URL": sandbox.voiceflow_url,
            "MINUTEBOOK_USAGE_DATABASE_URL": empty_database_url,
        }  # fmt: skip
        desk.at("2026-01-08T12:00")
        desk.follow("docs/onboarding.md", {"minutebook credential set vapi": "shared\n"})
        reported = desk.run("minutebook review 2026-01 --tenant acme --lines")
    assert "acme/2026-01-01/overage/call_minutes" in reported


@pytest.mark.timeout(900)
def test_every_runbook_is_followed_in_a_month_from_red_days_to_its_close(desk: Desk, database_url: str) -> None:
    october = [date(2026, 10, day) for day in range(1, 32)]
    calls = calls_of(october, 4000)
    account = VapiAccount(in_memory(calls))
    world = World({"own": account, "new": account})
    write_tenant(desk.folder / "acme.yaml")
    with (
        serving(world) as sandbox,
        StripeSandbox(datetime(2026, 11, 3, 12, tzinfo=UTC).timestamp()) as stripe,
        metabase.serving(database_url) as (_, metabase_url),
        psycopg.connect(database_url, autocommit=True) as owner,
    ):
        desk.environment |= {
            "MINUTEBOOK_VAPI_URL": sandbox.vapi_url, "MINUTEBOOK_STRIPE_URL": stripe.url,
            "MINUTEBOOK_STRIPE_API_KEY": "sk_test_sandbox",
        }  # fmt: skip
        desk.at("2026-10-06T12:00")
        for line, given in (("tenant apply acme.yaml", ""), ("credential set vapi --tenant acme", "own\n")):
            desk.run(f"minutebook {line}", given)
        desk.follow("docs/runbooks/a-day-is-red.md", {})
        (desk.folder / "auth-token.txt").write_text("0123456789abcdef0123456789abcdef\n")
        desk.follow("docs/runbooks/hooks.md", {})
        calls[2] = calls_of([october[2]], 5000)[0]
        desk.run("minutebook pull --tenant acme --from 2026-10-03 --to 2026-10-03")
        pulls = owner.execute("select pull_id from ledger.pulls where usage_date = '2026-10-03' order by 1").fetchall()
        pair = " ".join(str(number) for (number,) in pulls)
        desk.follow("docs/runbooks/a-day-changed.md", {}, **{"12 15": pair})
        desk.at("2026-11-03T12:00")
        desk.run("minutebook pull --tenant acme --from 2026-10-01 --to 2026-11-02")
        owner.execute("update control.meters set stripe_event_name = meter_id")
        desk.follow("docs/runbooks/bill-through-stripe.md", {})
        desk.follow("docs/runbooks/close-a-month.md", {}, **{"void 7": "void 1"})
        desk.follow("README.md", {})
        keys = {"https://metabase.example.com": metabase_url, "mb_…": metabase.API_KEY, "…": "e" * 64}
        desk.follow("docs/runbooks/metabase.md", {}, **keys)
        rotate = "minutebook credential rotate vapi --tenant acme"
        desk.follow("docs/runbooks/rotate-keys.md", {rotate: "new\n"})
    assert (desk.folder / "pack").exists()


def write_tenant(path: Path) -> None:
    """The documented example, of Vapi alone and from October on."""
    text = EXAMPLE.read_text().replace("activated_on: 2026-01-01", "activated_on: 2026-10-01")
    text = re.sub(r"^    name: Website chat\n    attachments:\n", "    name: Website chat\n", text, flags=re.MULTILINE)
    unread = "usage_agent|vapi_assistant|voiceflow_project"
    path.write_text(re.sub(rf"^.*kind: ({unread}).*\n", "", text, flags=re.MULTILINE))
