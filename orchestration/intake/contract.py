"""What one event may be: CloudEvents 1.0 in JSON, checked one by one, and what makes two of them the same."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from sources.checks.allowed import OPEN, Allowed
from sources.checks.bounds import LONGEST_TEXT, exact, fault_of_cost, fault_of_quantity
from sources.personal import NOBODYS, Choices, Document, minimised
from warehouse.intake.events import Event
from warehouse.intake.keys import REACH
from warehouse.words import counted

LARGEST_DATA_BYTES = 32 * 1024
DEEPEST_DATA = 16
MOST_DIGITS = 18
MOST_KINDS, LONGEST_KIND = 20, 40
LONGEST_NUMBER = 100
"""Digits and decimals of any number in data."""
AHEAD = timedelta(minutes=5)

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
OwnerOf = Callable[[str | None], tuple[str, Choices]]


class CloudEvent(msgspec.Struct, gc=False):
    """One event. Other attributes of CloudEvents are taken and not kept."""

    specversion: Literal["1.0"]
    id: Id
    source: Id
    type: Short
    time: Annotated[str, msgspec.Meta(max_length=64)]
    subject: Id | None = None
    datacontenttype: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    data_base64: msgspec.Raw = msgspec.Raw()
    replaces: Id | None = None
    tenant: Id | None = None


@dataclass(frozen=True, slots=True)
class Bad:
    """Why an event is refused; `id` and `source` where they can be read."""

    code: str
    detail: str
    id: str | None = None
    source: str | None = None


class _Broken(Exception):
    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


class _Named(msgspec.Struct, gc=False):
    id: Any = None
    source: Any = None


def _exact(literal: str) -> Decimal:
    """What is beyond all bounds is infinite, and refused where it stands."""
    number = exact(literal)
    return Decimal("Infinity") if isinstance(number, str) else number


_EVENT = msgspec.json.Decoder(CloudEvent).decode
_NAMED = msgspec.json.Decoder(_Named).decode
_MEMBERS = msgspec.json.Decoder(Document).decode
_DATA = msgspec.json.Decoder(dict[str, Any], float_hook=_exact).decode
_ENCODE = msgspec.json.encode
_CANONICAL = msgspec.json.Encoder(order="sorted").encode
_SECRETS = Allowed({"data": OPEN})
_FIELD = re.compile(r"(?:`\$\.(\w+)|field `(\w+)`)")
# Forbidden in every text by CloudEvents 1.0 (3.1 Type System), and U+FFFD, which stands for some other character.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd-\uffff]")
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:)(\d\d)(?:\.(\d{1,20}))?(?:[Zz]|([+-]\d\d:[0-5]\d))", flags=re.ASCII
)
_NUMBER = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?(?:[eE][+-]?\d{1,2})?", flags=re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")


def examined(raw: bytes, now: datetime, owner_of: OwnerOf, *, is_backfill: bool) -> tuple[str, Event] | Bad:
    """The tenant and the event as it is to be stored, or why it is refused.

    `owner_of(tenant)` gives the tenant an event belongs to and what it wants kept, for the tenant that the event
    names, or None; it raises LookupError with the reason where that is none of the key's.
    """
    try:
        event = _EVENT(raw)
        for name in ("id", "source", "type", "subject", "replaces", "tenant"):
            if (text := getattr(event, name)) is not None and _FORBIDDEN.search(text):
                raise _Broken(name, "it holds a character that CloudEvents forbids")
        happened_at = _moment(event.time)
        _require_json(event)
        data = b"{}" if bytes(event.data) in (b"", b"null") else bytes(event.data)
        content, members = _content(event, happened_at, data)
    except _Broken as broken:
        return _bad(f"invalid_{broken.field}", broken.detail, raw)
    except msgspec.ValidationError as error:
        found = _FIELD.search(str(error))
        field = (found[1] or found[2]) if found else "event"
        return _bad(f"invalid_{field}", _plain(str(error)), raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _bad("invalid_event", "it is no JSON, or nested too deep", raw)
    horizon = REACH["backfill" if is_backfill else "events"]
    if happened_at > now + AHEAD:
        return Bad("time_in_future", "its time is more than 5 minutes ahead", event.id, event.source)
    if happened_at < now - horizon:
        why = f"its time is more than {counted(horizon.days, 'day')} ago" + (
            "" if is_backfill else "; see scope backfill"
        )
        return Bad("time_too_old", why, event.id, event.source)
    try:
        tenant_id, choices = owner_of(event.tenant)
    except LookupError as error:
        return Bad("invalid_tenant", str(error.args[0]), event.id, event.source)
    facts, personal = _parts(members, choices)
    return tenant_id, Event(
        event.source, event.id, event.type, event.subject, happened_at, content, event.replaces, facts, personal
    )


def _moment(text: str) -> datetime:
    """An instant of RFC 3339 in UTC, cut to microseconds."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise _Broken("time", "it is no RFC 3339 time with an offset, such as 2026-11-26T10:00:00Z")
    day, clock, seconds, fraction, offset = found.groups()
    whole = "59" if seconds == "60" else seconds
    micro = (fraction or "0")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{day}T{clock}{whole}.{micro}{offset or '+00:00'}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Broken("time", "there is no such time") from None


