"""SQL is the warehouse's: no other room of ours holds any, or runs a statement of it by name."""

import ast
import re
from pathlib import Path

from tests.architecture.test_house import ROOT, tracked_files

ROOMS = ("orchestration", "sources", "warehouse")
RUNNING = {"load", "rows", "first", "typed", "first_typed", "execute", "queries"}


def test_no_sql_lies_in_orchestration() -> None:
    assert [path for path in tracked_files() if path.suffix == ".sql" and _is_ours(path)] == []


def test_no_module_of_orchestration_runs_statements_itself() -> None:
    running = {
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix == ".py" and _is_ours(path) and _imported(path) & RUNNING
    }
    assert running == set()


def test_statements_lie_beside_the_module_that_is_called_like_their_file() -> None:
    """A file of more than one part is `<module>_<part>.sql`."""
    rooms = (path for path in tracked_files() if path.is_relative_to(ROOT / "warehouse") and path.suffix == ".sql")
    for path in rooms:
        if not re.search(r"^-- name: ", path.read_text(), flags=re.MULTILINE):
            continue
        parts = path.stem.split("_")
        assert any((path.parent / f"{'_'.join(parts[:count])}.py").exists() for count in range(1, len(parts) + 1)), path


def test_a_room_runs_no_statement_of_another_room() -> None:
    """It calls that room's function, which says what comes back."""
    files = {
        str(path.relative_to(ROOT / "warehouse").with_suffix("")): path.parent
        for path in tracked_files()
        if path.is_relative_to(ROOT / "warehouse") and path.suffix == ".sql" and path.parent != ROOT / "warehouse"
    }
    elsewhere = [
        f"{path.relative_to(ROOT)} runs {name}"
        for path in tracked_files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in ROOMS
        for name in _strings(path) & files.keys()
        if path.parent != files[name]
    ]
    assert elsewhere == []


def _strings(path: Path) -> set[str]:
    constants = (one.value for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.Constant))
    return {value for value in constants if isinstance(value, str)}


def _is_ours(path: Path) -> bool:
    return path.relative_to(ROOT).parts[0] == "orchestration"


def _imported(path: Path) -> set[str]:
    """What a module takes of `warehouse.database`, and of its `queries`."""
    return {
        name.name
        for one in ast.walk(ast.parse(path.read_text()))
        if isinstance(one, ast.ImportFrom) and one.module in {"warehouse.database", "warehouse.database.queries"}
        for name in one.names
    }


def test_a_view_says_nothing_that_differs_from_one_build_to_the_next() -> None:
    """Its text is written once and stays until the models change: a day or a list of tenants in it would go stale."""
    models = [path for path in tracked_files() if path.is_relative_to(ROOT / "dbt_project" / "models")]
    texts = {path.name: path.read_text() for path in models if path.suffix == ".sql"}
    views = {
        path.name
        for path in models
        if path.name in texts
        and (
            "materialized='view'" in texts[path.name] or ("staging" in path.parts and "config(" not in texts[path.name])
        )
    }
    assert len(views) >= 40
    of_one_build = (
        "as_of()",
        "is_incremental()",
        "former_build(",
        "tenants_due(",
        "of_changed_",
        "run_query(",
        "env_var(",
    )
    assert [name for name in sorted(views) if any(word in texts[name] for word in of_one_build)] == []
