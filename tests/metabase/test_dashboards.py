"""Every question of dashboards/ answers as the role Metabase reads with; the tool that applies them takes the tree."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from tests.conftest import TEMPLATE, administer, database_of
from tests.sandbox.metabase import API_KEY, serving
from tests.web import world
from warehouse.database.connect import Role, connect

ROOT = Path(__file__).parents[2] / "dashboards"
HOME = ROOT / "collections" / "minutebook"
CARDS = sorted((HOME / "cards").glob("*.sql"))
DASHBOARDS = sorted(HOME.glob("dashboards/*/dashboard.yaml"))
ACME, BRIGHT = "acme-dental", "bright-smiles"
EMPTY_BY_DESIGN = {"unknown-costs", "unattributed-costs"}  # the story knows what everything costs, and whose it is
OF_ACME = {
    "tenant": ACME, "agent": f"{ACME}-desk", "campaign": "campaign-1", "first_day": "2026-10-01",
    "last_day": "2026-10-31",
}  # fmt: skip
"""One value of each variable; an unknown one fails."""
NOTHING = {"tenant": "x", "agent": "x", "campaign": "x", "first_day": "3000-01-01", "last_day": "1999-12-31"}
Question = tuple[dict[str, Any], str]


def required(settings: dict[str, Any]) -> set[str]:
    """The variables without which a card shows nothing."""
    return {name for name, tag in settings["template_tags"].items() if tag.get("required")}


def question(path: Path) -> Question:
    """A card's settings and its SQL."""
    head, _, body = path.read_text().removeprefix("---\n").partition("---\n---body---\n")
    return yaml.safe_load(head), body


def asked(sql: str, given: Collection[str]) -> str:
    """Metabase's variables as parameters: both put a quoted text there. A clause in double brackets is left out where
    its variable is not given."""

    def clause(found: re.Match[str]) -> str:
        return found[1] if set(re.findall(r"\{\{(\w+)\}\}", found[1])) <= set(given) else ""

    return re.sub(r"\{\{(\w+)\}\}", r"%(\1)s", re.sub(r"\[\[(.*?)\]\]", clause, sql.replace("%", "%%")))


@pytest.fixture(scope="module")
def story_url(postgres_server: str) -> str:
    administer(postgres_server, "create database {} template {}", "dashboards_story", TEMPLATE)
    url = database_of(postgres_server, "dashboards_story")
    world.build(url, 7)
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into marts.fct_pulls_built (pull_id, source, account, usage_date, row_count, pulled_at)"
            " values (1, 'vapi', 'platform', '2026-11-02', 52, now())"
        )
        # The story's last period runs on whichever day this is run.
        connection.execute(
            "update marts.fct_statements set period_end = '2999-01-01' where period_start = '2026-11-01'"
        )
    return url


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.stem)
def test_every_question_answers_as_the_analyst_with_rows_to_draw(story_url: str, path: Path) -> None:
    settings, sql = question(path)
    with connect(story_url, Role.ANALYST) as connection:
        cursor = connection.execute(asked(sql, required(settings)), OF_ACME)  # type: ignore[arg-type]
        columns = [column.name for column in cursor.description or ()]
        found = cursor.fetchall()
    assert bool(found) != (path.stem in EMPTY_BY_DESIGN)
    drawn = settings["visualization_settings"]
    assert {*drawn.get("graph.dimensions", []), *drawn.get("graph.metrics", [])} <= set(columns)
    assert len(columns) == len(set(columns))


@pytest.mark.parametrize(
    "path", [path for path in CARDS if "where tenant_id = {{tenant}}" in path.read_text()], ids=lambda path: path.stem
)
def test_the_tenants_questions_show_one_tenant_only_and_may_be_read_by_it(story_url: str, path: Path) -> None:
    _, sql = question(path)
    with connect(story_url, Role.TENANT) as connection:
        connection.execute("select set_config('minutebook.tenant_id', %s, true)", [ACME])
        own = connection.execute(asked(sql, ["tenant"]), {"tenant": ACME}).fetchall()  # type: ignore[arg-type]
        # Another's name in the variable finds nothing: the connection's own policy holds beneath the question's filter.
        assert connection.execute(asked(sql, ["tenant"]), {"tenant": BRIGHT}).fetchall() == []  # type: ignore[arg-type]
    with connect(story_url, Role.ANALYST) as connection:
        assert connection.execute(asked(sql, ["tenant"]), {"tenant": ACME}).fetchall() == own  # type: ignore[arg-type]
        for stranger in ("nobody", "", "' or true --"):
            assert connection.execute(asked(sql, ["tenant"]), {"tenant": stranger}).fetchall() == []  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [path for path in CARDS if "[[" in path.read_text()], ids=lambda path: path.stem)
def test_each_filter_narrows_and_none_has_to_be_given(story_url: str, path: Path) -> None:
    settings, sql = question(path)
    names = set(re.findall(r"\{\{(\w+)\}\}", sql))
    assert set(settings["template_tags"]) == names <= set(OF_ACME)
    assert {parameter["id"] for parameter in settings["parameters"]} == names
    needed = {name: OF_ACME[name] for name in required(settings)}
    with connect(story_url, Role.ANALYST) as connection:

        def found(**given: str) -> int:
            rows = connection.execute(asked(sql, {*needed, *given}), needed | given).fetchall()  # type: ignore[arg-type]
            return sum(row[0] for row in rows) if settings["display"] == "scalar" else len(rows)

        assert bool(found()) != (path.stem in EMPTY_BY_DESIGN)
        for name, value in NOTHING.items():
            assert name not in names or found(**{name: value}) == 0, name
        if found() and "tenant" in names:
            tenants = [row[0] for row in connection.execute("select tenant_id from marts.dim_tenants").fetchall()]
            assert any(found(tenant=tenant) for tenant in tenants)
        if {"first_day", "last_day"} <= names and found():
            assert found(first_day="2026-09-01", last_day="2026-12-31") > 0


