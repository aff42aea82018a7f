"""POST /v1/events, and what became of one event: GET /v1/events/{source}/{id}."""

import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from anyio import to_thread
from psycopg import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.intake.admission import Admission, Admitted, NotKnown
from orchestration.intake.answers import Problem, answered, problem, show_away, show_problem
from orchestration.intake.contract import Bad, examined
from orchestration.intake.keeping import Keeper, Outcomes
from orchestration.intake.limits import Limits
from orchestration.operations import tracing
from orchestration.operations.counters import EVENTS
from orchestration.web.server.readers import Readers
from sources.registry import all_sources
from sources.source import Account
from warehouse import clock
from warehouse.database.errors import WarehouseError
from warehouse.intake import events as stored
from warehouse.intake.events import Event, Refusal
from warehouse.words import counted

MOST_EVENTS = 1_000
SMALL_BODY_BYTES = 8 * 1024
ONE, BATCH, EITHER = "application/cloudevents+json", "application/cloudevents-batch+json", "application/json"
NOT_STORED = "urn:minutebook:problem:events-not-stored"
Done = TypeVar("Done")
# Texts as a whole, so that nothing within them counts; a quote by itself begins one that does not end.
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"|["\[\]{},]', re.DOTALL)
_LIST = msgspec.json.Decoder(list[msgspec.Raw]).decode
_WHY = {
    "id_conflict": "an event of this source and id was taken with other content: send it under another id",
    "replaces_unknown": "there is no event of this source with the id that it replaces",
}


@dataclass
class _Pushed:
    """What a request holds: events by tenant, each with its place, and what of them is refused or known."""

    events: dict[str, list[tuple[int, Event]]] = field(default_factory=lambda: defaultdict(list))
    refused: list[tuple[int, str | None, Bad]] = field(default_factory=list)
    duplicates: int = 0
    rates: dict[str, int | None] = field(default_factory=dict)
    """By tenant, the events a minute of its plan."""


