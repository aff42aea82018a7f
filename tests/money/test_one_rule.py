"""What is rated by one function of the database is rated nowhere else, and currencies are listed once."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = "warehouse/migrations/0003_control.sql"
RULES = {
    "tiers": (r"'up_to'", {FUNCTIONS}),
    "part of a period": (r"\* *(\w+\.)?billed_days */", {FUNCTIONS}),
    "currencies without decimals": (r"\bXPF\b", {"warehouse/currency.py"}),
}  # fmt: skip
ALLOWANCE = "dbt_project/models/intermediate/periods/int_period_meters.sql"  # of units, rounded to whole ones


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_of_money_stands_in_one_file(rule: str) -> None:
    pattern, places = RULES[rule]
    found = {
        str(path.relative_to(ROOT))
        for folder in ("dbt_project", "orchestration", "sources", "warehouse")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".sql", ".py"}
        and path.name != "schema.sql"
        and re.search(pattern, path.read_text(), re.MULTILINE)
    }
    assert found - {ALLOWANCE} == places
