"""A deployment whose every secret is a canary, and the search for them in whatever it leaves behind."""

import atexit
import base64
import gc
import multiprocessing
import os
import sys
import tempfile
import traceback
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Each command is a process of its own, forked from one that has done the imports: they take longer than the work. Not
# orchestration.definitions, which reads the settings of its process while it is imported.
PRELOADED = [
    *("orchestration.cli", "orchestration.web", "orchestration.dagster_internals.home"),
    *("orchestration.defs.ingestion.sensors", "orchestration.defs.marts.assets", "orchestration.defs.marts.checks"),
    *("orchestration.defs.marts.sensors", "orchestration.defs.stripe.checks"),
    *("dbt.cli.main", "dbt.adapters.postgres", "dlt.destinations", "adbc_driver_postgresql.dbapi", "pyarrow.parquet"),
]
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([*PRELOADED, __name__])


@dataclass
class Deployment:
    """Runs commands as a person would and keeps all that they say."""

    environment: dict[str, str]
    said: list[tuple[str, str]] = field(default_factory=list)

    def run(self, *arguments: str, given: str = "", fails: bool | None = False, **changed: str) -> None:
        """A command of the CLI; it must end as told, None: in either way. A failing one shows its traceback."""
        debug = ["--debug"] if fails else []
        code, said = self._fork(["minutebook", *debug, *arguments], given, changed)
        assert fails is None or (code != 0) == fails, f"{arguments}: {code}\n{said}"

    def python(self, program: str, **changed: str) -> str:
        """A program in a process of its own, such as a run of Dagster; what it printed."""
        return self._fork(["python", "-c", program], "", changed)[1]

    def _fork(self, arguments: list[str], given: str, changed: Mapping[str, str]) -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "in").write_text(given)
            process = FORKS.Process(target=_child, args=(arguments, {**self.environment, **changed}, folder))
            process.start()
            process.join()
            said = (Path(folder) / "out").read_text(errors="replace")
        self.said.append((" ".join(arguments)[:200], said))
        assert process.exitcode is not None
        return process.exitcode, said


def _child(arguments: list[str], environment: Mapping[str, str], folder: str) -> None:
    """The command, with the environment, input and output of a process that a shell started."""
    import sources.http
    from orchestration import cli

    gc.freeze()  # what was preloaded stays; to look through it again and again costs more than most commands
    # As many attempts, each of which may say something; no patience between them.
    sources.http.LONGEST_WAIT = 0.01
    os.environ.clear()
    os.environ.update(environment)
    for place, descriptor, flags in (("in", 0, os.O_RDONLY), ("out", 1, os.O_WRONLY | os.O_CREAT | os.O_APPEND)):
        os.dup2(os.open(Path(folder) / place, flags), descriptor)
    os.dup2(1, 2)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    try:
        sys.argv = arguments
        if arguments[0] == "python":
            exec(arguments[-1], {"__name__": "__main__"})  # noqa: S102 - the test's own program
        else:
            cli.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - printed as the interpreter prints it
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


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
