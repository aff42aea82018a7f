"""The image as its Dockerfile says, without Docker: each step runs in a root of its own over this machine's files.

A stage is a layer in memory over the machine's root, which stands for the base image; nothing of it is left on the
machine. What runs in the finished image sees a read-only root and no other user than the image's.
"""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deploy.tools import ROOT, in_ci

STATE = "/var/lib/minutebook"
_OPEN = """
mkdir -p {root}
mount -t overlay overlay -o {layers} {root}
mount --rbind /dev {root}/dev
mount --rbind /proc {root}/proc
mount -t tmpfs tmpfs {root}/tmp
"""


@dataclass
class Stage:
    """One FROM, and what follows it."""

    name: str
    layer: Path
    workdir: str = "/"
    user: str = "0:0"
    environment: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)


class Image:
    """Built from a Dockerfile into layers under `folder`, which is in memory."""

    def __init__(self, dockerfile: Path, folder: Path) -> None:
        self._folder = folder
        self._stages: list[Stage] = []
        for word, rest in instructions(dockerfile.read_text()):
            self._take(word, rest)

    @property
    def stage(self) -> Stage:
        """The last one: what is shipped."""
        return self._stages[-1]

    def command(
        self, arguments: Sequence[str], environment: Mapping[str, str], mounts: Mapping[str, Path]
    ) -> list[str]:
        """How to run a command in the finished image as its user; its root is read-only but for what is mounted."""
        stage = self.stage
        root = self._folder / "running"
        script = [_OPEN.format(root=root, layers=f"lowerdir={stage.layer}:/")]
        for target, source in mounts.items():
            place = stage.layer / target.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.is_file():
                place.touch()
            script.append(f"mount --bind {source} {root}{target}")
        variables = {**stage.environment, **environment}
        return ["unshare", "-m", "sh", "-ec", "\n".join(
            [*script, f"exec chroot --userspec={stage.user} {root} env -i {_assigned(variables)} "
             f"sh -c {shlex.quote(f'cd {STATE} && exec {shlex.join(arguments)}')}"]
        )]  # fmt: skip

    def _take(self, word: str, rest: str) -> None:
        match word:
            case "FROM":
                name = rest.split(" AS ")[1] if " AS " in rest else "final"
                layer = self._folder / name
                layer.mkdir()
                layer.chmod(0o755)
                self._stages.append(Stage(name, layer))
            case "WORKDIR":
                self.stage.workdir = rest
                self._run(f"mkdir -p {rest}")
            case "ENV":
                self.stage.environment |= dict(part.split("=", 1) for part in shlex.split(rest))
            case "USER":
                self.stage.user = rest
            case "COPY":
                self._copy(shlex.split(rest))
            case "RUN":
                self._run(f"cd {self.stage.workdir}\n{rest}")
            case "CMD":
                self.stage.command = json.loads(rest)
            case "HEALTHCHECK":
                self.stage.healthcheck = json.loads(rest.split("CMD", 1)[1])
            case "ARG" | "VOLUME" | "EXPOSE":
                pass
            case _:
                raise AssertionError(f"these tests do not know {word}")

    def _copy(self, words: list[str]) -> None:
        *sources, target = words
        origin = ROOT
        if sources[0].startswith("--from="):
            name = sources.pop(0).removeprefix("--from=")
            origin = next(stage.layer for stage in self._stages if stage.name == name)
        place = self.stage.layer / target.lstrip("/")
        for source in sources:
            found = origin / source.lstrip("/")
            if found.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
                shutil.copytree(found, place, symlinks=True, ignore=ignored if origin is ROOT else None)
            else:
                shutil.copy2(found, place / found.name)

    def _run(self, script: str) -> None:
        root, work = self._folder / "root", self._folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        opened = _OPEN.format(root=root, layers=f"lowerdir=/,upperdir={self.stage.layer},workdir={work}")
        # A developer's Python may lie in a folder that only root passes; a base image's does not.
        opened += f"chmod o+x {root}/root\n"
        done = subprocess.run(
            ["unshare", "-m", "sh", "-ec", f"{opened}\nexec chroot {root} sh -ec {shlex.quote(script)}"],
            env={**os.environ, **self.stage.environment, "PATH": os.environ["PATH"]},
            capture_output=True, text=True, timeout=900,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


def instructions(text: str) -> list[tuple[str, str]]:
    """Word and rest of each instruction of a Dockerfile; comments go, continued lines are joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def require_namespaces() -> None:
    """Skip where no root of one's own can be had; in CI that is a failure."""
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    if done.returncode and not in_ci():
        pytest.skip("unshare -m is not allowed here, so that the image's steps cannot run")
    assert done.returncode == 0, done.stderr


def _assigned(variables: Mapping[str, str]) -> str:
    return shlex.join([f"{name}={value}" for name, value in variables.items()])
