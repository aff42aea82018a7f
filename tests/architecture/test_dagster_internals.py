"""What an update of Dagster may break without notice is used in one place.

Import Linter sees only the top package of what is not ours, so the modules are read here.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
THE_PLACE = Path("orchestration/dagster_internals")


def imported(path: Path) -> set[str]:
    """The full names of what a file imports, at its head or within a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def test_only_dagster_internals_imports_private_modules_of_others() -> None:
    importers = {
        path.relative_to(ROOT).parent
        for package in ("orchestration", "sources", "warehouse")
        for path in (ROOT / package).rglob("*.py")
        if any(part.startswith("_") for name in imported(path) for part in name.split(".") if part != "__future__")
    }
    assert importers == {THE_PLACE}