def test_a_period_that_is_over_is_not_shown_as_the_present_one(story_url: str) -> None:
    """Of a month in which nothing was used yet, what is included is all left, and last month's total is not its."""
    with psycopg.connect(story_url) as connection:
        connection.execute("delete from marts.fct_overages_daily where period_start >= '2026-11-01'")
        for name in ("quota-by-tenant", "tenant-quota"):
            _, sql = question(HOME / "cards" / f"{name}.sql")
            cursor = connection.execute(asked(sql, ["tenant"]), OF_ACME)  # type: ignore[arg-type]
            place = [column.name for column in cursor.description or ()].index("used")
            assert {row[place] for row in cursor.fetchall()} == {0}, name
        connection.execute("update marts.fct_statements set period_end = '2026-12-01' where period_end > '2026-12-01'")
        connection.execute(
            "update marts.fct_statements set period_start = period_start - 3650, period_end = period_end - 3650"
        )
        for name in ("quota-by-tenant", "tenant-quota", "tenant-total", "billed-this-month", "statements-this-month"):
            _, sql = question(HOME / "cards" / f"{name}.sql")
            assert connection.execute(asked(sql, ["tenant"]), OF_ACME).fetchall() == [], name  # type: ignore[arg-type]
        connection.rollback()


def test_every_dashboard_is_filtered_by_tenant_and_days_and_shows_no_table_above_a_chart() -> None:
    for path in DASHBOARDS:
        dashboard = yaml.safe_load(path.read_text())
        chosen = {parameter["id"] for parameter in dashboard["parameters"]}
        assert {"tenant", "first_day", "last_day"} <= chosen
        rows: dict[bool, list[int]] = {True: [], False: []}
        for card in dashboard["dashcards"]:
            settings, _ = question(path.parent / card["card_path"])
            assert {mapping["parameter_id"] for mapping in card["parameter_mappings"]} == set(settings["template_tags"])
            rows[settings["display"] == "table"].append(card["row"])
        assert max(rows[False]) <= min(rows[True], default=max(rows[False])), path.parent.name


def test_the_six_dashboards_are_there_and_show_questions_that_exist() -> None:
    found = {yaml.safe_load(path.read_text())["name"]: path for path in DASHBOARDS}
    assert set(found) == {"Billing this month", "Calls", "Margin", "Usage and quota", "Pipeline health", "Tenant view"}
    shown = Counter()
    for path in found.values():
        for card in yaml.safe_load(path.read_text())["dashcards"]:
            shown[(path.parent / card["card_path"]).resolve()] += 1
    assert set(shown) == set(CARDS)


def test_no_question_of_a_dashboard_lies_over_another_or_beyond_its_24_columns() -> None:
    for path in DASHBOARDS:
        taken: Counter[tuple[int, int]] = Counter()
        for card in yaml.safe_load(path.read_text())["dashcards"]:
            assert card["col"] + card["size_x"] <= 24
            taken.update(
                (row, column)
                for row in range(card["row"], card["row"] + card["size_y"])
                for column in range(card["col"], card["col"] + card["size_x"])
            )
        assert max(taken.values()) == 1


def test_only_the_tenant_view_is_embedded_and_its_tenant_is_locked_into_every_question() -> None:
    for path in DASHBOARDS:
        dashboard = yaml.safe_load(path.read_text())
        if dashboard["name"] != "Tenant view":
            assert not dashboard["enable_embedding"]
            continue
        assert dashboard["enable_embedding"]
        assert dashboard["embedding_params"] == {"tenant": "locked", "first_day": "enabled", "last_day": "enabled"}
        for card in dashboard["dashcards"]:
            settings, sql = question(path.parent / card["card_path"])
            assert settings["template_tags"]["tenant"]["required"]
            assert "where tenant_id = {{tenant}}" in sql
            assert "tenant" in [mapping["parameter_id"] for mapping in card["parameter_mappings"]]


def test_every_question_and_dashboard_says_what_it_shows() -> None:
    for settings in (
        *(question(path)[0] for path in CARDS),
        *(yaml.safe_load(path.read_text()) for path in DASHBOARDS),
    ):
        assert settings["description"].endswith(".")


def test_metabase_sync_plans_and_applies_the_whole_tree(tmp_path: Path) -> None:
    """The tool itself, against the calls it makes. That Metabase draws them as meant is not proved here."""
    state = tmp_path / "state"
    shutil.copytree(ROOT, state)
    with serving() as (metabase, url):
        environment = {"PATH": os.environ["PATH"], "METABASE_URL": url, "METABASE_API_KEY": API_KEY}

        def run(command: str) -> subprocess.CompletedProcess[str]:
            tool = [str(Path(sys.executable).parent / "metabase-sync"), command, "--state-dir", str(state)]
            return subprocess.run(tool, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

        planned, applied = run("plan"), run("apply")
        assert planned.returncode == 2, planned.stdout + planned.stderr
        assert applied.returncode == 0, applied.stdout + applied.stderr
    assert len(metabase.kept["card"]) == len(CARDS)
    assert {dashboard["name"] for dashboard in metabase.kept["dashboard"].values()} == {
        yaml.safe_load(path.read_text())["name"] for path in DASHBOARDS
    }