def _require_json(event: CloudEvent) -> None:
    if bytes(event.data_base64) not in (b"", b"null"):
        raise _Broken("data", "data_base64 is not taken: send an object as data")
    kind = (event.datacontenttype or "application/json").split(";")[0].strip().lower()
    if kind != "application/json":
        raise _Broken("datacontenttype", "only application/json is taken")


def _content(event: CloudEvent, happened_at: datetime, data: bytes) -> tuple[bytes, Document]:
    """The hash of what makes it this event, however it is spelled; and the members of its data, byte for byte."""
    if len(data) > LARGEST_DATA_BYTES:
        raise _Broken("data", f"it is larger than {LARGEST_DATA_BYTES // 1024} KiB")
    if data[:1] != b"{":
        raise _Broken("data", "it is no object")
    dropped: set[str] = set()
    _SECRETS.kept({"data": msgspec.Raw(data)}, dropped)
    if dropped:
        raise _Broken("data", "a member of it is named like a secret, or nested too deep: leave it out")
    value = _DATA(data)
    for name in ("quantity", "cost"):
        if isinstance(value.get(name), str):
            value[name] = _number(name, value[name])
    if isinstance(kinds := value.get("quantities"), dict):
        value["quantities"] = {
            kind: _number("quantities", count) if isinstance(count, str) else count for kind, count in kinds.items()
        }
    _require_usage(value)
    parts = [event.type, happened_at, event.subject, _canonical(value, 1), event.replaces]
    return hashlib.sha256(_CANONICAL(parts)).digest(), _MEMBERS(data)


def _require_usage(data: Mapping[str, Any]) -> None:
    quantity, cost, currency, unit = (data.get(name) for name in ("quantity", "cost", "currency", "unit"))
    if "quantity" in data:
        _require_quantity("quantity", quantity)
    if "quantities" in data:
        _require_kinds(data)
    if cost is not None and (fault := _fault_of_number("cost", cost)):
        raise _Broken("cost", fault)
    if (cost is None) != (currency is None):
        raise _Broken("currency", "money has a currency, and a currency money")
    if currency is not None and not (isinstance(currency, str) and _CURRENCY.fullmatch(currency)):
        raise _Broken("currency", "it is no ISO 4217 code, such as USD")
    if unit is not None and not (isinstance(unit, str) and 0 < len(unit) <= 40):
        raise _Broken("unit", "it is no text of 1 to 40 characters")