class Events:
    """The endpoints. now: the clock of usage; limits: what a tenant may push."""

    def __init__(self, readers: Readers, limits: Limits, now: Callable[[], datetime] = clock.now) -> None:
        self._readers = readers
        self._limits = limits
        self._now = now
        self._admission = Admission(readers.intake)
        self._keeper = Keeper(self._store, at_once=4)
        (self._arrivals_of,) = (one.name for one in all_sources().values() if one.account is Account.PUSHED)

    async def push(self, request: Request) -> Response:
        """Take one event or a batch; 202 once all of it is committed, or was before."""
        return await self._within_limits(request, self._pushed)

    async def follow(self, request: Request) -> Response:
        """What became of an event of the key's tenant: stored, read into which pull, replaced, or refused and why."""
        return await self._within_limits(request, self._followed)

    async def _within_limits(
        self, request: Request, answer: Callable[[Request, Admitted], Awaitable[Response]]
    ) -> Response:
        """The answer to who is admitted; whatever it is, it says what the tenant may still push."""
        admitted = await _soon(self._admission.admit, request, self._now())
        tracing.tell(tenant=admitted.tenant_id)
        try:
            self._limits.begin(admitted.counted_as)
            response = await answer(request, admitted)
        except HTTPException as refused:
            response = show_problem(request, refused)
        except (WarehouseError, OperationalError) as away:
            response = show_away(request, away)
        response.headers.update(self._limits.headers(admitted.counted_as, admitted.events_per_minute))
        return response

    async def _pushed(self, request: Request, admitted: Admitted) -> Response:
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind not in (ONE, BATCH, EITHER):
            raise Problem(415, f"Send {ONE}, {BATCH} or {EITHER}.")
        if admitted.tenant_id is not None:
            self._limits.require_events(admitted.tenant_id, admitted.events_per_minute)
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Problem(415, "Send the body as it is, without a Content-Encoding.", {"Accept-Encoding": "identity"})
        with self._limits.room(admitted.counted_as) as body:
            async for part in request.stream():
                self._limits.grow(admitted.counted_as, body, part)
            examine = _soon if len(body) <= SMALL_BODY_BYTES else to_thread.run_sync
            pushed = await examine(self._examined, bytes(body), kind, admitted)
        for tenant_id, a_minute in pushed.rates.items():
            self._limits.require_events(tenant_id, a_minute)
        accepted = 0
        for tenant_id, events in pushed.events.items():
            outcomes = await self._keeper.keep(tenant_id, [event for _, event in events])
            accepted += len(events) - len(outcomes)
            self._note(pushed, tenant_id, events, outcomes)
            self._limits.spend(tenant_id, pushed.rates[tenant_id], len(events) - len(outcomes))
        if pushed.refused:
            await to_thread.run_sync(self._refuse, pushed)
            for tenant_id, count in Counter(of for _, of, _ in pushed.refused if of is not None).items():
                a_minute = pushed.rates.get(tenant_id, admitted.events_per_minute)
                self._limits.spend(tenant_id, a_minute, count)
        EVENTS.labels("accepted").inc(accepted)
        EVENTS.labels("duplicate").inc(pushed.duplicates)
        EVENTS.labels("refused").inc(len(pushed.refused))
        counts = {"accepted": accepted, "duplicates": pushed.duplicates}
        if not pushed.refused:
            return answered(202, counts)
        count = len(pushed.refused)
        said = f"{count} of {counted(count + accepted + pushed.duplicates, 'event')} not stored; all others are."
        rejected = [
            {"index": place, "id": bad.id, "source": bad.source, "code": bad.code, "detail": bad.detail}
            for place, _, bad in sorted(pushed.refused, key=lambda one: one[0])
        ]
        return problem(said, 422, kind=NOT_STORED, members={**counts, "rejected": rejected})

    async def _followed(self, request: Request, admitted: Admitted) -> Response:
        source, event_id = _named(request)
        tenant_id = await to_thread.run_sync(self._tenant, admitted, request.query_params.get("tenant"))
        found = await to_thread.run_sync(self._found, tenant_id, source, event_id)
        if found is None:
            raise Problem(404, "No event of that source and id was pushed.")
        return answered(200, {"source": source, "id": event_id, **found})

    def _examined(self, body: bytes, kind: str, admitted: Admitted, *, may_ask: bool = True) -> _Pushed:
        now = self._now()
        owner_of = partial(self._admission.owner_of, admitted, now, may_ask=may_ask)
        pushed = _Pushed()
        seen: dict[tuple[str, str, str], bytes] = {}
        for place, raw in enumerate(_listed(body, kind)):
            found = examined(bytes(raw), now, owner_of, is_backfill=admitted.is_backfill)
            if isinstance(found, Bad):
                pushed.refused.append((place, admitted.tenant_id, found))
                continue
            tenant_id, event = found
            identity = (tenant_id, event.source, event.event_id)
            if identity not in seen:
                seen[identity] = event.content_hash
                pushed.events[tenant_id].append((place, event))
            elif seen[identity] == event.content_hash:
                pushed.duplicates += 1
            else:
                pushed.refused.append((place, tenant_id, _bad("id_conflict", event)))
        pushed.rates = {
            tenant_id: self._admission.events_per_minute(tenant_id, may_ask=may_ask) for tenant_id in pushed.events
        }
        return pushed

    def _note(self, pushed: _Pushed, tenant_id: str, events: Sequence[tuple[int, Event]], outcomes: Outcomes) -> None:
        for at, outcome in outcomes.items():
            place, event = events[at]
            if outcome == "duplicate":
                pushed.duplicates += 1
            else:
                pushed.refused.append((place, tenant_id, _bad(outcome, event)))

    def _store(self, tenant_id: str, events: Sequence[Event]) -> Outcomes:
        with self._readers.intake(tenant_id) as connection:
            return stored.take(connection, self._arrivals_of, events)

    def _refuse(self, pushed: _Pushed) -> None:
        """Remember refusals of events that can be asked after."""
        of_tenants: dict[str, list[Refusal]] = defaultdict(list)
        for _, tenant_id, bad in pushed.refused:
            if tenant_id is not None and bad.id and bad.source:
                of_tenants[tenant_id].append(Refusal(bad.source, bad.id, bad.code, bad.detail))
        for tenant_id, refusals in of_tenants.items():
            with self._readers.intake(tenant_id) as connection:
                stored.refuse(connection, refusals)

    def _tenant(self, admitted: Admitted, named: str | None) -> str:
        try:
            return self._admission.tenant_of(admitted, named, self._now())
        except LookupError as error:
            raise Problem(403, f"Whose event: {error.args[0]}.") from None

    def _found(self, tenant_id: str, source: str, event_id: str) -> dict[str, Any] | None:
        with self._readers.tenant(tenant_id) as reader:
            taken = stored.follow(reader, tenant_id, source, event_id)
            if taken is None:
                refusal = stored.refusal(reader, tenant_id, source, event_id)
                return None if refusal is None else {"state": "refused", **refusal}
            pull = stored.pull_of_day(reader, self._arrivals_of, tenant_id, taken["usage_date"])
        found = {**taken, "pull": pull, "line": None}
        if taken["replaced_by"]:
            return {"state": "replaced", **found}
        if pull is None or pull["pull_id"] is None:
            return {"state": "stored", **found}
        with self._readers.intake(tenant_id) as connection:
            is_read, origin = stored.read_as(connection, self._arrivals_of, pull["pull_id"], source, event_id)
        if origin is not None:
            found["line"] = self._line(tenant_id, source, event_id, taken["usage_date"], origin)
        return {"state": "read" if is_read else "stored", **found}

    def _line(self, tenant_id: str, source: str, event_id: str, usage_date: date, origin: str) -> str | None:
        """The statement line that an event is on: of its own period, or the adjustment that came later."""
        with self._readers.tenant(tenant_id) as reader:
            line_id = stored.overage_line(reader, self._arrivals_of, tenant_id, usage_date, origin)
            if line_id is None:
                return None
            adjustment = stored.adjustment(reader, tenant_id, line_id)
        with self._readers.intake(tenant_id) as connection:
            frozen = stored.frozen_line(connection, self._arrivals_of, source, event_id, line_id)
        return frozen or adjustment or line_id


