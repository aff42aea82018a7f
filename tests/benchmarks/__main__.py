"""`make bench`: every benchmark at its default size, one after the other, each printing its ratio to a named baseline.

python -m tests.benchmarks [name ...]     only these, such as `history posting`
"""

import subprocess
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def main(wanted: list[str]) -> int:
    """Exit code: 0 if all ended, 2 for a name that is none."""
    if unknown := set(wanted) - set(NAMES):
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    failed = 0
    for name in wanted or NAMES:
        print(f"\n== {name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"]).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
