"""Programs that hold deploy/ against rules that are not ours; skipped by name where they cannot be had, but in CI."""

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
INSTALL = ROOT / ".ci" / "install-deploy-tools"
FOLDER = ROOT / ".venv" / "deploy-tools"


def in_ci() -> bool:
    """Whether a missing tool is a failure."""
    return os.environ.get("CI") == "true"


@cache
def tool(name: str) -> str:
    """The path of helm, hadolint or promtool."""
    path = FOLDER / name
    if not path.exists():
        subprocess.run([INSTALL], check=in_ci(), capture_output=True, timeout=300)
    if not path.exists():
        pytest.skip(f"{name} is not installed: .ci/install-deploy-tools")
    return str(path)


def run(name: str, *arguments: object) -> str:
    """What a tool prints. Fails with all that it said where it ends badly."""
    done = subprocess.run([tool(name), *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
