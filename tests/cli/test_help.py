"""Every command explains itself, and starts at once."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.cli.commands import COMMANDS, PANELS


def listed_in(group: Any) -> Iterator[tuple[str, Any]]:
    return ((name, group.get_command(None, name)) for name in group.list_commands(None))


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in listed_in(group):
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


TREE = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("path", TREE, ids=" ".join)
def test_every_command_has_help_that_ends_with_an_example_of_itself(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"], terminal_width=200)
    assert result.exit_code == 0
    assert TREE[path].help.strip()
    assert TREE[path].epilog.startswith(f"Example: minutebook {' '.join(path)}")
    assert f"Example: minutebook {' '.join(path)}" in " ".join(result.output.split())


def groups(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, group
    for name, command in listed_in(group):
        if hasattr(command, "commands"):
            yield from groups(command, (*path, name))


GROUPS = dict(groups(typer.main.get_command(app)))


@pytest.mark.parametrize("path", [*TREE, *GROUPS], ids=" ".join)
def test_every_example_is_a_command_that_exists_on_a_line_of_its_own_at_80_columns(path: tuple[str, ...]) -> None:
    found = {**TREE, **GROUPS}[path]
    example = found.epilog.removeprefix("Example: ")
    words = example.split()[1:]
    assert any(tuple(words[:length]) in TREE or words[:length] == ["pull"] for length in (1, 2, 3)), example
    assert tuple(words[: len(path)]) == path
    lines = CliRunner().invoke(app, [*path, "--help"], terminal_width=80).output.splitlines()
    assert example in [line.strip() for line in lines]


def test_the_roots_help_says_a_line_of_each_command_under_one_heading() -> None:
    output = CliRunner().invoke(app, ["--help"]).output
    assert [output.index(f" {panel} ") for panel in PANELS] == sorted(output.index(f" {panel} ") for panel in PANELS)
    words = " ".join(re.sub("[─│╭╮╰╯]", " ", output).split())
    lines = [f" {name} {listed.help} " for name, listed in COMMANDS.items()]
    assert [line for line in lines if line not in words] == []


def test_no_command_of_a_module_is_left_out_of_the_list() -> None:
    for listed in COMMANDS.values():
        for place in listed.places:
            module, application = place.split(":")
            group = typer.main.get_group(getattr(import_module(f"orchestration.cli.{module}"), application))
            if not group.name and not group.help:
                joined = {name for other in COMMANDS.values() if place in other.places[1:] for name in group.commands}
                assert set(group.commands) - joined <= set(COMMANDS), place


@pytest.mark.parametrize("path", TREE, ids=" ".join)
def test_every_option_and_argument_is_explained(path: tuple[str, ...]) -> None:
    assert [parameter.name for parameter in TREE[path].params if not getattr(parameter, "help", None)] == []


@pytest.mark.parametrize("path", sorted({*TREE} - {("up",), ("worker",), ("serve",)}), ids=" ".join)
def test_every_command_that_ends_can_answer_in_json(path: tuple[str, ...]) -> None:
    assert "--json" in {name for parameter in TREE[path].params for name in parameter.opts}


def test_the_commands_of_the_interface_are_there() -> None:
    groups = {path[0] for path in TREE}
    assert groups >= {
        *("init", "up", "doctor", "tenant", "agent", "credential", "meter", "plan", "price", "cost", "rate"),
        *("pull", "build", "review", "approve", "close", "reopen", "status"),
    }
    assert {path[1] for path in TREE if path[0] == "tenant"} == {
        *(
            "create",
            "list",
            "show",
            "pause",
            "resume",
            "close",
            "apply",
            "flag",
            "shard",
            "plan",
            "privacy",
            "retain",
            "export",
            "erase",
            "today",
            "language",
        ),
    }


def imported_by(statement: str) -> set[str]:
    listing = [sys.executable, "-c", f"import sys; {statement}; print('imported:', *sys.modules)"]
    said = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    return set(said.rpartition("imported:")[2].split())


def test_no_command_waits_for_what_only_another_needs() -> None:
    every = "; ".join(
        f"import orchestration.cli.{place.split(':')[0]}" for listed in COMMANDS.values() for place in listed.places
    )
    assert not imported_by(every) & {"dagster", "dbt", "dlt", "altair", "uvicorn"}


def test_help_of_the_root_imports_no_command_and_few_modules() -> None:
    before = imported_by("pass")
    of_help = imported_by(
        "import typer.testing, orchestration.cli as c; typer.testing.CliRunner().invoke(c.app, ['--help'])"
    )
    assert not of_help & {"psycopg", "sqlalchemy", "structlog", "stripe", "yaml", "warehouse", "sources"}
    assert len(of_help - before) < 450


def test_a_command_imports_neither_stripe_nor_a_provider_that_it_does_not_ask() -> None:
    imported = imported_by("import orchestration.cli.session, orchestration.cli.statements.review")
    assert "stripe" not in imported
    assert len(imported) < 1_000


def test_it_says_which_version_it_is() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"minutebook {version('minutebook')}\n")