async def _soon(work: Callable[..., Done], *arguments: Any) -> Done:
    """Done at once where it need not ask the database, else in a thread: a thread costs more than a single event."""
    try:
        return work(*arguments, may_ask=False)
    except NotKnown:
        return await to_thread.run_sync(work, *arguments)


def _listed(body: bytes, kind: str) -> Sequence[msgspec.Raw]:
    """The events of a body. Raises Problem: 400 for what is neither an event nor a batch, 413 for too many."""
    begin = body.lstrip(b" \t\r\n")[:1]
    if begin == b"{" and kind in (ONE, EITHER):
        try:
            msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Problem(400, "The body is no JSON.") from None
        return [msgspec.Raw(body)]
    if begin != b"[" or kind not in (BATCH, EITHER):
        wanted = {ONE: "an object", BATCH: "an array", EITHER: "an object or an array"}[kind]
        raise Problem(400, f"The body is not {wanted}.")
    try:
        events = _LIST(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        events = _apart(body)
    if not events:
        raise Problem(400, "The batch is empty.")
    if len(events) > MOST_EVENTS:
        raise Problem(413, f"At most {MOST_EVENTS} events are taken at once.")
    return events


def _apart(body: bytes) -> list[msgspec.Raw]:
    """The items of an array of which one at least cannot be read, such as a text cut within a character: that one is
    refused by itself, and no other with it. Raises Problem 400 where the body is no array from its first byte to its
    last.
    """
    found, depth, begin = [], 0, 0
    whole = body.strip(b" \t\r\n")
    for part in _STRUCTURE.finditer(whole):
        mark = part[0]
        if mark in b"[{":
            depth += 1
            begin = begin or part.end()
        elif mark in b"]}":
            depth -= 1
        if (depth == 1 and mark == b",") or (depth == 0 and part.end() == len(whole) and mark == b"]"):
            found.append(msgspec.Raw(whole[begin : part.start()].strip(b" \t\r\n")))
            begin = part.end()
        if depth == 0 or len(found) > MOST_EVENTS or mark == b'"':
            break
    if depth != 0 or begin != len(whole):
        if len(found) > MOST_EVENTS:
            raise Problem(413, f"At most {MOST_EVENTS} events are taken at once.")
        raise Problem(400, "The body is no JSON.")
    return found


def _bad(outcome: str, event: Event) -> Bad:
    return Bad(outcome, _WHY[outcome], event.event_id, event.source)


def _named(request: Request) -> tuple[str, str]:
    """Source and id of the address, each encoded as one part of the path: a source may hold slashes."""
    parts = request.scope["raw_path"].split(b"?")[0].split(b"/v1/events/", 1)[-1].split(b"/")
    try:
        names = [unquote_to_bytes(part).decode() for part in parts]
    except UnicodeDecodeError:
        names = []
    if len(names) != 2 or not all(0 < len(name) <= 256 for name in names):
        raise Problem(404, "Ask for /v1/events/{source}/{id}, each percent-encoded as one part.")
    return names[0], names[1]
