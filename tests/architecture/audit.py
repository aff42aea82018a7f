"""`make audit`: whether a locked dependency has a known vulnerability, by the first advisory service that answers.

python -m tests.architecture.audit

A vulnerability fails it. Where no service can be reached, as on a machine that sees package registries only, it says so
loudly and passes: a build must not turn red because somebody else's service is away, and what is installed is pinned by
hash either way (test_supply_chain.py).
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[2] / "requirements.lock"
SERVICES = ("osv", "pypi")
PIP_AUDIT = "pip-audit>=2.10,<3"
# In an environment of its own: an auditor is no dependency of what it audits.
COMMAND = (
    str(Path(sys.executable).with_name("uv")), "tool", "run", "--quiet", "--from", PIP_AUDIT, "pip-audit",
    "--requirement", str(LOCK), "--require-hashes", "--disable-pip", "--progress-spinner", "off", "--timeout", "10",
    "--format", "json", "--vulnerability-service",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What a service said: how many packages it knew, and a line for each vulnerability."""

    audited: int
    unknown: int
    vulnerable: tuple[str, ...]


def verdict(answer: str) -> Verdict | None:
    """The verdict in pip-audit's JSON; None where the service was not reached or knew no package at all."""
    try:
        reported: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    audited = [package for package in reported if "vulns" in package]
    lines = tuple(
        f"{package['name']} {package['version']}: {found['id']}"
        f" (fixed in {', '.join(found.get('fix_versions') or ()) or 'no version yet'})"
        for package in audited
        for found in package["vulns"]
    )
    return Verdict(len(audited), len(reported) - len(audited), lines) if audited else None


def main() -> int:
    """Exit code: 1 if something locked is vulnerable, else 0."""
    for service in SERVICES:
        asked = subprocess.run([*COMMAND, service], capture_output=True, text=True, cwd=LOCK.parent)
        found = verdict(asked.stdout)
        if found is None:
            continue
        unknown = f"; it does not know {found.unknown}" if found.unknown else ""
        print(f"audit: {service} knows {len(found.vulnerable)} vulnerabilities of {found.audited} packages{unknown}")
        for line in found.vulnerable:
            print(f"  {line}", file=sys.stderr)
        if found.vulnerable:
            print("raise them in pyproject.toml, then: make lock", file=sys.stderr)
        return 1 if found.vulnerable else 0
    print(
        f"audit: NOT AUDITED. No advisory service answers from here (asked: {', '.join(SERVICES)});"
        " run `make audit` on a machine that reaches one before a release",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
