"""Promise 17: a provider is known to its own folder, and to nobody else."""

import re
from collections import Counter

from sources.registry import all_sources
from tests.architecture.test_house import ROOT, tracked_files

PROVIDERS = sorted({source.provider for source in all_sources().values()})
NAMED = re.compile("|".join(PROVIDERS), re.IGNORECASE)
OWN = re.compile(
    rf"(?:sources|dbt_project/models/staging|dbt_project/macros)/(?:{'|'.join(PROVIDERS)})/|docs/|tests/|dashboards/"
    r"|warehouse/schema\.sql"
)
"""Folders of a provider, and what describes or plays one; what `make schema` writes is as its migrations are."""
EXAMPLES = re.compile(
    r'^\s*(?:#|--|description:|"?Example)|"""|help=|metavar=|@command\(|minutebook [a-z]+ [a-z]+|^\s*- (?:title|name):'
)
"""Lines that show a person an example: help, comments, descriptions."""
EXCEPTED = {
    # The union names whose staging models are mapped in SQL.
    "dbt_project/models/staging/contracts/stg_contracts__call_costs.sql": 1,
    "dbt_project/models/staging/contracts/stg_contracts__call_results.sql": 1,
    "dbt_project/models/staging/contracts/stg_contracts__calls.sql": 1,
    "dbt_project/models/staging/contracts/stg_contracts__usage.sql": 2,
    # The table that the platform's database holds is called so.
    "orchestration/settings.py": 1,
    # Workflows are run by LangGraph's own library, and its tables are those that we make for it.
    "orchestration/automations/process.py": 3,
    "orchestration/automations/running.py": 3,
    "warehouse/automations/__init__.py": 1,
    "warehouse/migrations/0016_automations.sql": 1,
    # The known-answer tenant is a tenant of known sources.
    "warehouse/statements/canary.sql": 9,
    # Doubts about calls are of the source that has them today.
    "dbt_project/macros/calls_read.sql": 1,
    "dbt_project/models/marts/usage/fct_calls.sql": 1,
    "warehouse/migrations/0006_pulls.sql": 1,
    "warehouse/statements/review_rules.sql": 1,
}
"""Lines that still name one, by file, and why. It may only become shorter."""


def named_outside() -> Counter[str]:
    """By file, how many lines of code name a provider."""
    found: Counter[str] = Counter()
    for path in tracked_files():
        name = str(path.relative_to(ROOT))
        if path.suffix not in {".py", ".sql", ".html"} or OWN.match(name):
            continue
        found[name] += sum(
            bool(NAMED.search(line) and not EXAMPLES.search(line)) for line in path.read_text().splitlines()
        )
    return +found


def test_17_no_providers_name_outside_its_folder() -> None:
    assert dict(named_outside()) == EXCEPTED
