"""The API as an OpenAPI 3.1 document: /v1/openapi.json. Shapes are those that requests are decoded with."""

from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from orchestration.intake.answers import PROBLEM, answered
from orchestration.intake.contract import LONGEST_KIND, MOST_KINDS
from orchestration.intake.events import BATCH, EITHER, MOST_EVENTS, ONE

Count = Annotated[int, msgspec.Meta(ge=0)]


class Stored(msgspec.Struct):
    """How many events are stored now, and how many were before, with equal content."""

    accepted: Count
    duplicates: Count


class Rejected(msgspec.Struct):
    """One event that was not stored. index: its place in the request, from 0."""

    index: Count
    id: str | None
    source: str | None
    code: str
    detail: str


class ProblemDocument(msgspec.Struct):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str


class NotStored(msgspec.Struct):
    """Some events were not stored; all others are. Repeating the whole batch is safe."""

    type: str
    title: str
    status: int
    detail: str
    accepted: Count
    duplicates: Count
    rejected: list[Rejected]


_TEXT = {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "pattern": r"^[^\u0000-\u001f\u007f-\u009f\ufffd-\uffff]+$",
}
_QUANTITY = {
    "oneOf": [
        {"type": "number", "minimum": 0, "maximum": 999_999_999_999_999},
        {"type": "string", "pattern": r"^[0-9]{1,15}(\.[0-9]{1,3})?$"},
    ],
}
_EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {**_TEXT, "description": "With source the identity: the same again is a duplicate."},
        "source": {**_TEXT, "description": "What counts, such as /ocr/eu-1."},
        "type": {**_TEXT, "maxLength": 128, "description": "What is counted: the item that a meter names."},
        "subject": {**_TEXT, "description": "The agent: its slug, or an id attached to it."},
        "time": {
            "type": "string",
            "format": "date-time",
            "description": "When it happened: it counts on this UTC day. From 35 days ago (400 with scope backfill)"
            " to 5 minutes ahead.",
        },
        "datacontenttype": {"type": "string", "const": "application/json"},
        "replaces": {**_TEXT, "description": "Id of an earlier event of this source, in whose place this one counts."},
        "tenant": {**_TEXT, "description": "With a key of the platform: whose event it is."},
        "data": {
            "type": "object",
            "description": "At most 32 KiB and 16 levels. Plain members besides these are attributes of the usage.",
            "properties": {
                "quantity": {"description": "0 or more, at most 18 digits; 1 where it is absent.", **_QUANTITY},
                "quantities": {
                    "type": "object",
                    "description": "Instead of quantity, several by kind, such as input and output: each is counted by"
                    " itself, with the attribute kind. Beside it there is no quantity, kind or cost.",
                    "minProperties": 1,
                    "maxProperties": MOST_KINDS,
                    "propertyNames": {**_TEXT, "maxLength": LONGEST_KIND},
                    "additionalProperties": _QUANTITY,
                },
                "unit": {**_TEXT, "maxLength": 40, "description": "Singular; `event` where it is absent."},
                "cost": {"type": ["number", "string"], "description": "What it cost, in currency."},
                "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            },
        },
    },
}
_FOLLOWED = {
    "type": "object",
    "required": ["source", "id", "state"],
    "properties": {
        "source": {"type": "string"},
        "id": {"type": "string"},
        "state": {"enum": ["stored", "read", "replaced", "refused"]},
        "type": {"type": ["string", "null"]},
        "subject": {"type": ["string", "null"]},
        "usage_date": {"type": "string", "format": "date"},
        "received_at": {"type": ["string", "null"], "format": "date-time"},
        "replaced_by": {"type": ["string", "null"]},
        "pull": {
            "type": ["object", "null"],
            "description": "The reading of its day that the statements are built from.",
        },
        "line": {
            "type": ["string", "null"],
            "description": "The statement line it is on; null while it is not built, is within what is included, or is"
            " not billed.",
        },
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "refused_at": {"type": "string", "format": "date-time"},
    },
}
_LIMITS = {
    name: {"schema": {"type": "string"}, "description": what}
    for name, what in (
        ("RateLimit-Policy", "Requests and events that a tenant may push."),
        ("RateLimit", "How many of them are left, and seconds until all are back."),
    )
}
_AGAIN = {
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait before the request is repeated."}
}
_WHY = {
    400: "No JSON, an empty batch, or neither an event nor a batch.",
    401: "No key, or one that is unknown, expired or revoked.",
    403: "The tenant is closed, or not the key's.",
    404: "No event of that source and id was pushed.",
    408: "The body did not arrive in time.",
    413: f"More than {MOST_EVENTS} events or 4 MiB.",
    414: "The address is too long.",
    415: "Another media type.",
    421: "Not served under that name.",
    429: "Too many requests or events: wait.",
    503: "Nothing is known to be stored: repeat.",
}
_OF_NOBODY = (401, 414, 421)


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    _, schemas = msgspec.json.schema_components(
        [Stored, NotStored, ProblemDocument], ref_template="#/components/schemas/{name}"
    )
    schemas |= {"Event": _EVENT, "Followed": _FOLLOWED}
    one, batch = _ref("Event"), {"type": "array", "items": _ref("Event"), "minItems": 1, "maxItems": MOST_EVENTS}
    bodies = {ONE: one, BATCH: batch, EITHER: {"oneOf": [one, batch]}}
    push = {
        "operationId": "pushEvents",
        "summary": "Push usage: one event or a batch. Repeating a request is always safe.",
        "requestBody": {"required": True, "content": {kind: {"schema": schema} for kind, schema in bodies.items()}},
        "responses": {
            "202": _answer("Everything is stored, or was before.", "Stored", headers=_LIMITS),
            "422": _answer("Some events were not stored; all others are.", "NotStored", PROBLEM, _LIMITS),
            **_problems(400, 401, 403, 408, 413, 414, 415, 421, 429, 503),
        },
    }
    names = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT, "description": "Percent-encoded as one part."}
        for name in ("source", "id")
    ]
    tenant = {"name": "tenant", "in": "query", "schema": _TEXT, "description": "With the platform's key."}
    follow = {
        "operationId": "followEvent",
        "summary": "What became of one event.",
        "parameters": [*names, tenant],
        "responses": {
            "200": _answer("What became of it.", "Followed", headers=_LIMITS),
            **_problems(400, 401, 403, 404, 414, 421, 429, 503),
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Minutebook", "version": "1", "description": "Usage that is pushed."},
        "security": [{"key": []}],
        "paths": {"/v1/events": {"post": push}, "/v1/events/{source}/{id}": {"get": follow}},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "minutebook key create"}},
            "schemas": schemas,
        },
    }


async def show(_: Request) -> Response:
    """Public: it holds nothing of anybody's."""
    return answered(200, document())


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(
    what: str, schema: str, kind: str = "application/json", headers: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {"description": what, "headers": headers or {}, "content": {kind: {"schema": _ref(schema)}}}


def _problems(*statuses: int) -> dict[str, Any]:
    return {
        str(status): _answer(
            _WHY[status],
            "ProblemDocument",
            PROBLEM,
            (_AGAIN if status in (429, 503) else {}) | ({} if status in _OF_NOBODY else _LIMITS),
        )
        for status in statuses
    }
