"""The embedded server: shared by processes, stopped by the last, surviving whatever was killed."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from warehouse.database import binaries
from warehouse.database.backup import archiving
from warehouse.database.embedded import MAJORS, running
from warehouse.database.errors import EmbeddedServerError

ROOT = Path(__file__).parents[3]
HOLD = """
import sys
from pathlib import Path
from warehouse.database.embedded import running
with running(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="minutebook-home-"))
    yield folder
    shutil.rmtree(folder)


def holder(home: Path) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, process.stdout.readline().strip()


def is_answering(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_holders_share_one_server_and_the_last_to_leave_stops_it(home: Path) -> None:
    with ExitStack() as first:
        url = first.enter_context(running(home))
        process, theirs = holder(home)
        assert theirs == url
        first.close()
        assert is_answering(url)
        process.communicate()
        assert not is_answering(url)


def test_a_killed_holder_does_not_keep_the_server_and_does_not_take_it_down(home: Path) -> None:
    process, url = holder(home)
    with running(home) as ours:
        assert ours == url
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert is_answering(url)
    assert not is_answering(url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_server_ends_with_its_last_holder_however_that_ends(home: Path, number: signal.Signals) -> None:
    first, url = holder(home)
    second, _ = holder(home)
    for process in (first, second):
        assert is_answering(url)
        os.kill(process.pid, number)
        process.communicate()
    until = time.monotonic() + 30
    while is_answering(url) or (home / "postgres" / "data" / "postmaster.pid").exists():
        assert time.monotonic() < until, "the server outlived everybody who held it"
        time.sleep(0.1)
    with running(home) as again:  # it left its data in order, and the next one has a watchdog of its own
        assert is_answering(again)
    assert not is_answering(again)


def test_data_survive_a_killed_server_and_its_stale_pid_file(home: Path) -> None:
    with running(home) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept (n int)")
        postmaster = int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        while (
            Path(f"/proc/{postmaster}").exists() and "Z" not in Path(f"/proc/{postmaster}/stat").read_text().split()[2]
        ):
            pass
        with running(home) as again, psycopg.connect(again) as revived:
            assert revived.execute("select count(*) from kept").fetchone() == (0,)


def test_the_password_is_asked_for_and_kept_private(home: Path) -> None:
    with running(home) as url:
        password = home / "postgres" / "password"
        assert password.stat().st_mode & 0o777 == 0o600
        assert not is_answering(url.replace(password.read_text(), "wrong"))
        assert not is_answering(url.replace(f":{password.read_text()}", ""))


def test_data_of_another_major_are_refused_and_left_alone(home: Path) -> None:
    oldest, newest = MAJORS[0], MAJORS[-1]
    with running(home, oldest):
        pass
    with pytest.raises(EmbeddedServerError, match=f"belong to PostgreSQL {oldest}"), running(home, newest):
        pass
    with running(home, oldest) as url:
        assert is_answering(url)


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="no_such_setting"), running(home, settings={"no_such_setting": "1"}):
        pass


def test_root_on_a_new_machine_may_name_a_backup_folder_before_the_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users: set[str] = set()
    owners: list[tuple[Path, str]] = []

    def chown(path: Path, user: str) -> None:
        if user not in users:
            raise LookupError(f"no such user: {user!r}")
        owners.append((path, user))

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(binaries, "ensure_user_exists", users.add)
    monkeypatch.setattr(shutil, "chown", chown)
    folder = tmp_path / "closed" / "backup"
    folder.parent.mkdir(mode=0o700)
    assert archiving(folder)["archive_mode"] == "on"
    assert owners == [(path, "pgserver") for path in (folder, folder / "wal", folder / "base")]
    assert folder.parent.stat().st_mode & 0o777 == 0o701, "its user must be able to pass, and to read nothing"
