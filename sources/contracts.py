"""The shapes that rows of any provider take: calls, usage and costs. Each has one union and one set of models.

A source whose rows are a contract's needs no SQL: its raw table has these columns, and the contract's view reads it. A
source that keeps its provider's own columns is mapped to them in dbt (staging/<provider>).
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds. NUMERIC is exact, of any length; JSON keeps every digit; times are aware UTC."""

    TEXT = "text"
    BIGINT = "bigint"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamptz"
    JSON = "json"


@dataclass(frozen=True)
class Column:
    """A column of a raw table. `meaning` says what it holds and in which unit."""

    name: str
    kind: Kind
    meaning: str = ""
    is_required: bool = False


@dataclass(frozen=True)
class Contract:
    """The columns of a contract, besides the stamps of every raw table and `payload`, the row as it was answered."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


def _required(name: str, kind: Kind, meaning: str) -> Column:
    return Column(name, kind, meaning, is_required=True)


STATES = ("ended", "in progress", "scheduled")
DIRECTIONS = ("inbound", "outbound", "web", "unknown")
END_GROUPS = (
    "customer hung up", "assistant ended", "voicemail", "no answer", "transferred", "failed at provider",
    "failed at us",
)  # fmt: skip
"""How a call ended, of all voice providers. customer hung up: the person on the line ended it. assistant ended: the
agent did, limits of time and of silence included. voicemail: a machine answered. no answer: nobody did, or the line was
busy. transferred: it was handed on. failed at provider: the provider, or one behind it, could not go on. failed at us:
what the tenant or we configured could not, or a server of ours.
"""
CALLS = Contract(
    "calls",
    (
        _required("call_id", Kind.TEXT, "The provider's id of the call."),
        _required("created_at", Kind.TIMESTAMP, "When it was created: it belongs to this UTC day."),
        Column("started_at", Kind.TIMESTAMP, "When it was connected; null where it never was."),
        Column("ended_at", Kind.TIMESTAMP, "When it ended; null where it never connected or still goes on."),
        _required("state", Kind.TEXT, f"One of {', '.join(STATES)}. One in progress makes its day incomplete."),
        _required("direction", Kind.TEXT, f"One of {', '.join(DIRECTIONS)}."),
        Column("ended_reason", Kind.TEXT, "Why it ended, in the provider's words; an open set, never a rule."),
        Column(
            "end_group", Kind.TEXT, f"One of {', '.join(END_GROUPS)}; null: the reason is not known to be any of them."
        ),
        Column("campaign_ref", Kind.TEXT, "The provider's id of the campaign it was made by; null: by none."),
        Column("squad_ref", Kind.TEXT, "The provider's id of the group of agents that took it; null: none did."),
        _required("scopes", Kind.JSON, "By which it may find its tenant: an object of scope kind to value."),
        Column("cost", Kind.NUMERIC, "What the provider charges in all, in `currency`; null where it does not say."),
        Column(
            "currency", Kind.TEXT, "ISO 4217, upper case; null with no cost. USD is all that margins take of calls."
        ),
        _required(
            "cost_items",
            Kind.JSON,
            "Its parts: a list of {component, cost, is_used, quantity, unit}. cost is a number or null; is_used says"
            " that something was used although the cost is 0; quantity is how many of unit (token, character, second)"
            " were used, null or left out where the provider does not say.",
        ),
        Column(
            "carrier",
            Kind.TEXT,
            "Who carried it and bills for that: the provider of a source of costs; null: nobody did, or it is unknown.",
        ),
        Column("carrier_account", Kind.TEXT, "The account at the carrier, by the carrier's own id."),
        Column("carrier_ref", Kind.TEXT, "The call, by the carrier's own id: its price is joined by it."),
    ),
    key=("call_id",),
)
TRAFFICS = ("live", "test", "unknown")
USAGE = Contract(
    "usage",
    (
        _required("item", Kind.TEXT, "What was used, in the provider's words: a meter counts items."),
        _required("unit", Kind.TEXT, "The unit of the quantity, singular: token, message, character."),
        _required("quantity", Kind.NUMERIC, "How many units: a whole number, 0 or more."),
        Column(
            "scope_kind", Kind.TEXT, "The kind of scope that it finds its tenant by; null: the provider names none."
        ),
        Column("scope_ref", Kind.TEXT, "The value of that scope."),
        Column(
            "environment",
            Kind.TEXT,
            "Where the provider has several in one scope: all but the one that the scope names are tests.",
        ),
        Column(
            "traffic",
            Kind.TEXT,
            f"One of {', '.join(TRAFFICS)}; null: live. Tests are never billed; what is unknown is reported.",
        ),
        Column(
            "may_go_unbilled",
            Kind.BOOLEAN,
            "Whether it may stay without a meter, such as a detail of what is counted; null: it may not.",
        ),
        Column("recorded_at", Kind.TIMESTAMP, "When it was used, where the provider says so to the moment."),
        Column("reference", Kind.TEXT, "The provider's own id of the row, where rows may be alike in all else."),
        _required("attributes", Kind.JSON, "What else tells it apart, of few values: an object of name to text."),
        Column("cost", Kind.NUMERIC, "What the provider says it cost, in `currency`; null where it does not say."),
        Column("currency", Kind.TEXT, "ISO 4217, upper case; null with no cost."),
    ),
    key=("item", "scope_kind", "scope_ref", "environment", "traffic", "recorded_at", "reference", "attributes"),
)
EVENT_IDS = "event_ids"
"""A fact of a row's payload: ids of events under which the same usage is pushed, where a tenant pushes it too."""
GRAINS = ("day", "call")
PAYERS = ("provider_account", "external")
AMOUNT_UNITS = {"dollars": Decimal(1), "negative_dollars": Decimal(-1), "cents": Decimal("0.01"), "credits": None}
"""A unit of a provider's literal in major units of the currency, whichever it is. None: credits are no money."""
SERVICES = ("telephony", "sms", "llm", "stt", "tts", "platform", "other")
COSTS = Contract(
    "costs",
    (
        _required("grain", Kind.TEXT, "day: a line of the bill. call: detail of a call, never added to the bill."),
        Column("scope_kind", Kind.TEXT, "project, workspace, subaccount, …; null: the provider attributes it to none."),
        Column("scope_ref", Kind.TEXT, "The value of that scope."),
        _required("service", Kind.TEXT, f"One of {', '.join(SERVICES)}."),
        _required("line_item", Kind.TEXT, "What was charged, in the provider's words."),
        Column(
            "call_ref",
            Kind.TEXT,
            "Of grain call: what was charged, by the provider's own id: a call, a leg of one, a recording, a message.",
        ),
        Column(
            "parent_ref",
            Kind.TEXT,
            "Of grain call: the call_ref of the call that this is a leg, recording or transcription of; null: of none.",
        ),
        Column(
            "quantity", Kind.NUMERIC, "How much was used, in `quantity_unit`; null where the provider does not say."
        ),
        Column("quantity_unit", Kind.TEXT, "As the provider names it."),
        Column(
            "amount", Kind.NUMERIC, "Money in major units: cost positive, credit negative. Null: no money is named."
        ),
        Column("is_pending", Kind.BOOLEAN, "Of grain call: not rated yet, so the amount is null and will come."),
        Column("currency", Kind.TEXT, "ISO 4217, upper case; null with no amount."),
        Column("amount_told", Kind.TEXT, "The provider's literal, before its unit was converted."),
        Column("amount_unit", Kind.TEXT, f"The unit of that literal: one of {', '.join(AMOUNT_UNITS)}."),
        _required("payer", Kind.TEXT, "provider_account: on this bill. external: on another."),
        Column("day_total", Kind.NUMERIC, "What the provider says the whole day cost, where it does."),
        Column("as_of", Kind.TIMESTAMP, "Up to when the provider's figures reach, where it says so."),
        Column("final_after", Kind.TIMESTAMP, "When the day is treated as final; by default as the source declares."),
    ),
    key=("grain", "scope_kind", "scope_ref", "service", "line_item", "call_ref"),
)
CONTRACTS = {contract.name: contract for contract in (CALLS, USAGE, COSTS)}
