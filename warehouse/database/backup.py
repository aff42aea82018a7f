"""Backups of the embedded server: copies of its data, and every change since, from which any moment is restored.

    FOLDER/base/20261129T020000Z/   a copy, with the manifest that PostgreSQL checks it by
    FOLDER/wal/                     the write-ahead log, archived by the server as it is written

No password and no master key is in it: a restored server has a new password, and keys are kept elsewhere.
"""

import fcntl
import hashlib
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psycopg
from psycopg.sql import Literal
from sqlalchemy.engine import make_url

from warehouse.database import embedded, queries
from warehouse.database.binaries import give_to_the_server, keep_password, let_the_server_user_in, run_tool
from warehouse.database.connect import Role, connect
from warehouse.database.errors import EmbeddedServerError
from warehouse.database.queries import Connection
from warehouse.words import counted

FILE = "database/backup"
_SQL = queries.load(FILE)
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"[\w./+-]+")
_SECONDS = 300
LOST_AT_MOST_SECONDS = 300
"""How long a change may wait until its part of the log is archived."""
OLD = timedelta(days=8)
"""From then on the newest copy is too old: restoring it would replay more log than anybody wants to wait for."""


@dataclass(frozen=True)
class Base:
    """A copy that any moment from its end on can be restored from."""

    path: Path

    @property
    def ended_at(self) -> datetime:
        """When it was whole, UTC."""
        return datetime.strptime(self.path.name, _STAMP).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Archiver:
    """How the log's archiving stands. is_on: the server was started with a backup folder."""

    is_on: bool
    last_at: datetime | None
    is_failing: bool


def archiving(folder: Path) -> Mapping[str, str]:
    """Settings of a server that archives its log in a backup folder, which is made.

    Raises EmbeddedServerError for a path that a shell would not take as one word.
    """
    if not _NAME.fullmatch(str(folder)):
        raise EmbeddedServerError(f"A backup folder's path has letters, digits and . / _ + - alone, not {folder}.")
    for path in (folder, folder / "wal", folder / "base"):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        give_to_the_server(path)
    let_the_server_user_in(folder)
    kept = f"{folder}/wal/%f"
    # A segment that is there already counts as archived if it is the same one: a crash may have come in between.
    copied = f'cp "%p" "{kept}.part" && sync "{kept}.part" && mv "{kept}.part" "{kept}"'
    return {
        "archive_mode": "on",
        "archive_timeout": str(LOST_AT_MOST_SECONDS),
        "archive_command": f'if test -f "{kept}"; then cmp -s "%p" "{kept}"; else {copied}; fi',
    }


def archiver(connection: Connection) -> Archiver:
    """How archiving stands, asked as the owner."""
    (row,) = queries.rows(connection, FILE, "archiver")
    return Archiver(**row)


def bases(folder: Path) -> list[Base]:
    """Copies that are whole, the newest first."""
    paths = (path for path in (folder / "base").glob("*Z") if path.is_dir())
    return sorted((Base(path) for path in paths), key=lambda base: base.ended_at, reverse=True)


