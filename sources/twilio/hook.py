"""Twilio's status callbacks: which call ended on which day, and no price, which is null until it is rated: a hint to
read the day again. They are signed with the account's auth token, which no restricted API key is.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import msgspec

from sources.hooks import Delivery, Hook, Message, Method, NoMessage, Report, is_same

SIGNATURE = "X-Twilio-Signature"
ENDED = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
_SID = re.compile(r"CA[0-9a-fA-F]{32}")
_SECONDS = re.compile(r"[0-9]{1,6}", flags=re.ASCII)
_MOST_FIELDS = 200
_KEPT = (
    "CallSid",
    "AccountSid",
    "CallStatus",
    "CallDuration",
    "Timestamp",
    "SequenceNumber",
    "CallbackSource",
    "Direction",
)
_PORTS = {"https": 443, "http": 80}
Fields = list[tuple[str, str]]


def is_genuine(delivery: Delivery, secret: str, method: Method, settings: Mapping[str, str]) -> bool:
    """Whether Twilio signed the address, with and without its port, and the form as it was posted."""
    fields = _fields(delivery.body)
    if method is not Method.HMAC or fields is None:
        return False
    signed = "".join(f"{name}{value}" for name, value in sorted(set(fields)))
    given = delivery.header(SIGNATURE)
    wanted = [_signature(secret, url + signed) for url in _addresses(delivery.url)]
    return any([is_same(given, one) for one in wanted])  # noqa: C419 - each is compared, whichever is right


def _signature(secret: str, text: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()


def _addresses(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS.get(parts.scheme, 443)
    for netloc in dict.fromkeys((host, f"{host}:{port}")):
        yield urlunsplit(parts._replace(netloc=netloc))


def _fields(body: bytes) -> Fields | None:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=_MOST_FIELDS)
    except (ValueError, UnicodeDecodeError):
        return None


def read(body: bytes) -> Message:
    """Which call is in which state; who called whom is not kept. Raises NoMessage."""
    fields = dict(_fields(body) or ())
    sid, status = fields.get("CallSid", ""), fields.get("CallStatus", "")
    if not _SID.fullmatch(sid) or not status:
        raise NoMessage("it is no status callback of a call: CallSid and CallStatus")
    if status not in ENDED:
        return Message(status)
    try:
        at = parsedate_to_datetime(fields["Timestamp"]).astimezone(UTC)
    except (LookupError, ValueError, TypeError):
        return Message(status, notice=("unreadable_report", f"{status}: it does not say when, as Timestamp"))
    duration = fields.get("CallDuration", "0")
    began = at - timedelta(seconds=int(duration)) if _SECONDS.fullmatch(duration) else at
    row = msgspec.json.encode({name: fields[name][:200] for name in _KEPT if name in fields})
    hashed = hashlib.sha256(f"{sid}/{status}/{duration}".encode()).digest()
    report = Report(sid, status, status, began, at, None, is_final=True, is_gone=False, hash=hashed, row=row.decode())
    return Message(status, report=report)


def steps(url: str, method: Method, settings: Mapping[str, str]) -> str:
    """What to enter at Twilio."""
    return (
        "On each number, or where your application places calls, set the status callback to the url, by POST, for the"
        " event completed. The secret that was given is the account's auth token, which signs its callbacks. Behind a"
        " proxy the url must be the one that Twilio is given."
    )


HOOK = Hook(
    methods=(Method.HMAC,),
    is_genuine=is_genuine,
    read=read,
    steps=steps,
    secret_is_given=True,
)
