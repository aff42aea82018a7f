"""Every event that is sent, with the members of its `data`. `docs/events/` has a JSON Schema of each, made from this.

A member may be added to a version; whoever reads one ignores what it does not know. Anything else is another version.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

VERSION = 1
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]


class Data(Struct, frozen=True, kw_only=True):
    """What all events have. `link` is the page about it, under MINUTEBOOK_PUBLIC_URL where that is set."""

    tenant_id: Annotated[str | None, Meta(description="The tenant; null for what concerns the platform alone.")]
    link: Annotated[str, Meta(description="The page about it; a path where no public address is set.")] = ""

    def path(self) -> str:
        """The path of the page about it."""
        raise NotImplementedError


class CallFacts(Struct, frozen=True):
    """Content of a call, sent where the endpoint was made with --content. As the marts hold it when it is sent."""

    direction: str | None
    outcome: Annotated[str, Meta(description="connected, never connected or error")]
    ended_reason: Annotated[str | None, Meta(description="Why it ended, in the provider's words.")]
    connected_seconds: Annotated[Decimal | None, Meta(description="A number as text, at full precision.")]
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None


class CallCompleted(Data, frozen=True, kw_only=True):
    """A call has ended and is in the marts. Once per call id; what changes later is day.restated."""

    call_id: Annotated[str, Meta(description="The provider's id of the call.")]
    source: str
    account: Annotated[str, Meta(description="Whose account it was in: a tenant's id, or platform.")]
    usage_date: Annotated[date, Meta(description="The UTC day it was created.")]
    agent_id: str | None
    content: CallFacts | None = None

    def path(self) -> str:
        """The call's page."""
        return _path("tenants", self.tenant_id, "calls", self.usage_date, self.source, self.call_id)


class _Day(Data, frozen=True, kw_only=True):
    source: str
    account: Annotated[str, Meta(description="Whose account was read: a tenant's id, or platform.")]
    usage_date: date
    pull_id: int

    def path(self) -> str:
        """The tenant's day; all tenants' days up to it where the platform's account is read."""
        return _path("days", self.tenant_id, self.usage_date) if self.tenant_id else f"/days?to={self.usage_date}"


class DayFailed(_Day, frozen=True, kw_only=True):
    """A day could not be read, and its last attempt had not failed for the same cause."""

    cause_code: str
    is_permanent: Annotated[bool, Meta(description="Whether no retry can help: a person has to do something.")]


class DayRestated(_Day, frozen=True, kw_only=True):
    """A day that was over when it was last read holds something else now."""

    replaces_pull_id: int


class QuotaCrossed(Data, frozen=True, kw_only=True):
    """A share of an allowance or of a spend limit was reached."""

    period_start: date
    quota: Annotated[str, Meta(description="The meter, or spend.")]
    threshold_percent: int

    def path(self) -> str:
        """The running statement."""
        return _path("periods", self.tenant_id, self.period_start)


class _Statement(Data, frozen=True, kw_only=True):
    period_start: date

    def path(self) -> str:
        """The statement's page."""
        return _path("periods", self.tenant_id, self.period_start)


class StatementSealed(_Statement, frozen=True, kw_only=True):
    """The statement's lines are frozen; manifest_hash seals them."""

    period_end: Annotated[date, Meta(description="The first day that is not in it.")]
    manifest_hash: str


class StatementCorrected(_Statement, frozen=True, kw_only=True):
    """An approved statement was corrected by an adjustment that a later one carries."""

    carried_by: Annotated[date, Meta(description="period_start of the statement that carries the adjustment.")]


class PostingDiffers(Data, frozen=True, kw_only=True):
    """What Stripe holds of a day is not what the marts and the postings say, and will not become it by itself."""

    meter_id: str
    usage_date: date
    finding: Annotated[str, Meta(description="uncovered, missing or extra")]

    def path(self) -> str:
        """The invoices' page."""
        return "/invoices"


class Alert(Data, frozen=True, kw_only=True):
    """An alert was opened, or resolved: the same alert_id comes with both, and again when its level rose."""

    alert_id: str
    rule: Annotated[str, Meta(description="The kind of trouble, such as days_behind.")]
    subject: Annotated[str, Meta(description="What it is about beside the tenant: a source, a quota, a key.")] = ""
    level: Annotated[int, Meta(description="From 1; a higher one is worse.")] = 1
    title: Annotated[str, Meta(description="What is wrong, in a clause.")] = ""
    fix: Annotated[str, Meta(description="The commands that resolve it, or the runbook; may be empty.")] = ""
    page: Annotated[str, Meta(description="The path of the page that link leads to.")] = "/alerts"

    def path(self) -> str:
        """The page where what is wrong is seen or resolved."""
        return self.page


EVENTS: Mapping[str, type[Data]] = {
    "call.completed": CallCompleted,
    "day.failed": DayFailed,
    "day.restated": DayRestated,
    "quota.crossed": QuotaCrossed,
    "statement.approved": StatementSealed,
    "statement.closed": StatementSealed,
    "statement.corrected": StatementCorrected,
    "posting.differs": PostingDiffers,
    "alert.opened": Alert,
    "alert.resolved": Alert,
}
_json = msgspec.json.Encoder(decimal_format="string")


def read(
    event_type: str, tenant_id: str | None, data: Mapping[str, Any], *, public_url: str | None = None, **more: Any
) -> Data:
    """The data of an event with its link. Raises msgspec.ValidationError for what is not of its type."""
    found = msgspec.convert({**data, "tenant_id": tenant_id}, EVENTS[event_type])
    return msgspec.structs.replace(found, link=f"{(public_url or '').rstrip('/')}{found.path()}", **more)


def body(
    event_type: str,
    tenant_id: str | None,
    happened_at: datetime,
    data: Mapping[str, Any],
    *,
    public_url: str | None = None,
    content: Mapping[str, Any] | None = None,
) -> bytes:
    """An event as it is sent. Raises msgspec.ValidationError for data that is not of its type."""
    more = {} if content is None else {"content": CallFacts(**content)}
    sent = {
        "type": event_type,
        "version": VERSION,
        "timestamp": happened_at,
        "data": read(event_type, tenant_id, data, public_url=public_url, **more),
    }
    return _json.encode(sent)


def schemas() -> dict[str, bytes]:
    """The JSON Schema (2020-12) of each event's whole body, by type."""
    found = {}
    for event_type, data in EVENTS.items():
        (reference,), parts = msgspec.json.schema_components([data], ref_template="#/$defs/{name}")
        whole = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": event_type,
            "description": (data.__doc__ or "").split("\n")[0],
            "type": "object",
            "properties": {
                "type": {"const": event_type},
                "version": {"const": VERSION},
                "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
                "data": reference,
            },
            "required": ["type", "version", "timestamp", "data"],
            "$defs": parts,
        }
        found[event_type] = msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"
    return found


def _path(*parts: object) -> str:
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)
