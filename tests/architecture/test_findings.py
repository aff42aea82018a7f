"""Every code of what blocks an approval has a test that executes what is printed, and sees it gone."""

import re
from pathlib import Path

from warehouse.statements.blocker import Kind

TESTS = Path(__file__).parents[1]
# Nothing to execute: the end of a period is waited for, and whether a statement moved too much is for a person to say.
FOR_A_PERSON = {Kind.RUNNING, Kind.MOVED}
# By its name at Stripe's side, where the same command is executed.
ELSEWHERE = {Kind.PRICE: "price_differs"}


def test_16_every_finding_names_what_resolves_it_and_that_resolves_it() -> None:
    resolved = {
        code
        for path in TESTS.rglob("test_*.py")
        for code in re.findall(r"mark\.resolves\(\s*\"([^\"]+)\"", path.read_text())
    }
    lacking = {kind for kind in Kind if ELSEWHERE.get(kind, kind.value) not in resolved} - FOR_A_PERSON
    assert not lacking
