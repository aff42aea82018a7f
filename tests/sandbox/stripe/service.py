"""Routes, idempotency, faults and events of the Stripe sandbox."""

import asyncio
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qsl

from tests.sandbox.stripe.catalogue import Catalogue
from tests.sandbox.stripe.contract import accepted
from tests.sandbox.stripe.errors import StripeProblem, missing
from tests.sandbox.stripe.forms import nested
from tests.sandbox.stripe.http import Drop, Request, Response, Server
from tests.sandbox.stripe.invoicing import Invoicing
from tests.sandbox.stripe.metering import MEMORY, Metering
from tests.sandbox.stripe.subscribing import Subscribing

API_VERSION = "2026-10-28.endive"
Body = dict[str, Any]


class NotDone(Exception):
    """Stripe does it and the sandbox does not: a route, or a parameter that it would silently ignore."""


class Fault(Enum):
    """What happens to a call. ERROR and LIMITED are stored under the call's key and replayed; BUSY is not."""

    LOST_REQUEST = auto()  # dropped before it was processed
    LOST_ANSWER = auto()  # processed, dropped before it was answered
    ERROR = auto()  # 500 without effect
    ERROR_AFTER = auto()  # processed, then 500
    LIMITED = auto()  # 429, stored
    BUSY = auto()  # 429, not stored
    DOWN = auto()  # 503, not stored
    HANG = auto()  # processed, never answered
    UNAUTHORIZED = auto()
    FORBIDDEN = auto()  # 403, not stored
    MISSING = auto()  # 404, not stored
    CUT_OFF = auto()  # processed, and half of the answer is sent
    HOLLOW = auto()  # processed, and the answer is an empty object


@dataclass(frozen=True)
class Call:
    """A request as faults and hooks see it. stage: received, processed or answered."""

    number: int
    method: str
    path: str
    params: Body
    key: str | None


@dataclass
class _Stored:
    fingerprint: str
    status: int
    body: bytes
    at: float


