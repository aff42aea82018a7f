"""Alert rules and dashboard: taken by the tools that read them, of metrics that there are, each with its page."""

import json
import re
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.models.dashboard import Dashboard

from orchestration.operations import counters, metrics
from tests.deploy.tools import DEPLOY, ROOT, run

ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
BOARD = json.loads((DEPLOY / "grafana" / "minutebook.json").read_text())
RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
EXPRESSIONS = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in BOARD["panels"]}


def defined() -> set[str]:
    """The names that /metrics has, as the code that makes them writes them."""
    text = Path(metrics.__file__).read_text()
    own = set(re.findall(r'_(?:one|labelled)\(\s*"(\w+)"', text))
    return {f"minutebook_{name}" for name in own} | {f"{metric.name}_total" for metric in counters.REGISTRY.collect()}


def test_promtool_takes_the_rules_and_they_fire_when_they_should() -> None:
    run("promtool", "check", "rules", ALERTS)
    run("promtool", "test", "rules", ROOT / "tests/deploy/alerts_test.yaml")


def test_every_metric_that_is_asked_for_exists_and_every_one_is_shown_or_watched() -> None:
    asked = "\n".join([rule["expr"] for rule in RULES] + [text for texts in EXPRESSIONS.values() for text in texts])
    named = set(re.findall(r"\bminutebook_\w+", asked))
    assert named == defined()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_page_that_names_it(rule: dict[str, dict[str, str]]) -> None:
    page = ROOT / rule["annotations"]["runbook"]
    assert str(rule["alert"]) in page.read_text()
    assert page.name in (ROOT / "docs/runbooks/README.md").read_text()
    assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_dashboard_is_one_of_grafanas_own_types() -> None:
    read = json.loads(json.dumps(Dashboard.from_json(BOARD), default=lambda part: part.to_json()))
    for key in ("title", "uid", "tags", "timezone", "schemaVersion", "time"):
        assert read[key] == BOARD[key]
    assert [panel["title"] for panel in read["panels"]] == list(EXPRESSIONS)
    assert [panel["gridPos"] | {} for panel in read["panels"]] == [panel["gridPos"] for panel in BOARD["panels"]]


def test_promtool_reads_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}:{at}", "expr": expression}
        for number, expressions in enumerate(EXPRESSIONS.values())
        for at, expression in enumerate(expressions)
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run("promtool", "check", "rules", tmp_path / "rules.yaml")


def test_panels_lie_beside_each_other_and_never_over() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