def take(url: str, folder: Path) -> Base:
    """Copy a running server's data, check the copy, and give it its name.

    Raises EmbeddedServerError, also while another copy is being made in the folder.
    """
    archiving(folder)  # makes the folders
    with _alone(folder):
        return _take(url, folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One copy at a time; what one that was killed had begun goes."""
    with (folder / "base.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EmbeddedServerError(f"A copy is being made in {folder}: wait until it is done.") from error
        for left in (folder / "base").glob("unfinished-*"):
            shutil.rmtree(left, ignore_errors=True)  # its program may still write there, and ends when it cannot
        yield


def _take(url: str, folder: Path) -> Base:
    address = make_url(url)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder / "base"))
    give_to_the_server(unfinished)
    major = _major(url)
    try:
        where = ["-h", str(address.host), "-p", str(address.port), "-U", str(address.username)]
        password = {"PGPASSWORD": str(address.password)}  # read by the program, and no part of its arguments
        copy = ["-D", str(unfinished), "--wal-method=stream", "--checkpoint=fast", "--manifest-checksums=SHA256"]
        run_tool(folder, major, "pg_basebackup", *where, *copy, environment=password)
        check(unfinished)
        base = Base(folder / "base" / datetime.now(UTC).strftime(_STAMP))
        unfinished.rename(base.path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return base


def check(copy: Path) -> None:
    """See that a copy has the files of its manifest, byte for byte, and no others. Raises EmbeddedServerError.

    As `pg_verifybackup` does, which in the wheel of PostgreSQL 18 ends with a segmentation fault.
    """
    text = (copy / "backup_manifest").read_bytes()
    manifest = msgspec.json.decode(text)
    signed = text[: text.rindex(b'"Manifest-Checksum"')]
    if hashlib.sha256(signed).hexdigest() != manifest["Manifest-Checksum"]:
        raise EmbeddedServerError(f"The manifest of {copy} was changed.")
    listed = {file["Path"]: file for file in manifest["Files"]}
    found = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()} - {"backup_manifest"}
    wrong = {path for path in found ^ listed.keys() if not path.startswith("pg_wal/")}
    for path in found & listed.keys():
        with (copy / path).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != listed[path]["Checksum"]:
                wrong.add(path)
    if wrong:
        raise EmbeddedServerError(
            f"{copy} is not what its manifest says: {min(wrong)} ({counted(len(wrong), 'file')} in all)."
        )


def prune(folder: Path, keep: int) -> list[Base]:
    """Delete all but the newest copies, and the log that only they need; what was deleted."""
    found = bases(folder)
    gone = found[keep:]
    for base in gone:
        shutil.rmtree(base.path)
    if gone and found[:keep]:
        oldest = found[:keep][-1].path
        label = (oldest / "backup_label").read_text()
        first = re.search(r"^START WAL LOCATION: \S+ \(file (\w+)\)", label, flags=re.MULTILINE)
        major = int((oldest / "PG_VERSION").read_text())
        if first is not None:
            run_tool(folder, major, "pg_archivecleanup", str(folder / "wal"), first[1])
    return gone


def restore(folder: Path, home: Path, at: datetime | None = None) -> Base:
    """Put the server of a home folder back to a moment, by default the last that is archived; the copy it came from.

    What was there is kept beside it, as `data.before-…`. Raises EmbeddedServerError where the server is in use, no copy
    is old enough, or the log does not reach that moment; then nothing is changed.
    """
    base = next((one for one in bases(folder) if at is None or one.ended_at <= at), None)
    if base is None:
        raise EmbeddedServerError(
            f"There is no copy in {folder / 'base'}" + (f" from before {at:%F %T} UTC." if at else ".")
        )
    major = int((base.path / "PG_VERSION").read_text())
    with embedded.stopped(home) as place:
        if (place / "data" / "postmaster.pid").exists():
            raise EmbeddedServerError(f"The server under {place} is running, or was killed: start and stop it once.")
        unfinished, password = place / "data.restored", secrets.token_urlsafe(32)
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(base.path, unfinished, symlinks=True)
        check(unfinished)
        for path in (place, unfinished, *unfinished.rglob("*")):
            give_to_the_server(path)
        (unfinished / "recovery.signal").touch()
        give_to_the_server(unfinished / "recovery.signal")
        with _recovering(place, unfinished, major, folder, at) as connection:
            _wait_until_promoted(connection)
            # To the server goes a verifier; the password itself is in the file alone.
            verifier = connection.pgconn.encrypt_password(password.encode(), b"postgres", b"scram-sha-256").decode()
            connection.execute(_SQL["set_password"].format(verifier=Literal(verifier)))
        if (place / "data").exists():
            (place / "data").rename(place / f"data.before-{datetime.now(UTC).strftime(_STAMP)}")
        unfinished.rename(place / "data")
        keep_password(place, password)
        # From here on the log goes on along another line, which the next restore has to know of to follow it.
        for history in (place / "data" / "pg_wal").glob("*.history"):
            shutil.copy2(history, folder / "wal")
            give_to_the_server(folder / "wal" / history.name)
    return base


@contextmanager
def _recovering(place: Path, data: Path, major: int, folder: Path, at: datetime | None) -> Iterator[Connection]:
    """The server while it reads the log: reached by nobody but us, through a folder that nobody else enters."""
    with tempfile.TemporaryDirectory(prefix="mb-restore-") as name:
        private = Path(name)
        give_to_the_server(private)
        (private / "hba").write_text("local all all trust\n")
        give_to_the_server(private / "hba")
        settings = {
            **embedded.SETTINGS,  # with fewer connections than it had it would not recover
            "listen_addresses": "", "unix_socket_directories": name, "port": "5432", "hba_file": str(private / "hba"),
            "archive_mode": "off", "restore_command": f'cp "{folder}/wal/%f" "%p"', "recovery_target_action": "promote",
            **({"recovery_target_time": at.astimezone(UTC).isoformat(sep=" ")} if at else {}),
        }  # fmt: skip
        options = " ".join(f"-c {key}='{value}'" for key, value in settings.items())
        start = ["-w", "-t", str(_SECONDS), "-l", str(place / "log"), "-o", options, "-D", str(data), "start"]
        run_tool(place, major, "pg_ctl", *start)
        try:
            with psycopg.connect(
                host=name, port=5432, user="postgres", dbname="postgres", autocommit=True
            ) as connection:
                yield connection
        finally:
            run_tool(place, major, "pg_ctl", "-w", "-t", str(_SECONDS), "-m", "fast", "-D", str(data), "stop")


def _wait_until_promoted(connection: Connection) -> None:
    until = time.monotonic() + _SECONDS
    while connection.execute(_SQL["is_in_recovery"]).fetchone() == (True,):
        if time.monotonic() > until:
            raise EmbeddedServerError(f"The log was not read to that moment within {_SECONDS} s.")
        time.sleep(0.2)


def _major(url: str) -> int:
    with connect(url, Role.OWNER) as connection:
        return connection.info.server_version // 10_000
