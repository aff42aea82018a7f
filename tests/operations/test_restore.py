"""The drill: a deployment on its embedded server goes back to a moment, and everything heals without billing twice."""

import fcntl
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.installing import install
from orchestration.marts.building import build
from orchestration.settings import Settings
from tests.conftest import quickest_folder
from tests.faults.test_matrix import in_a_process
from tests.ingestion.house import House, call
from tests.sandbox.fixture import sandbox  # noqa: F401 - a fixture
from tests.sandbox.server import Sandbox
from tests.sandbox.stripe import StripeSandbox
from tests.sandbox.world import VapiAccount, in_memory
from tests.stripe_billing.invoices.test_invoice_items import Books
from tests.stripe_billing.scene import KEY, OVERAGES, Scene
from tests.stripe_billing.test_end_to_end import DAYS, PLAN, TODAY, overage, subscribe, summaries
from warehouse.clock import OFFSET
from warehouse.database import backup
from warehouse.database.connect import Role, connect
from warehouse.database.errors import EmbeddedServerError


def run(line: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*line.split(), "--json"])
    assert result.exit_code == code, f"{line}: {result.output}"
    return json.loads(result.stdout) if code == 0 else result.stderr


@pytest.fixture
def settings(
    sandbox: Sandbox,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    """A deployment of its own, with its server's log archived beside it."""
    with tempfile.TemporaryDirectory(prefix="minutebook-drill-", dir=quickest_folder()) as folder:
        Path(folder).chmod(0o711)
        monkeypatch.setenv("MINUTEBOOK_HOME", f"{folder}/home")
        monkeypatch.setenv("MINUTEBOOK_BACKUP_FOLDER", f"{folder}/backup")
        monkeypatch.setenv("MINUTEBOOK_VAPI_URL", sandbox.vapi_url)
        yield Settings.from_environment()


def archived(url: str) -> datetime:
    """A moment of the server's own clock, and all before it is in the archive."""
    with connect(url, Role.OWNER, autocommit=True) as owner:
        row = owner.execute("select clock_timestamp()").fetchone()
        assert row is not None
        owner.execute("create table if not exists public.ticks (at timestamptz)")
        owner.execute("insert into public.ticks values (now())")
        segment = owner.execute("select pg_walfile_name(pg_switch_wal())").fetchone()
        assert segment is not None
        until = time.monotonic() + 60
        while (owner.execute("select last_archived_wal from pg_stat_archiver").fetchone() or ("",))[0] != segment[0]:
            assert time.monotonic() < until
            time.sleep(0.1)
    moment: datetime = row[0]
    return moment


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.timeout(900)
def test_after_a_restore_nothing_is_posted_twice_and_everything_heals(
    settings: Settings,
    sandbox: Sandbox,  # noqa: F811
    dbt_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = settings.backup_folder
    assert folder is not None
    with StripeSandbox(datetime.now(UTC).timestamp()) as stripe:
        monkeypatch.setenv("MINUTEBOOK_STRIPE_URL", stripe.url)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", KEY)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_GRACE_HOURS", "72")
        anchor_day = min(DAYS[0].day, 28)
        calls = [call(f"{day}-{number}", day, seconds=100) for day in DAYS for number in range(2)]
        with settings.database() as url:
            install(url)
            house = House(str(url), settings, sandbox)
            house.tenant("acme", since=DAYS[0])
            house.execute("update control.tenants set anchor_day = %s", anchor_day)
            house.execute(PLAN)
            key = house.own_vapi("acme", calls)
            house.pull(["acme"], DAYS[:3])
            build(url, dbt_home, TODAY)
            run("stripe sync --apply")
            subscribe(house, stripe, anchor_day)
            copy = Path(run("backup")["copy"])
            posted = run("post")["postings"]
            before = {"overage": overage(house), "pulls": len(house.ledger()), "posted": posted}
            moment = archived(url)
            time.sleep(1)

            # What the restore forgets: a day, a restatement that moves all later days, and that Stripe was sent both.
            sandbox.world.vapi[key] = VapiAccount(in_memory(calls[2:]))
            house.pull(["acme"], DAYS, accept_loss=True)
            build(url, dbt_home, TODAY)
            run("post")
            after = overage(house)
            assert after != before["overage"]
            assert {day: units for day, units in summaries(stripe).items() if units} == after
            archived(url)
            password = (settings.home / "postgres/password").read_text()
            assert "is in use" in run(f"restore --at {moment.isoformat()}", 1)

        began = time.monotonic()
        assert run(f"restore --at {moment.isoformat()}")["copy"] == str(copy)
        print(f"restored in {time.monotonic() - began:.0f} s")  # noqa: T201
        with settings.database() as url:
            house = House(str(url), settings, sandbox)
            assert (settings.home / "postgres/password").read_text() != password
            assert len(house.ledger()) == before["pulls"]
            assert overage(house) == before["overage"]

            house.pull(["acme"], DAYS, accept_loss=True)
            build(url, dbt_home, TODAY)
            run("post")
            assert overage(house) == after
            assert {day: units for day, units in summaries(stripe).items() if units} == after
            assert run("reconcile")["differences"] == []
            sent = len(stripe.metering.received)
            assert run("post")["postings"] == {}
            assert len(stripe.metering.received) == sent
            assert backup.bases(folder) == [backup.Base(copy)]
            run("backup --keep 1")
            assert backup.Base(copy) not in backup.bases(folder)
        kept = everything_in(folder)
        assert len(kept) > 1_000_000
        for secret in (password, (settings.home / "master_keys").read_text().strip(), key):
            assert secret.encode() not in kept
        assert list((settings.home / "postgres").glob("data.before-*"))


@pytest.mark.parametrize("days_later", [0, 35], ids=["at once", "when the invoice is final"])
def test_after_a_restore_no_item_is_billed_and_no_note_given_twice(settings: Settings, days_later: int) -> None:
    """The restore forgets an approval, its items on an invoice, and a note on the paid one of the month before."""

    def approve_and_send() -> None:
        books.approve(setup="500", minimum="12.34", credit="-30", adjustment="-4.50")
        books.send()

    with StripeSandbox() as stripe:
        with settings.database() as url, connect(url, Role.OWNER, autocommit=True) as owner:
            install(url)
            owner.execute(OVERAGES)
            books = Books(Scene(url, stripe, owner))
            books.pay()
            books.plan("noting", "2025-01-01", gives_credit_notes=True)
            run("backup")
            moment = archived(url)
            time.sleep(1)
            approve_and_send()
            assert [item[:2] for item in books.items()] == [("credit", -3000), ("minimum", 1234), ("setup", 50000)]
            assert books.notes() == [("in_000001", 450)]
            rows = books.rows()
            archived(url)
        books.turn(days_later)
        items, notes = books.items(), books.notes()
        assert all(bool(invoice) == bool(days_later) for _, _, invoice in items)
        run(f"restore --at {moment.isoformat()}")
        with settings.database() as url, connect(url, Role.OWNER, autocommit=True) as owner:
            books.scene.url, books.scene.owner = url, owner
            assert books.rows() == []
            approve_and_send()
            assert books.rows() == rows
            books.send()
            assert (books.items(), books.notes()) == (items, notes)


def test_a_moment_that_no_copy_reaches_changes_nothing(settings: Settings) -> None:
    folder = settings.backup_folder
    assert folder is not None
    run("init")
    early = datetime.now(UTC)
    time.sleep(1.1)
    run("backup")
    assert "There is no copy" in run(f"restore --at {early.isoformat()}", 1)
    assert "is to come" in run("restore --at 9999-01-01T00:00:00Z", 1)
    later = datetime.now(UTC)
    with pytest.raises(EmbeddedServerError, match="recovery ended before configured recovery target was reached"):
        backup.restore(folder, settings.home, later)
    with settings.database() as url, connect(url, Role.OWNER) as owner:
        assert owner.execute("select count(*) > 0 from minutebook.migrations").fetchone() == (True,)


def test_what_came_after_a_restore_is_what_the_next_one_restores(settings: Settings) -> None:
    def write(number: int) -> datetime:
        with settings.database() as url, connect(url, Role.OWNER, autocommit=True) as owner:
            owner.execute("create table if not exists public.numbers (number int)")
            owner.execute("insert into public.numbers values (%s)", [number])
            moment = archived(url)
        time.sleep(1.1)
        return moment

    def written() -> list[int]:
        with settings.database() as url, connect(url, Role.OWNER) as owner:
            return [number for (number,) in owner.execute("select number from public.numbers order by 1")]

    folder = settings.backup_folder
    assert folder is not None
    with settings.database() as url:
        install(url)
    run("backup")
    after_one = write(1)
    write(2)
    backup.restore(folder, settings.home, after_one)
    assert written() == [1]
    after_three = write(3)
    write(4)
    backup.restore(folder, settings.home)
    assert written() == [1, 3, 4]
    backup.restore(folder, settings.home, after_three)
    assert written() == [1, 3]


def test_a_copy_that_was_changed_is_never_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = settings.backup_folder
    assert folder is not None
    run("init")
    original = backup.run_tool

    def damaged(place: Path, major: int, command: str, *arguments: str, **more: Any) -> None:
        original(place, major, command, *arguments, **more)
        if command == "pg_basebackup":
            (Path(arguments[arguments.index("-D") + 1]) / "global/pg_control").write_bytes(b"")

    monkeypatch.setattr(backup, "run_tool", damaged)
    assert "is not what its manifest says: global/pg_control" in run("backup", 1)
    assert backup.bases(folder) == []
    assert list((folder / "base").iterdir()) == []


def test_a_backup_that_is_killed_leaves_nothing_behind_the_next_one(settings: Settings) -> None:
    folder = settings.backup_folder
    assert folder is not None
    run("init")

    def killed(place: Path, major: int, command: str, *arguments: str, **more: Any) -> None:
        (Path(arguments[arguments.index("-D") + 1]) / "half.a.copy").write_bytes(b"of a tenant's rows")
        os.kill(os.getpid(), signal.SIGKILL)

    def backup_killed() -> None:
        backup.run_tool = killed  # type: ignore[assignment]
        with settings.database() as url:
            backup.take(url, folder)

    assert in_a_process(backup_killed) == -signal.SIGKILL
    assert backup.bases(folder) == []
    with (folder / "base.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "A copy is being made in" in run("backup", 1)
    run("backup")
    assert [base.path for base in backup.bases(folder)] == list((folder / "base").iterdir())


def test_a_server_of_ones_own_is_backed_up_by_its_own_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x")
    for command in ("backup", "restore"):
        assert "docs/back-up-and-restore.md" in run(command, 1)


def test_without_a_folder_it_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))
    assert "MINUTEBOOK_BACKUP_FOLDER" in run("backup", 1)


def test_doctor_says_what_a_backup_lacks(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def said() -> str:
        return CliRunner().invoke(app, ["doctor"], terminal_width=300).stdout

    run("init")
    assert "there is no copy yet" in said()
    run("backup")
    assert "copies of the server: 1, the newest of" in said()
    monkeypatch.setenv(OFFSET, str(9 * 86_400))
    assert "the newest copy is of" in said()
    monkeypatch.delenv(OFFSET)
    monkeypatch.delenv("MINUTEBOOK_BACKUP_FOLDER")
    with Settings.from_environment().database():
        assert "is in no backup of ours" in said()
        monkeypatch.setenv("MINUTEBOOK_BACKUP_FOLDER", str(settings.backup_folder))
        assert "the server archives no log" in said()


def test_a_server_that_archives_nothing_is_copied_and_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = settings.backup_folder
    monkeypatch.delenv("MINUTEBOOK_BACKUP_FOLDER")
    run("init")
    with Settings.from_environment().database():
        monkeypatch.setenv("MINUTEBOOK_BACKUP_FOLDER", str(folder))
        assert "only this moment can be restored" in run("backup", 1)
    assert folder is not None
    assert len(backup.bases(folder)) == 1
