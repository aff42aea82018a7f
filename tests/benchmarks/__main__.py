"""`make bench`: every benchmark at its default size, one after the other, each printing its ratio to a named baseline.

python -m tests.benchmarks [name ...]     only these, such as `history posting`
"""

import subprocess
import sys
from pathlib import Path

from tests.benchmarks._measuring import BOUND_MISSED

FOLDER = Path(__file__).parent
MODULES = {path.stem: ".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in FOLDER.rglob("[a-z]*.py")}
NAMES = sorted(MODULES)


def main(wanted: list[str]) -> int:
    """Exit code: 0 if all ended well, bounds missed or not, which a busy machine decides too; else 1, and 2 for a name
    that is none."""
    if unknown := set(wanted) - set(NAMES):
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    ends = {}
    for name in wanted or NAMES:
        print(f"\n== {name}", flush=True)
        ends[name] = subprocess.run([sys.executable, "-m", f"tests.benchmarks.{MODULES[name]}"]).returncode
    missed = [name for name, end in ends.items() if end == BOUND_MISSED]
    failed = [name for name, end in ends.items() if end not in (0, BOUND_MISSED)]
    print(f"\nran to their end: {len(ends) - len(failed)} of {len(ends)}")
    for said, names in (("missed a bound", missed), ("failed", failed)):
        if names:
            print(f"{said}: {', '.join(names)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
