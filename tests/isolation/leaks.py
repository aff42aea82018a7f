"""A deployment whose every secret is a canary, and the search for them in whatever it leaves behind."""

import base64
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MINUTEBOOK = Path(sys.executable).with_name("minutebook")


@dataclass
class Deployment:
    """Runs commands as a person would and keeps all that they say."""

    environment: dict[str, str]
    said: list[tuple[str, str]] = field(default_factory=list)

    def run(self, *arguments: str, given: str = "", fails: bool | None = False, **changed: str) -> None:
        """A command of the CLI; it must end as told, None: in either way. A failing one shows its traceback."""
        debug = ["--debug"] if fails else []
        done = self._run([str(MINUTEBOOK), *debug, *arguments], given, changed)
        assert fails is None or (done.returncode != 0) == fails, (
            f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )

    def python(self, program: str, **changed: str) -> str:
        """A program in a process of its own, such as a run of Dagster."""
        return self._run([sys.executable, "-c", program], "", changed).stdout

    def _run(self, arguments: list[str], given: str, changed: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            arguments, input=given, text=True, capture_output=True, env={**self.environment, **changed}
        )
        self.said.append((" ".join(arguments)[:200], done.stdout + done.stderr))
        return done


def forms(secret: str) -> set[bytes]:
    """A secret as it may be written: plain, percent-encoded, in base64 (as basic authentication does), in hex."""
    plain = secret.encode()
    return {
        plain,
        urllib.parse.quote(secret, safe="").encode(),
        base64.b64encode(plain).rstrip(b"=")[:-1],
        plain.hex().encode(),
    }


def found_in(content: bytes, secrets: Mapping[str, str]) -> list[str]:
    """Names of the secrets that stand in content in any form."""
    return [name for name, secret in secrets.items() if any(form in content for form in forms(secret))]


def files_under(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below, and what it holds."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()


def minimal_environment(**own: str) -> dict[str, str]:
    """The shell's, without anything of Minutebook, PostgreSQL, Dagster or dbt."""
    foreign = ("MINUTEBOOK_", "PG", "DAGSTER_", "DBT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | own
