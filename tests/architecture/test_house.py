"""The house is as the README draws it, and what ships is only what should."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
INVARIANTS = (  # design, section 9; the number is the invariant's
    "01_a_pull_is_published_whole_or_not_at_all",
    "02_repulling_an_unchanged_day_changes_nothing",
    "03_a_day_that_becomes_empty_becomes_empty_in_the_marts",
    "04_any_number_of_tenants_loading_at_once_keep_exactly_their_rows",
    "05_a_failure_of_one_tenant_touches_no_other",
    "06_each_usage_row_has_one_tenant_and_one_price_or_is_reported",
    "07_changing_a_price_never_changes_an_approved_line",
    "08_a_unit_of_overage_reaches_stripe_exactly_once",
    "09_marts_equal_postings_equal_stripe_or_a_check_is_red",
    "10_no_secret_is_readable_anywhere_but_in_the_vault",
    "11_no_tenant_can_read_anothers_row_by_any_path",
    "12_killed",
    "13_the_books_balance",
    "16_every_finding_names_what_resolves_it",
    "17_no_providers_name_outside_its_folder",
)


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("invariant", INVARIANTS)
def test_each_invariant_has_a_test_of_its_name(invariant: str) -> None:
    names = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), flags=re.MULTILINE)
    }
    assert any(name.startswith(f"test_{invariant}") for name in names)


def test_the_map_in_the_readme_equals_the_tree() -> None:
    section = (ROOT / "README.md").read_text().split("## The house", 1)[1].split("\n## ", 1)[0]
    drawn, top = set(), ""
    for indent, folder in re.findall(r"^( *)([a-z_]+)/ ", section, flags=re.MULTILINE):
        top = top if indent else folder
        drawn.add(f"{top}/{folder}" if indent else folder)
    parts = [path.relative_to(ROOT).parts for path in tracked_files()]
    folders = {path[0] for path in parts if len(path) > 1 and not path[0].startswith(".")}
    rooms = {f"{path[0]}/{path[1]}" for path in parts if len(path) > 2 and path[0] in {"orchestration", "warehouse"}}
    assert drawn == folders | rooms


def test_only_approval_freezes_lines() -> None:
    frozen_by = {
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix in {".py", ".sql"}
        and path.relative_to(ROOT).parts[0] in {"warehouse", "orchestration"}
        and re.search(r"freeze_lines|insert into ledger\.statement_lines", path.read_text())
    }
    assert frozen_by == {"warehouse/statements/approval.py", "warehouse/statements/approval.sql"}


def test_the_wheel_carries_the_product_and_no_sandbox(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for part in (
        "orchestration/cli/__init__.py",
        "warehouse/migrations/0001_roles_and_schemas.sql",
        "orchestration/workspace.yaml",
        "dbt_project/dbt_project.yml",
    ):
        assert part in names
    assert not [name for name in names if "sandbox" in name or name.startswith("tests/") or "/target/" in name]


def test_no_module_needs_scrolling_to_be_understood() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked_files()
        if path.suffix == ".py"
        and path.relative_to(ROOT).parts[0] in {"orchestration", "sources", "warehouse"}
        and (lines := len(path.read_text().splitlines())) > 300
    }
    assert not long


def test_no_path_of_a_developers_machine_is_named() -> None:
    pattern = re.compile(r"/(?:work|home|Users|root)/[A-Za-z.]")
    named = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix in {".py", ".sql", ".md", ".yml", ".yaml", ".toml", ".lock", ".html", ".css", ".svg"}
        or path.name in {"Makefile", "run"}
        if pattern.search(path.read_text())
    ]
    assert not named


def test_no_key_of_a_yaml_file_stands_twice() -> None:
    """The second hides the first without a word: a mart's `hidden_from_tenants` was, once."""
    twice = [
        f"{path.relative_to(ROOT)}:{key.start_mark.line + 1} {key.value}"
        for path in tracked_files()
        if path.suffix in {".yml", ".yaml"} and "templates" not in path.parts  # Go's templates are no YAML yet
        for document in yaml.compose_all(path.read_text(), yaml.SafeLoader)
        for key in _repeated(document)
    ]
    assert twice == []


def _repeated(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _repeated(each)
    if isinstance(node, yaml.MappingNode):
        names = [key.value for key, _ in node.value]
        yield from (key for place, (key, _) in enumerate(node.value) if key.value in names[:place])
        for _, each in node.value:
            yield from _repeated(each)
