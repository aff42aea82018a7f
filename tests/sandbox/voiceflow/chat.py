"""Voiceflow usage as its documentation prints it: hourly rows of two environments, in no order."""

from collections.abc import Sequence
from datetime import date
from random import Random
from typing import Any

from tests.sandbox.world import VoiceflowProject

PRODUCTION, DEVELOPMENT = "685e43867fff32e515fcac92", "684c6d43ea3aff06439c1561"
LIVE, PROTOTYPE = "dialog-management", "canvas-prototype"


def invent_project(random: Random, project_id: str, days: Sequence[date]) -> VoiceflowProject:
    """Production talks all day and is prototyped in now and then; development is used at eleven."""
    rows: dict[str, list[dict[str, Any]]] = {
        name: []
        for name in (
            "interactions",
            "unique_users",
            "credit_usage",
            "function_usage",
            "api_calls",
            "kb_documents",
            "integrations",
        )
    }
    for day in days:
        for hour in range(7, 23):
            place = {"period": f"{day}T{hour:02d}:00:00.000Z", "projectID": project_id, "environmentID": PRODUCTION}
            count = random.randint(4, 24)
            rows["interactions"].append({**place, "type": LIVE, "count": count})
            rows["unique_users"].append({**place, "count": random.randint(1, count)})
            for kind, tokens in (("llm-input", 13201), ("llm-output", 308)):
                node = {
                    "diagramID": "64dbb6696a8fab0013dba194",
                    "nodeID": "",
                    "model": "claude-3.7-sonnet",
                    "type": kind,
                }
                rows["credit_usage"].append({**place, **node, "count": tokens + count})
            if random.random() < 0.1:
                rows["interactions"].append({**place, "type": PROTOTYPE, "count": random.randint(1, 18)})
            if hour == 11:
                draft = {**place, "environmentID": DEVELOPMENT}
                rows["interactions"].append({**draft, "type": PROTOTYPE, "count": random.randint(5, 40)})
                rows["interactions"].append({**draft, "type": LIVE, "count": random.randint(1, 9)})
        rows["api_calls"].append({**place, "apiToolID": "66aa", "name": "stock", "successCount": 3, "count": 4})
        rows["function_usage"].append({**place, "functionID": "66bb", "name": "price", "successCount": 2, "count": 2})
        rows["kb_documents"].append({**place, "documentID": "66cc", "count": 7})
        rows["integrations"].append({**place, "integrationToolName": "shop", "successCount": 1, "count": 1})
    for items in rows.values():
        random.shuffle(items)
    intents = [{"name": "opening_hours", "count": 152}, {"name": "order_status", "count": 101}]
    return VoiceflowProject({"production": PRODUCTION, "development": DEVELOPMENT}, rows, intents)


def interactions_of(project: VoiceflowProject, day: date) -> int:
    """What is billed of the day: live traffic of the production environment."""
    return sum(
        row["count"]
        for row in project.rows["interactions"]
        if row["period"].startswith(str(day)) and row["environmentID"] == PRODUCTION and row["type"] == LIVE
    )