class StripeSandbox:
    """State and HTTP server; use as a context manager. clock: Unix seconds of Stripe's own clock."""

    def __init__(
        self, now: float = 1_793_500_000.0, account: str = "acct_000001", *, other_mode: "StripeSandbox | None" = None
    ) -> None:
        """other_mode: the same account in the mode before: whose objects a key of this one is told are there."""
        self.now = now
        self.account = account
        self.other_mode = other_mode
        self.catalogue = Catalogue(lambda: self.now)
        self.metering = Metering(lambda: self.now, self.catalogue.customers)
        self.catalogue.meters = self.metering.meters
        self.invoicing = Invoicing(lambda: self.now, self.catalogue, self.metering, self._snapshot_event)
        self.subscribing = Subscribing(lambda: self.now, self.catalogue, self.invoicing)
        self.fault: Callable[[Call], Fault | None] = lambda call: None
        self.hook: Callable[[str, Call], None] = lambda stage, call: None
        self.latency = 0.0
        self.calls: Counter[str] = Counter()
        self.requests = 0
        self.at_work = 0
        self.events: dict[str, Body] = {}
        self.violations: list[str] = []
        self._stored: dict[str, _Stored] = {}
        self._in_flight: set[tuple[str, str]] = set()
        self._keys_in_flight: set[str] = set()
        self._server = Server(self._answer)
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = self._table()

    def __enter__(self) -> "StripeSandbox":
        self._server.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._server.__exit__(*raised)

    @property
    def url(self) -> str:
        return self._server.url

    def advance(self, seconds: float) -> None:
        """Let time pass: events are processed, periods turn, invoices become final, each at its own moment."""
        end = self.now + seconds
        while (moment := self.invoicing.next_moment()) is not None and moment <= end:
            self.now = max(self.now, moment)
            self.process()
            self.invoicing.turn(self.now)
        self.now = end
        self.process()

    def process(self) -> None:
        """Validate what has waited long enough, and report what was dropped as Stripe does."""
        dropped: dict[str, list[tuple[Any, str]]] = {}
        for event, code in self.metering.process():
            dropped.setdefault(event.event_name, []).append((event, code))
        for event_name, errors in dropped.items():
            self._error_report(event_name, errors)

    def forget_keys(self) -> None:
        """Lose every stored answer: keys are kept for at least 24 hours, identifiers by another memory."""
        self._stored.clear()

    # Events

    def _snapshot_event(self, kind: str, subject: Body) -> None:
        name = f"evt_{len(self.events) + 1:06}"
        self.events[name] = {
            "id": name, "object": "event", "api_version": API_VERSION, "created": int(self.now),
            "data": {"object": json.loads(json.dumps(subject))}, "livemode": False, "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None}, "type": kind,
        }  # fmt: skip

    def _error_report(self, event_name: str, errors: list[tuple[Any, str]]) -> None:
        name = f"evt_{len(self.events) + 1:06}"
        meter = next((m for m in self.metering.meters.values() if m["event_name"] == event_name), None)
        by_code: dict[str, list[Any]] = {}
        for event, code in errors:
            by_code.setdefault(code, []).append(event)
        found = "error_report_triggered" if meter else "no_meter_found"
        self.events[name] = {
            "id": name, "object": "v2.core.event", "context": None, "created": "2026-11-01T00:00:00.000Z",
            "livemode": False, "reason": None, "type": f"v1.billing.meter.{found}",
            "related_object": meter and {
                "id": meter["id"], "type": "billing.meter", "url": f"/v1/billing/meters/{meter['id']}"
            },
            "data": {
                "developer_message_summary": f"There are {len(errors)} invalid events",
                "reason": {
                    "error_count": len(errors),
                    "error_types": [
                        {
                            "code": code, "error_count": len(events),
                            "sample_errors": [
                                {"error_message": code, "request": {"identifier": event.key}} for event in events[:5]
                            ],
                        }
                        for code, events in by_code.items()
                    ],
                },
                "validation_start": "2026-11-01T00:00:00.000Z", "validation_end": "2026-11-01T00:00:10.000Z",
            },
        }  # fmt: skip

    def delivery(self, event: str) -> bytes:
        """The body of a webhook: whole for snapshot events, without data for thin ones."""
        body = self.events[event]
        if body["object"] == "v2.core.event":
            body = {key: value for key, value in body.items() if key != "data"}
        return json.dumps(body).encode()

    # HTTP

    async def _answer(self, request: Request) -> Response:
        self.at_work += 1
        try:
            return await self._worked(request)
        finally:
            self.at_work -= 1

    async def _worked(self, request: Request) -> Response:
        self.requests += 1
        params = nested(_pairs(request))
        call = Call(self.requests, request.method, request.path, params, request.headers.get("idempotency-key"))
        self.hook("received", call)
        fault = self.fault(call)
        if fault is Fault.LOST_REQUEST:
            raise Drop
        response = await self._stored_or_new(request, call, fault)
        self.hook("processed", call)
        if fault in (Fault.CUT_OFF, Fault.HOLLOW):
            half = response.body[: len(response.body) // 2]
            response.body = half if fault is Fault.CUT_OFF else b"{}"
        if fault is Fault.LOST_ANSWER:
            raise Drop
        if fault is Fault.HANG:
            await asyncio.sleep(3600)
        return response

    async def _stored_or_new(self, request: Request, call: Call, fault: Fault | None) -> Response:
        request_id = {"request-id": f"req_{call.number}"}
        problem = self._refusal(request, fault)
        if problem:
            return Response(problem.status, json.dumps(problem.body()).encode(), request_id)
        fingerprint = hashlib.sha256(f"{request.method} {request.path} ".encode() + request.body).hexdigest()
        key = call.key if request.method in ("POST", "DELETE") else None
        stored = self._stored.get(key) if key else None
        if stored and self.now - stored.at < MEMORY:
            if stored.fingerprint != fingerprint:
                conflict = StripeProblem(
                    400, None, f"Keys for idempotent requests can only be used with the same parameters: {key}.",
                    "idempotency_error",
                )  # fmt: skip
                return Response(conflict.status, json.dumps(conflict.body()).encode(), request_id)
            return Response(stored.status, stored.body, {**request_id, "idempotent-replayed": "true"})
        try:
            call = replace(call, params=accepted(call.method, call.path, call.params, key))
        except StripeProblem as refused:
            return Response(refused.status, json.dumps(refused.body()).encode(), request_id)
        if key and key in self._keys_in_flight:
            message = "There is currently another in-progress request using this Idempotent Key."
            in_use = StripeProblem(409, "idempotency_key_in_use", message, "idempotency_error")
            return Response(in_use.status, json.dumps(in_use.body()).encode(), request_id)
        slot = self._slot(call)
        if slot and slot in self._in_flight:
            self.violations.append(f"two calls at once for {slot}")
            busy = StripeProblem(429, "lock_timeout", "One concurrent call per customer and meter.")
            return Response(busy.status, json.dumps(busy.body()).encode(), request_id)
        if slot:
            self._in_flight.add(slot)
        if key:
            self._keys_in_flight.add(key)
        try:
            if self.latency:
                await asyncio.sleep(self.latency)
            status, body, is_stored = self._executed(request, call, fault)
        except NotDone as error:
            self.violations.append(f"the sandbox does not do {error}")
            problem = StripeProblem(400, None, f"The sandbox does not do {error}: add it.")
            status, body, is_stored = problem.status, problem.body(), False
        finally:
            self._in_flight.discard(slot)  # type: ignore[arg-type]
            self._keys_in_flight.discard(key or "")
        encoded = json.dumps(body).encode()
        if key and is_stored:
            self._stored[key] = _Stored(fingerprint, status, encoded, self.now)
        return Response(status, encoded, request_id)

    def _refusal(self, request: Request, fault: Fault | None) -> StripeProblem | None:
        if fault is Fault.UNAUTHORIZED or not request.headers.get("authorization", "").startswith("Bearer sk_"):
            return StripeProblem(401, None, "Invalid API Key provided.")
        if request.headers.get("stripe-version") != API_VERSION:
            return StripeProblem(400, None, "This sandbox speaks one API version.")
        if fault is Fault.FORBIDDEN:
            return StripeProblem(403, None, "The provided key does not have the required permissions.")
        if fault is Fault.MISSING:
            return missing("object", request.path)
        if fault is Fault.BUSY:
            return StripeProblem(429, "rate_limit", "Too many requests.")
        if fault is Fault.DOWN:
            return StripeProblem(503, None, "Service unavailable.", "api_error")
        return None

    def _executed(self, request: Request, call: Call, fault: Fault | None) -> tuple[int, Body, bool]:
        """Status, body, and whether they are kept for the key: what fails validation is not."""
        if fault is Fault.ERROR:
            return 500, StripeProblem(500, None, "An error occurred.", "api_error").body(), True
        if fault is Fault.LIMITED:
            return 429, StripeProblem(429, "rate_limit", "Too many requests.").body(), True
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                self.calls[handler.__name__] += 1
                try:
                    body = handler(call, *match.groups())
                except StripeProblem as problem:
                    return problem.status, self.hinted(problem).body(), problem.is_stored
                except KeyError as error:
                    name = str(error.args[0])
                    problem = StripeProblem(400, "parameter_missing", f"Missing required param: {name}.", param=name)
                    return problem.status, problem.body(), False
                if ignored := [*call.params.unread()]:  # type: ignore[attr-defined]
                    raise NotDone(f"{request.method} {request.path}: {', '.join(ignored)}")
                if fault is Fault.ERROR_AFTER:
                    return 500, StripeProblem(500, None, "An error occurred.", "api_error").body(), True
                return 200, body, True
        raise NotDone(f"{request.method} {request.path}")

    @staticmethod
    def _slot(call: Call) -> tuple[str, str] | None:
        if call.path != "/v1/billing/meter_events":
            return None
        return call.params["event_name"], call.params["payload"].get("stripe_customer_id", "")

    def _table(self) -> list[tuple[str, re.Pattern[str], Callable[..., Any]]]:
        from tests.sandbox.stripe.routes import routes

        return routes(self)

    def hinted(self, problem: StripeProblem) -> StripeProblem:
        """Stripe says so where the account's other mode has what this one lacks: here a live key asks for it."""
        other = self.other_mode
        if (
            problem.code == "resource_missing"
            and other
            and any(name in problem.message for name in other.catalogue.customers)
        ):
            problem.message += (
                "; a similar object exists in test mode, but a live mode key was used to make this request."
            )
        return problem

    def one(self, kind: str, rows: dict[str, Body], name: str) -> Body:
        if name not in rows:
            raise missing(kind, name)
        return rows[name]


def _pairs(request: Request) -> list[tuple[str, str]]:
    """As both versions of the API are asked: v1 sends forms; of v2 only reads are done here."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return request.query + parse_qsl(request.body.decode(), keep_blank_values=True)
    return request.query
