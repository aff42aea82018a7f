"""What is installed is what was locked; the security linter covers the product; an audit's word counts."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.audit import Verdict, verdict

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^ ;\\]+)(?P<marker>[^\\]*)\\?$")


def locked() -> dict[str, str]:
    """Version by name, for this Python and machine; every requirement of the lock is pinned, and has a hash."""
    found = {}
    for block in re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text()):
        line, *rest = block.splitlines()
        if line.startswith("#"):
            continue
        parts = PINNED.match(line)
        assert parts, f"not pinned to one version: {line}"
        assert any("--hash=sha256:" in more for more in rest), f"no hash: {line}"
        marker = Requirement(line.rstrip("\\ ")).marker
        if marker is None or marker.evaluate():
            found[canonicalize_name(parts["name"])] = parts["version"]
    return found


def test_every_dependency_is_pinned_by_version_and_hash_and_what_is_installed_is_that() -> None:
    lock = locked()
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for text in [*named["project"]["dependencies"], *named["dependency-groups"]["dev"]]:
        wanted = Requirement(text)
        version = lock[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version, prereleases=True), f"the lock is older than pyproject.toml: {text}"
    installed = {canonicalize_name(d.metadata["Name"]): d.version for d in importlib.metadata.distributions()}
    assert {name: installed.get(name) for name in lock} == lock
    assert installed.keys() - lock.keys() <= {"minutebook", "pip", "setuptools", "uv", "wheel"}


def test_the_security_linter_finds_what_it_should(tmp_path: Path) -> None:
    """ruff's S rules are bandit's; each of these would be a hole, and none may be waved through by configuration."""
    holes = {
        "S602": "import subprocess\n\nsubprocess.run('ls ' + input(), shell=True)\n",
        "S608": "def ask(connection, name):\n    connection.execute(f\"select * from t where x = '{name}'\")\n",
        "S501": "import httpx\n\nhttpx.get('https://x', verify=False)\n",
        "S324": "import hashlib\n\nhashlib.md5(b'x')\n",
        "S301": "import pickle\n\npickle.loads(b'x')\n",
        "S105": "password = 'hunter2'\n",
        "S311": "import random\n\ntoken = random.random()\n",
    }
    for rule, code in holes.items():
        hole = tmp_path / "hole.py"
        hole.write_text(code)
        ruff = [Path(sys.executable).with_name("ruff"), "check", "--config", ROOT / "pyproject.toml", "--no-cache"]
        done = subprocess.run([*ruff, "--output-format", "concise", hole], capture_output=True, text=True)
        assert rule in done.stdout, f"{rule} does not find {code!r}: {done.stdout}{done.stderr}"


def test_no_exception_from_the_security_rules_covers_a_whole_product_file() -> None:
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in ruff["select"]
    assert not [rule for rule in ruff["ignore"] if rule.startswith("S")]
    waived = {path: [rule for rule in rules if rule[0] == "S"] for path, rules in ruff["per-file-ignores"].items()}
    waived = {path: rules for path, rules in waived.items() if rules and path != "tests/**"}
    assert waived == {"sources/testing.py": ["S101"]}  # the kit that tests sources: it asserts, and nothing runs it
    for package in ("orchestration", "sources", "warehouse"):
        for path in (ROOT / package).rglob("*.py"):
            for line in path.read_text().splitlines():
                waved = re.search(r"# noqa(?P<rules>: ?[A-Z]+\d+)?(?P<why>.*)", line)
                is_told = not waved or (waved["rules"] and waved["why"].strip(" -:"))
                assert is_told, f"say which rule, and why: {path}: {line}"


def test_an_audit_fails_by_a_vulnerability_and_never_by_a_service_that_is_away() -> None:
    sound = {"name": "a", "version": "1", "vulns": []}
    known = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
    skipped = {"name": "c", "skip_reason": "not found"}
    assert verdict(json.dumps({"dependencies": [sound, known, skipped]})) == Verdict(
        2, 1, ("b 2: PYSEC-1 (fixed in 3)",)
    )
    assert verdict(json.dumps({"dependencies": [skipped]})) is None
    assert verdict("no answer") is None
