"""SQL is the warehouse's: no other room of ours holds any, and fewer and fewer run a statement of it by name."""

import ast
from pathlib import Path

from tests.architecture.test_house import ROOT, tracked_files

RUNNING = {"load", "rows", "first", "execute", "queries"}
STILL = {
    "orchestration/cli/stripe/stripe.py",
    "orchestration/defs/stripe/sensors.py",
    "orchestration/reports/content.py",
    "orchestration/reports/freezing.py",
    "orchestration/reports/tables.py",
    "orchestration/reports/writing.py",
    "orchestration/stripe_billing/api/cache.py",
    "orchestration/stripe_billing/changes.py",
    "orchestration/stripe_billing/events.py",
    "orchestration/stripe_billing/invoices/elsewhere.py",
    "orchestration/stripe_billing/invoices/final.py",
    "orchestration/stripe_billing/invoices/items.py",
    "orchestration/stripe_billing/invoices/settling.py",
    "orchestration/stripe_billing/invoices/states.py",
    "orchestration/stripe_billing/invoices/upcoming.py",
    "orchestration/stripe_billing/posting/readiness.py",
    "orchestration/stripe_billing/reconciliation.py",
    "orchestration/stripe_billing/setup.py",
    "orchestration/stripe_billing/webhooks.py",
    "orchestration/web/operations/days.py",
    "orchestration/web/finance/invoices.py",
    "orchestration/web/finance/month.py",
    "orchestration/web/clients/usage.py",
}
"""Modules that run named statements, where a function of warehouse/ should. It may only get shorter."""


def test_no_sql_lies_in_orchestration() -> None:
    assert [path for path in tracked_files() if path.suffix == ".sql" and _is_ours(path)] == []


def test_no_further_module_of_orchestration_runs_statements_itself() -> None:
    running = {
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix == ".py" and _is_ours(path) and _imported(path) & RUNNING
    }
    assert running == STILL


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
