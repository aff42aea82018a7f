"""Vapi's server messages: proven as its bearer and HMAC plans describe, and read as far as they are about one call.

Of `message` come the end, the cost and its parts; of `message.call`, a snapshot of when the call was created, only who
it is and by what it routes: its status is "queued" and its cost 0 for ever.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from sources.hooks import Delivery, Hook, Message, Method, NoMessage, Report, Setting, is_fresh, is_same
from sources.personal import NOBODYS, Document, minimised
from sources.vapi import calls
from sources.vapi.contract import CALL
from sources.vapi.rows import billed

AWAITING = {
    "assistant-request", "tool-calls", "function-call", "transfer-destination-request", "handoff-destination-request",
    "knowledge-base-request", "voice-request", "call.endpointing.request", "campaign.predial",
}  # fmt: skip
"""Messages whose answer the call waits for."""
ENDED, STATUS, DELETED = "end-of-call-report", "status-update", "call.deleted"
WANTED = (ENDED, STATUS, DELETED)
_OF_THE_CALL = (
    "id", "orgId", "createdAt", "type", "assistantId", "phoneNumberId", "squadId", "workflowId", "campaignId",
    "phoneCallProvider", "phoneCallProviderId", "phoneCallTransport", "transport",
)  # fmt: skip
_OF_THE_MESSAGE = ("endedReason", "startedAt", "endedAt", "cost", "costs", "costBreakdown")
_SIGNED = "{timestamp}.{body}"
_ALGORITHMS = {"sha256": hashlib.sha256, "sha512": hashlib.sha512, "sha1": hashlib.sha1}
_HEADER = r"[A-Za-z0-9-]{1,64}"
_YES_NO = "yes|no"
_SETTINGS = {
    "header": Setting("the header of the token or signature", _HEADER),
    "prefix": Setting("what stands before the token or signature, or none", r"none|[A-Za-z0-9]{1,20}[ =:]?"),
    "algorithm": Setting("sha256, sha512 or sha1", "|".join(_ALGORITHMS)),
    "encoding": Setting("hex or base64", "hex|base64"),
    "timestamp_header": Setting("the header of the time", _HEADER),
    "message_id_header": Setting("the header of the message's id", _HEADER),
    "payload": Setting(
        "what is signed, of {body} {timestamp} {method} {url} {svix-id}",
        r"(?:\{(?:body|timestamp|method|url|svix-id)\}|[.:|]){1,20}",
    ),
    "secret_is_base64": Setting("yes or no", _YES_NO),
}
_BODY = msgspec.json.Decoder(dict[str, Document])
_TEXT = msgspec.json.Decoder(str)
_DOCUMENT = msgspec.json.Decoder(Document)
_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


def is_genuine(delivery: Delivery, secret: str, method: Method, settings: Mapping[str, str]) -> bool:
    """Whether Vapi sent it: the token, in `Authorization` or the older `X-Vapi-Secret`; or the signature."""
    if method is Method.BEARER:
        prefix = _prefix(settings, "Bearer ")
        tokens = [delivery.header(settings.get("header", "Authorization"))]
        tokens = [token.removeprefix(prefix) if token.startswith(prefix) else "" for token in tokens]
        if "header" not in settings:
            tokens.append(delivery.header("X-Vapi-Secret"))
        return any([is_same(token, secret) for token in tokens])  # noqa: C419 - each is compared, whichever is right
    return method is Method.HMAC and _is_signed(delivery, secret, settings)


def _is_signed(delivery: Delivery, secret: str, settings: Mapping[str, str]) -> bool:
    stamp = delivery.header(settings.get("timestamp_header", "x-timestamp"))
    pattern = settings.get("payload", _SIGNED)
    parts = {
        "{body}": delivery.body,
        "{timestamp}": stamp.encode(),
        "{method}": delivery.method.encode(),
        "{url}": delivery.url.encode(),
        "{svix-id}": delivery.header(settings.get("message_id_header", "svix-id")).encode(),
    }
    key = base64.b64decode(secret) if settings.get("secret_is_base64") == "yes" else secret.encode()
    digest = hmac.digest(key, _filled(pattern, parts), _ALGORITHMS[settings.get("algorithm", "sha256")])
    is_hex = settings.get("encoding", "hex") == "hex"
    wanted = digest.hex() if is_hex else base64.b64encode(digest).decode()
    given = delivery.header(settings.get("header", "x-signature")).removeprefix(_prefix(settings, ""))
    is_right = is_same(given.lower() if is_hex else given, wanted)
    return is_right and ("{timestamp}" not in pattern or is_fresh(stamp, delivery.at))


def _filled(pattern: str, parts: Mapping[str, bytes]) -> bytes:
    """The pattern with its parts, each filled in once: what a body holds is no pattern."""
    found, rest = b"", pattern
    while rest:
        name = next((one for one in parts if rest.startswith(one)), None)
        found += parts[name] if name else rest[0].encode()
        rest = rest[len(name or " ") :]
    return found


def _prefix(settings: Mapping[str, str], usual: str) -> str:
    prefix = settings.get("prefix", usual)
    return "" if prefix == "none" else prefix


def read(body: bytes) -> Message:
    """What a server message says. Raises NoMessage."""
    try:
        message = _BODY.decode(body)["message"]
        kind = _TEXT.decode(message["type"])
    except (msgspec.DecodeError, UnicodeDecodeError, LookupError, RecursionError):
        raise NoMessage("it is no server message: {message: {type, …}}") from None
    if kind in AWAITING:
        return Message(kind, notice=("awaits_answer", f"{kind} of {_sender(message)}"))
    if kind not in WANTED:
        return Message(kind)
    try:
        report = _report(kind, message)
    except NoMessage as error:
        return Message(kind, notice=("unreadable_report", f"{kind}: {error}"))
    return Message(kind, report=report)


def _report(kind: str, message: Document) -> Report | None:
    of_call = _members(message.get("call"))
    document = {name: of_call[name] for name in _OF_THE_CALL if name in of_call}
    if "id" not in document:
        return None  # of no call: a chat, or a session
    if "createdAt" not in document:
        raise NoMessage("it does not say when its call was created")
    if kind == ENDED:
        document |= {name: message[name] for name in _OF_THE_MESSAGE if name in message}
    status = "ended" if kind == ENDED else _text(message.get("status")) if kind == STATUS else "deleted"
    # When it was last changed is not said: the end, or the creation, is the last moment that is.
    document["status"] = msgspec.Raw(json.dumps(status).encode())
    document["updatedAt"] = document.get("endedAt", document["createdAt"])
    kept = CALL.kept(minimised(document, NOBODYS), set(), is_typed=False)
    row = _ENCODE(kept)
    try:
        answer = calls.parse(b"[" + row + b"]")
    except (msgspec.DecodeError, RecursionError) as error:
        raise NoMessage(str(error)[:200]) from None
    if answer.odd:
        raise NoMessage(answer.odd[0].reason[:200])
    ((call, _),) = answer.rows
    return Report(
        row_id=call.id,
        kind=kind,
        status=status[:100],
        created_at=call.created_at,
        ended_at=call.ended_at,
        cost=None if call.cost is None else Decimal(call.cost),
        is_final=kind == ENDED or (kind == STATUS and status == "ended"),
        is_gone=kind == DELETED,
        hash=hashlib.sha256(_ENCODE([kind, status]) + billed(call)).digest(),
        row=row.decode(),
    )


def _sender(message: Document) -> str:
    """Whose server settings name us: the assistant's or the number's, by id."""
    call = _members(message.get("call"))
    for what, ids in (
        ("assistant", (call.get("assistantId"), _members(message.get("assistant")).get("id"))),
        ("phone number", (call.get("phoneNumberId"), _members(message.get("phoneNumber")).get("id"))),
    ):
        for found in map(_text, ids):
            if found:
                return f"{what} {found[:64]}"
    return "an assistant or number that it does not name"


def _members(raw: msgspec.Raw | None) -> Document:
    try:
        return {} if raw is None else _DOCUMENT.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return {}


def _text(raw: msgspec.Raw | None) -> str:
    try:
        return "" if raw is None else _TEXT.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def steps(url: str, method: Method, settings: Mapping[str, str]) -> str:
    """What to enter at Vapi."""
    plan = (
        "a custom credential of type Bearer Token"
        if method is Method.BEARER
        else "a custom credential of type HMAC (SHA-256, x-signature over {timestamp}.{body}, x-timestamp)"
    )
    other = "".join(f"\n   with {name} {value}" for name, value in sorted(settings.items()))
    server = {
        "url": url,
        "credentialId": "ID",
        "timeoutSeconds": 20,
        "backoffPlan": {"type": "exponential", "maxRetries": 10, "baseDelaySeconds": 2},
    }
    return (
        f"1. In Vapi's dashboard, under Integrations, create {plan} with the secret above.{other}\n"
        "2. Set `server` of the organisation, or of each assistant or number that has one of its own, ID being that"
        " credential's:\n"
        f"   {json.dumps({'server': server})}\n"
        "   Vapi sends each message to one address only: where an assistant has its tenant's own server, have that"
        " server pass the body on, as it came, to a hook that is proven by bearer.\n"
        "3. Set `serverMessages` of the assistants, or they send whole conversations:\n"
        f"   {json.dumps({'serverMessages': WANTED})}"
    )


HOOK = Hook(
    methods=(Method.HMAC, Method.BEARER),
    is_genuine=is_genuine,
    read=read,
    steps=steps,
    row_column="call_id",
    ended_column="ended_at",
    cost_field="cost",
    settings=_SETTINGS,
)
