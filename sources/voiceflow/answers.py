"""The shapes of Voiceflow's v2 answers, as its documentation prints them, and their rows."""

from datetime import datetime
from typing import Annotated

import msgspec

from sources.checks.bounds import MOST, fault_of_text
from sources.checks.quarantine import TOO_DEEP, Quarantined
from sources.voiceflow.rows import UsageRow, set_aside
from sources.window import instant, truncated

BILLED_METRIC = "interactions"
TOP_INTENTS = "top_intents"
# Metric: the fields that, with its hour and environment, tell one row from another.
HOURLY_METRICS: dict[str, tuple[str, ...]] = {
    BILLED_METRIC: ("type",),
    "unique_users": (),
    "credit_usage": ("diagramID", "nodeID", "model", "type"),
    "function_usage": ("functionID",),
    "api_calls": ("apiToolID",),
    "kb_documents": ("documentID",),
    "integrations": ("integrationToolName",),
}
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
Cursor = int | str


class Page(msgspec.Struct):
    items: list[msgspec.Raw]
    cursor: Cursor | None = None


class PageAnswer(msgspec.Struct):
    result: Page


class Intents(msgspec.Struct):
    intents: list[msgspec.Raw]


class IntentsAnswer(msgspec.Struct):
    result: Intents


class _Item(msgspec.Struct):
    period: Annotated[datetime, msgspec.Meta(tz=True)]
    count: Count
    project_id: str = msgspec.field(name="projectID")
    environment_id: str = msgspec.field(name="environmentID")
    type: str | None = None


class _Intent(msgspec.Struct):
    name: str
    count: Count


parse_page = msgspec.json.Decoder(PageAnswer).decode
parse_intents = msgspec.json.Decoder(IntentsAnswer).decode
_ITEM = msgspec.json.Decoder(_Item)
_INTENT = msgspec.json.Decoder(_Intent)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def usage_row(metric: str, project_id: str, raw: bytes) -> UsageRow | Quarantined:
    """An hourly row; set aside if it is not as documented or of another project."""
    try:
        item = _ITEM.decode(truncated(raw))
        fields = _FIELDS.decode(raw)
        told_by = tuple(bytes(fields[name]).decode() for name in HOURLY_METRICS[metric])
    except RecursionError:
        return set_aside(metric, raw, TOO_DEEP)
    except msgspec.ValidationError as error:
        return set_aside(metric, raw, str(error))
    except KeyError as error:
        return set_aside(metric, raw, f"it lacks {error}")
    if item.project_id != project_id:
        return set_aside(metric, raw, f"it is not of project {project_id}")
    if fault := fault_of_text("environmentID", item.environment_id) or fault_of_text("type", item.type):
        return set_aside(metric, raw, fault)
    return UsageRow(
        key=(metric, project_id, item.environment_id, instant(item.period), *told_by),
        project_id=project_id,
        environment_id=item.environment_id,
        metric=metric,
        period_at=item.period,
        usage_type=item.type,
        quantity=item.count,
        payload=raw,
    )


def intent_row(project_id: str, raw: bytes) -> UsageRow | Quarantined:
    """A row of the whole window's list; set aside as above."""
    try:
        intent = _INTENT.decode(raw)
    except RecursionError:
        return set_aside(TOP_INTENTS, raw, TOO_DEEP)
    except msgspec.ValidationError as error:
        return set_aside(TOP_INTENTS, raw, str(error))
    key = (TOP_INTENTS, project_id, intent.name)
    return UsageRow(key, project_id, None, TOP_INTENTS, None, None, intent.count, raw)
