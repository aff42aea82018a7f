"""Every code of a finding is worded for every surface, and a test executes what is printed and sees it gone."""

import ast
import re
from enum import StrEnum
from pathlib import Path

from orchestration.cli.commands import COMMANDS
from orchestration.remedies import WORDS
from tests.architecture.test_house import ROOT, tracked_files
from warehouse.blocker import Blocker
from warehouse.costs.bills import BillFinding
from warehouse.costs.unknown_costs import UnknownCost
from warehouse.intake.heard import Heard
from warehouse.operations.troubles import Trouble
from warehouse.security.isolation import Flaw
from warehouse.statements.canary import Distrust
from warehouse.statements.not_billed import NotBilled

TESTS = Path(__file__).parents[1]
FAMILIES: list[type[StrEnum]] = [Blocker, UnknownCost, NotBilled, BillFinding, Distrust, Flaw, Heard, Trouble]
# By its name at Stripe's side, or where it stands in the way of approval: the same command is executed there.
ELSEWHERE = {
    Blocker.PRICE: "price_differs", Trouble.DAYS: Blocker.DAYS.value, Trouble.REPORTS: Heard.NEVER_PULLED.value,
}  # fmt: skip
# What nobody need resolve.
MEANT = {
    *NotBilled, BillFinding.CHARGED_TWICE, BillFinding.UNKNOWN_CALLS, BillFinding.READ_TWICE, Trouble.QUOTA,
    Trouble.EXPECTED,
}  # fmt: skip
# What is printed is SQL for an administrator, a setting, a runbook, or a backup, which tests/operations/test_restore.py
# makes: tests/isolation/rights/test_preflight.py runs the SQL.
BY_AN_ADMINISTRATOR = {
    *Flaw, Distrust.CANARY_WRONG, Trouble.NIGHT, Trouble.CHECK, Trouble.DIFFERS, Trouble.NOT_POSTED, Trouble.INVOICE,
    Trouble.DISK, Trouble.BACKUP,
}  # fmt: skip


def test_16_every_finding_names_what_resolves_it_and_that_resolves_it() -> None:
    resolved = {
        code
        for path in TESTS.rglob("test_*.py")
        for code in re.findall(r"mark\.resolves\(\s*\"([^\"]+)\"", path.read_text())
    }
    codes = {code for family in FAMILIES for code in family} - MEANT - BY_AN_ADMINISTRATOR
    assert {code for code in codes if ELSEWHERE.get(code, code.value) not in resolved} == set()


def test_every_code_is_one_finding_and_is_worded() -> None:
    codes = [code.value for family in FAMILIES for code in family]
    assert sorted(codes) == sorted(set(codes)), "a code of two families"
    assert sorted(codes) == sorted(code.value for code in WORDS)


def test_no_command_is_named_where_it_is_found_but_where_it_is_worded() -> None:
    """The bottom rooms do not speak the command line's grammar: a page would repeat it to finance."""
    groups = "|".join(COMMANDS)
    typed = re.compile(rf"minutebook (?:{groups})\b")
    found = {
        name
        for path in tracked_files()
        if (name := str(path.relative_to(ROOT))).startswith(("warehouse/", "sources/"))
        and not name.startswith(("warehouse/migrations/", "warehouse/schema.sql"))  # comments of the database
        and any(typed.search(text) for text in _texts(path))
    }
    assert found == set()


def _texts(path: Path) -> list[str]:
    """What a module says: its strings without docstrings, its SQL without comments."""
    if path.suffix == ".sql":
        return [re.sub(r"--.*", "", path.read_text())]
    if path.suffix != ".py":
        return []
    module = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(one.body[0].value)
        for one in ast.walk(module)
        if isinstance(one, documented) and one.body and isinstance(one.body[0], ast.Expr)
    }
    return [
        one.value
        for one in ast.walk(module)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in docstrings
    ]
