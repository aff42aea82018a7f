"""What documents say is there: paths, commands with their options, rooms, settings, and the index of decisions."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from orchestration import settings
from orchestration.cli import app
from orchestration.cli.commands import COMMANDS
from sources.registry import all_sources
from tests.architecture.test_house import ROOT, tracked_files

DOCUMENTS = [path for path in tracked_files() if path.suffix == ".md" and path.name != "CHANGELOG.md"]
DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
CLI: Any = typer.main.get_command(app)
HEADINGS = ["Context", "Decision", "Consequences", "Alternatives", "Held by"]
FOLDERS = "orchestration|sources|warehouse|dbt_project|dashboards|deploy|tests|docs"


def is_there(path: str) -> bool:
    return any(ROOT.glob(path.rstrip("/"))) if "*" in path else (ROOT / path).exists()


def named_in(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=named_in)
def test_a_path_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    paths = re.findall(rf"`((?:{FOLDERS})/[\w./*-]*)`", text)
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    missing = [path for path in paths if not is_there(path)]
    assert missing + [link for link in links if not (document.parent / link).exists()] == []


def words_of_commands(text: str) -> list[list[str]]:
    """What follows `minutebook` in code, up to a comment, a pipe, the next command or two blanks."""
    code = re.findall(r"`([^`]+)`", re.sub(r"```\w*\n.*?```", "", text, flags=re.DOTALL))
    code += [line for block in re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL) for line in block.splitlines()]
    return [
        found.split()
        for part in code
        for found in re.findall(r"\bminutebook ([^#|;&<>]*?)(?=$|[#|;&<>]|  |\bminutebook )", part.removeprefix("$ "))
    ]


def unknown_words(words: list[str]) -> list[str]:
    """The first word that is no command, and each option that its command does not have."""
    command = CLI
    while words and hasattr(command, "commands"):
        if words[0].startswith(("-", "…")):
            break
        found = command.get_command(None, words[0])
        if found is None:
            return words[:1]
        command, words = found, words[1:]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help"
    }
    return [
        word for word in words if re.fullmatch(r"--[a-z][a-z-]*", word) and word not in options and "…" not in words
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=named_in)
def test_a_command_that_a_document_prints_exists(document: Path) -> None:
    found = {" ".join(words): unknown_words(words) for words in words_of_commands(document.read_text())}
    assert {command: unknown for command, unknown in found.items() if unknown} == {}


def test_decisions_are_numbered_without_gaps() -> None:
    assert [decision.name[:4] for decision in DECISIONS] == [f"{number:04d}" for number in range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize("decision", DECISIONS, ids=named_in)
def test_a_decision_has_the_form_and_names_a_test_that_exists(decision: Path) -> None:
    text = decision.read_text()
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == HEADINGS
    tests = re.findall(r"`(tests/[\w/]+\.py)`", text.split("## Held by")[1])
    assert tests
    assert all((ROOT / test).is_file() for test in tests)


def test_the_index_has_the_words_of_each_decision() -> None:
    rows = []
    for decision in DECISIONS:
        header = re.match(r"# (\d{4}) (.+)\n\n\*\*(\w+)\.\*\* (.+)\n", decision.read_text())
        assert header is not None, f"{decision.name} begins with '# NUMBER Title', then '**Area.** One line.'"
        number, title, area, line = header.groups()
        assert decision.name.startswith(f"{number}-")
        rows.append(f"| [{number}]({decision.name}) | {area} | {title} | {line} |")
    index = (ROOT / "docs/decisions/README.md").read_text()
    assert [line for line in index.splitlines() if line.startswith("| [")] == rows


def test_the_glossary_has_each_word_once_and_every_group_of_commands() -> None:
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs/glossary.md").read_text(), flags=re.MULTILINE)
    words = [word.strip() for row in rows for word in row.split(",") if word.strip() not in {"word", "---"}]
    assert len(words) == len(set(words))
    groups = {name for name in COMMANDS if hasattr(CLI.get_command(None, name), "commands")}
    assert groups - set(words) == {"stripe"}  # a name, not a word of ours


ROOMS = sorted(path.parent for top in ("orchestration", "warehouse") for path in (ROOT / top).glob("*/__init__.py"))


@pytest.mark.parametrize("room", ROOMS, ids=named_in)
def test_a_room_says_what_it_owns_and_what_not(room: Path) -> None:
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    assert re.search(r"\bOwns\b", text)
    assert re.search(r"\b[Dd]oes\s+not\s+own\b", text)
    paths = [
        path.replace(".", "/") if "/" not in path else path for path in re.findall(r"`([a-z_]+[./][\w./]*)`", text)
    ]
    assert [path for path in paths if not is_there(path) and not is_there(f"{path}.py")] == []


def test_the_settings_list_every_variable_that_is_read_and_no_other() -> None:
    listed = set(re.findall(r"^(MINUTEBOOK_[A-Z_<>*]+) ", settings.__doc__ or "", flags=re.MULTILINE))
    kinds = {"MINUTEBOOK_<ROLE>_DATABASE_URL", "MINUTEBOOK_<PROVIDER>_URL", "MINUTEBOOK_DBT_*"}
    of_kinds = {f"MINUTEBOOK_{role}_DATABASE_URL" for role in settings.PROCESSES.values()}
    of_kinds |= {f"MINUTEBOOK_{source.address}" for source in all_sources().values()}
    code = [path for path in tracked_files() if path.suffix in {".py", ".sql", ".yml", ".yaml"}]
    shipped = [path for path in code if path.relative_to(ROOT).parts[0] != "tests"]
    text = "\n".join(path.read_text().replace(settings.__doc__ or "", "") for path in shipped)
    read = {name for name in re.findall(r"(?<!SECRET_)\bMINUTEBOOK_[A-Z_]*[A-Z]\b", text) if "_DBT_" not in name}
    read |= {f"MINUTEBOOK_{name}" for name in re.findall(r'value\("([A-Z_]+)"\)', text)}
    assert kinds <= listed
    assert read - of_kinds == listed - kinds - of_kinds
