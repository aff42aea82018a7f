"""Stripe's webhooks: signature verified on the raw body, kept once, answered at once. Runs do the work later.

POST /stripe/webhook    200 kept, or known already · 400 not signed by us, or no event · 408 slow · 413 too large
                        503 try again, or no signing secret is set: Stripe repeats what is refused for three days
GET  /healthz           200 when the ledger can be reached: ready to serve
GET  /livez             200 as long as this process answers, database or not: a restart would not help
"""

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import psycopg
import stripe
import structlog
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sources.text import clean
from warehouse import clock
from warehouse.database.errors import WarehouseError
from warehouse.stripe.events import count_waiting, receive

_LOG = structlog.get_logger(__name__)

LARGEST_BODY = 512 * 1024
_AT_ONCE = 4
TOLERANCE = 300
"""Seconds a signature is good for, as in Stripe's own library."""

_LONGEST_LINK = 2048
_FACTS = (
    "status", "currency", "total", "amount_due", "amount_paid", "period_start", "period_end", "billing_reason",
    "automatically_finalizes_at", "attempt_count", "cancel_at_period_end", "number", "hosted_invoice_url",
)  # fmt: skip


def webhook_app(
    ledger: Callable[[], AbstractContextManager[psycopg.Connection[Any]]], secrets: Sequence[str]
) -> Starlette:
    """The service. ledger: opens a connection as role billing, in autocommit. secrets: signing secrets, newest first.

    While a secret is rotated both are given; whichever signed is good. Without any, nothing is taken.
    """
    good = [secret for secret in secrets if secret.strip()]
    at_once = CapacityLimiter(_AT_ONCE)

    async def webhook(request: Request) -> Response:
        if not good:
            _LOG.warning("webhook refused: set MINUTEBOOK_STRIPE_WEBHOOK_SECRET (whsec_…, newest first)")
            return JSONResponse({"error": "no signing secret is set here"}, 503, {"Retry-After": "3600"})
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST_BODY:
                return JSONResponse({"error": "too large"}, 413)
        if not is_signed(body, request.headers.get("stripe-signature"), good):
            _LOG.warning("webhook refused: no secret of ours signed it")
            return JSONResponse({"error": "signature"}, 400)
        try:
            event = _event(body)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, OSError):
            return JSONResponse({"error": "not an event"}, 400)
        try:
            is_new = await to_thread.run_sync(keep, event, limiter=at_once)
        except psycopg.DataError:
            return JSONResponse({"error": "not an event"}, 400)
        except (psycopg.Error, WarehouseError) as error:
            _LOG.error("webhook not kept", event_id=event["event_id"], problem=type(error).__name__)
            return JSONResponse({"error": "try again"}, 503, {"Retry-After": "10"})
        return JSONResponse({"received": True, "new": is_new})

    def keep(event: dict[str, Any]) -> bool:
        with ledger() as connection:
            return receive(connection, event, clock.now())

    async def health(request: Request) -> Response:
        def look() -> None:
            with ledger() as connection:
                count_waiting(connection)

        try:
            await to_thread.run_sync(look, limiter=at_once)
        except (psycopg.Error, WarehouseError):
            return JSONResponse({"ok": False}, 503, {"Retry-After": "5"})
        return JSONResponse({"ok": True})

    async def alive(_: Request) -> Response:
        return JSONResponse({"ok": True})

    return Starlette(
        routes=[
            Route("/stripe/webhook", webhook, methods=["POST"]),
            Route("/healthz", health, methods=["GET"]),
            Route("/livez", alive, methods=["GET"]),
        ]
    )


def is_signed(body: bytes, header: str | None, secrets: Sequence[str]) -> bool:
    """Whether one of the secrets signed this very body within the last five minutes."""
    if header is None or not header.isascii():
        return False  # Stripe's library compares texts, and of others it makes an error of its own
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return True
    return False


def _event(body: bytes) -> dict[str, Any]:
    """The few fields that are used, of a snapshot event or a thin one; names and addresses stay out."""
    reported = json.loads(body, parse_constant=_refused)
    if reported["object"] == "v2.core.event":
        related = reported.get("related_object") or {}
        happened_at = datetime.fromisoformat(reported["created"])
        if happened_at.tzinfo is None:
            raise ValueError("no moment")
        return _row(reported, True, related.get("id"), None, {}, happened_at)
    if reported["object"] != "event":
        raise ValueError(reported["object"])
    subject = reported["data"]["object"]
    customer = subject["id"] if subject.get("object") == "customer" else subject.get("customer")
    customer = customer["id"] if isinstance(customer, dict) else customer
    facts = {name: _fact(subject[name]) for name in _FACTS if subject.get(name) is not None}
    return _row(reported, False, subject.get("id"), customer, facts, datetime.fromtimestamp(reported["created"], UTC))


def _row(
    reported: dict[str, Any],
    is_thin: bool,
    subject: str | None,
    customer: str | None,
    facts: dict[str, Any],
    happened_at: datetime,
) -> dict[str, Any]:
    account = reported.get("context") if is_thin else reported.get("account")
    return {
        "event_id": _text(reported["id"]),
        "event_type": _text(reported["type"]),
        "is_thin": is_thin,
        "object_id": None if subject is None else _text(subject),
        "stripe_customer_id": None if customer is None else _text(customer),
        "account": None if account is None else _text(account),
        "is_live": _truth(reported["livemode"]),
        "facts": facts,
        "happened_at": happened_at,
    }


def _text(value: object, longest: int = 255) -> str:
    """An id or a name of Stripe's. Raises ValueError for what is none."""
    if not isinstance(value, str) or not 0 < len(value) <= longest or clean(value) != value:
        raise ValueError("no id")
    return value


def _truth(value: object) -> bool:
    """Raises ValueError for what is neither true nor false."""
    if not isinstance(value, bool):
        raise ValueError("no truth")
    return value


def _fact(value: object) -> str | int | bool:
    """A value that is kept. Raises ValueError for what Stripe sends in none of these places."""
    if isinstance(value, str):
        return _text(value, _LONGEST_LINK)
    if not isinstance(value, int) or abs(value) >= 2**63:
        raise ValueError("no fact")
    return value


def _refused(constant: str) -> object:
    raise ValueError(constant)
