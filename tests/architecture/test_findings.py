"""Every code of a finding is worded for every surface, and a test executes what is printed and sees it gone."""

import re
from enum import StrEnum
from pathlib import Path

from orchestration.remedies import WORDS
from warehouse.blocker import Blocker
from warehouse.statements.not_billed import NotBilled
from warehouse.statements.unknown_costs import UnknownCost

TESTS = Path(__file__).parents[1]
FAMILIES: list[type[StrEnum]] = [Blocker, UnknownCost, NotBilled]
# By its name at Stripe's side, where the same command is executed.
ELSEWHERE = {Blocker.PRICE: "price_differs"}
# What nobody need resolve.
MEANT = {*NotBilled}


def test_16_every_finding_names_what_resolves_it_and_that_resolves_it() -> None:
    resolved = {
        code
        for path in TESTS.rglob("test_*.py")
        for code in re.findall(r"mark\.resolves\(\s*\"([^\"]+)\"", path.read_text())
    }
    codes = {code for family in FAMILIES for code in family} - MEANT
    assert {code for code in codes if ELSEWHERE.get(code, code.value) not in resolved} == set()


def test_every_code_is_one_finding_and_is_worded() -> None:
    codes = [code.value for family in FAMILIES for code in family]
    assert sorted(codes) == sorted(set(codes)), "a code of two families"
    assert sorted(codes) == sorted(code.value for code in WORDS)