def _require_quantity(field: str, quantity: object) -> None:
    if fault := _fault_of_number(field, quantity):
        raise _Broken(field, fault)
    if isinstance(quantity, int | Decimal) and _digits(quantity) > MOST_DIGITS:
        raise _Broken(field, f"it has more than {MOST_DIGITS} digits")


def _require_kinds(data: Mapping[str, Any]) -> None:
    """Of several quantities of one event, each by its kind."""
    kinds = data["quantities"]
    if not isinstance(kinds, dict) or not 0 < len(kinds) <= MOST_KINDS:
        raise _Broken("quantities", f"it is no object of 1 to {MOST_KINDS} kinds")
    for other in ("quantity", "kind", "cost"):
        if other in data:
            raise _Broken("quantities", f"beside it there is no {other}: send one event for each where each has one")
    for kind, count in kinds.items():
        if not 0 < len(kind) <= LONGEST_KIND:
            raise _Broken("quantities", f"a kind is a text of 1 to {LONGEST_KIND} characters")
        _require_quantity("quantities", count)


def _number(field: str, text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise _Broken(field, "it is no number, and no text of one")
    return Decimal(text)


def _fault_of_number(field: str, value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return "it is no number, and no text of one"
    return fault_of_cost(field, value) if field == "cost" else fault_of_quantity(field, value)


def _digits(number: int | Decimal) -> int:
    """How many digits a finite number is written with, without an exponent."""
    return sum(map(str.isdigit, f"{Decimal(number):f}"))


def _canonical(value: Any, depth: int) -> Any:
    """The same with each number spelled in one way. Raises _Broken for what cannot be kept."""
    if isinstance(value, str):
        if "\0" in value or "\ufffd" in value:
            raise _Broken("data", "it holds a character that no text can have")
        return value
    if isinstance(value, dict):
        if depth > DEEPEST_DATA:
            raise _Broken("data", f"it is nested deeper than {DEEPEST_DATA} levels")
        if any("\0" in name or len(name) > LONGEST_TEXT for name in value):
            raise _Broken("data", "the name of a member is too long, or holds NUL")
        return {name: _canonical(part, depth + 1) for name, part in value.items()}
    if isinstance(value, list):
        if depth > DEEPEST_DATA:
            raise _Broken("data", f"it is nested deeper than {DEEPEST_DATA} levels")
        return [_canonical(part, depth + 1) for part in value]
    if value is None or isinstance(value, bool):
        return value
    return msgspec.Raw(_spelled(value))


def _spelled(number: int | Decimal) -> bytes:
    sign, digits, exponent = Decimal(number).as_tuple()
    if not isinstance(exponent, int) or len(digits) > LONGEST_NUMBER or abs(exponent) > LONGEST_NUMBER:
        raise _Broken("data", f"a number in it has more than {LONGEST_NUMBER} digits or decimals")
    text = "".join(map(str, digits)).lstrip("0")
    significant = text.rstrip("0")
    if not significant:
        return b"0"
    return f"{'-' if sign else ''}{significant}e{exponent + len(text) - len(significant)}".encode()


def _parts(members: Document, choices: Choices) -> tuple[str, str | None]:
    """Members that may be of nobody's person; and the others, as much of them as is kept."""
    plain = minimised(members, NOBODYS)
    facts = {name: value for name, value in members.items() if plain.get(name) == value}
    if len(facts) == len(members):
        return _ENCODE(facts).decode(), None
    others = {name: value for name, value in minimised(members, choices).items() if name not in facts}
    return _ENCODE(facts).decode(), _ENCODE(others).decode() if others else None


def _bad(code: str, detail: str, raw: bytes) -> Bad:
    try:
        named = _NAMED(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Bad(code, detail)
    return Bad(code, detail, _name(named.id), _name(named.source))


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 256 and not _FORBIDDEN.search(value) else None


def _plain(message: str) -> str:
    """What msgspec says, without its paths."""
    return message.split(" - at ")[0].replace("`", "")[:200]
