"""Every code of what blocks an approval, or leaves a margin unknown, has a test that executes what is printed, and sees
it gone.
"""

import re
from pathlib import Path

from warehouse.blocker import Kind
from warehouse.statements.unknown_costs import Reason

TESTS = Path(__file__).parents[1]
# By its name at Stripe's side, where the same command is executed.
ELSEWHERE = {Kind.PRICE: "price_differs"}


def test_16_every_finding_names_what_resolves_it_and_that_resolves_it() -> None:
    resolved = {
        code
        for path in TESTS.rglob("test_*.py")
        for code in re.findall(r"mark\.resolves\(\s*\"([^\"]+)\"", path.read_text())
    }
    assert {code for code in (*Kind, *Reason) if ELSEWHERE.get(code, code.value) not in resolved} == set()
