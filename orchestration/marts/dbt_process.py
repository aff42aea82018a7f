"""dbt as Dagster calls it: this installation's, wherever PATH leads, and gone with the run that called it.

A build whose run was killed would otherwise go on beside the next one, without the right to build.
"""

import os
import sys
from pathlib import Path

from warehouse.database.lifetime import end_with

PARENT = "MINUTEBOOK_DBT_PARENT"
_SCRIPT = """#!/bin/sh
exec '{python}' -m orchestration.marts.dbt_process "$@"
"""


def executable(home: Path) -> Path:
    """The program that dagster-dbt is given; written under the home folder, for it takes no arguments but dbt's."""
    path = home.absolute() / "dbt" / "dbt"
    script = _SCRIPT.format(python=sys.executable.replace("'", "'\\''"))
    if not path.exists() or path.read_text() != script:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"dbt.{os.getpid()}")
        unfinished.write_text(script)
        unfinished.chmod(0o700)
        unfinished.replace(path)
    return path


def main() -> None:
    """Run dbt's own command line."""
    from dbt.cli.main import cli

    end_with(int(os.environ[PARENT]))
    cli()


if __name__ == "__main__":
    main()
