"""From raw answers to usage: whose it is, how many units, and why what is not billed is not.

A row of a Vapi pull is a call as Vapi answers it. A row of a Voiceflow pull has project_id, metric, type and quantity;
one of a usage metrics pull has agent_id, metric_type, quantity and cost_usd.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any

from tests.oracle.money import started
from tests.oracle.periods import after_closing, period_of
from tests.oracle.worlds.book import Book, Meter, Tenant

NO_LONGER_RUNNING = {"ended", "not-found", "deletion-failed"}
LIVE_TYPES = {"dialog-management"}
PROTOTYPE_TYPES = {"canvas-prototype"}
CARRIERS_DETAILS = "carrier_calls"
Held = tuple[str, date, str, str]  # account, day, agent and metric type


@dataclass(frozen=True)
class Pull:
    """One published answer: an account's (a tenant's own, or "platform") of a source for a UTC day."""

    source: str
    account: str
    usage_date: date
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Cost:
    """component by component; basis: reported_by_voice, reported_by_provider, estimated, billed_elsewhere, allocated or
    unknown. amount is in currency; None where nobody knows it."""

    component: str
    basis: str
    amount: Fraction | None
    currency: str


@dataclass(frozen=True)
class Used:
    """One call or row. reason is None where it is billed; quantity is in item's units: a meter's,
    what was told, or calls where no meter counts them."""

    tenant_id: str | None
    agent_id: str | None
    usage_date: date
    source: str
    item: str
    quantity: int
    reason: str | None
    costs: tuple[Cost, ...] = ()
    is_incomplete: bool = False


def current(pulls: Iterable[Pull]) -> list[Pull]:
    """The latest answer of each account and day wins, an empty one too. pulls come in order of publication."""
    return list({(pull.source, pull.account, pull.usage_date): pull for pull in pulls}.values())


def usage(book: Book, pulls: Iterable[Pull]) -> list[Used]:
    known = current(pulls)
    held = {
        (pull.account, pull.usage_date, row["agent_id"], row["metric_type"])
        for pull in known if pull.source == "usage_metrics" for row in pull.rows
    }  # fmt: skip
    carried = any(pull.source == CARRIERS_DETAILS for pull in known)
    read = {
        "vapi": partial(_calls, carried), "voiceflow": _interactions, "usage_metrics": partial(_metrics, held),
    }  # fmt: skip
    return [used for pull in known if pull.source in read for used in read[pull.source](book, pull)]


def voice_units(meter: Meter, duration: timedelta) -> int:
    """Started increments of a connected call's duration, which is at least the meter's minimum unless it is zero."""
    assert meter.increment_seconds is not None
    second = timedelta(seconds=1) // timedelta(microseconds=1)
    length = duration // timedelta(microseconds=1)
    if length == 0:
        return 0
    return started(max(length, (meter.minimum_seconds or 0) * second), meter.increment_seconds * second)


def is_running(call: Mapping[str, Any]) -> bool:
    """A call in progress makes its day incomplete. A scheduled one holds nothing."""
    status = call.get("status")
    if status is None:
        return call.get("endedAt") is None
    return status not in NO_LONGER_RUNNING and status != "scheduled"


def _duration(call: Mapping[str, Any]) -> timedelta | None:
    """None where it never connected."""
    if call.get("startedAt") is None or call.get("endedAt") is None or call.get("status") == "scheduled":
        return None
    return datetime.fromisoformat(call["endedAt"]) - datetime.fromisoformat(call["startedAt"])


def _calls(carried: bool, book: Book, pull: Pull) -> Iterator[Used]:
    for call in pull.rows:
        tenant_id, agent_id = owner_of_call(book, pull, call)
        tenant = book.tenant.get(tenant_id) if tenant_id else None
        meter = _voice_meter(book, tenant, pull.usage_date) if tenant else None
        running = is_running(call)
        duration = None if running else _duration(call)
        is_error = duration is not None and duration < timedelta(0)
        quantity = voice_units(meter, duration) if meter and duration and not is_error else 0
        reason = (
            "unattributed" if tenant is None
            else "error" if is_error
            else _unbilled_day(tenant, pull.usage_date)
            or ("no meter" if meter is None and duration else None)
        )  # fmt: skip
        connected = duration is not None and not is_error
        costs = _call_costs(call, duration if connected and duration else timedelta(0))
        declared = {
            component for component in ("model", "transport")
            if book.covered_on(component, (tenant_id, agent_id), pull.account, pull.usage_date)
        }  # fmt: skip
        covered = declared | ({"transport"} if carried and is_carried(call) else set())
        # An estimate is of the whole call: what is beside a part on another bill has a unit cost of its own, or none.
        if covered and connected and call.get("cost") is None and not component_costs(call):
            rest = _rest(book, meter.meter_id if meter and tenant else None, pull.usage_date, quantity)
            costs = () if pull.account != "platform" else (rest,)
        elif not costs and connected and tenant is not None:
            unknown = (Cost("call", "unknown", None, "USD"),)
            costs = _estimate(book, meter.meter_id, pull.usage_date, quantity) if meter else unknown
        if pull.account != "platform":
            reported = _call_costs(call, timedelta(0), is_own=True)
            costs = tuple(Cost(c.component, "billed_elsewhere", c.amount, c.currency) for c in reported or costs)
        costs = tuple(cost for cost in costs if cost.component not in covered)
        item = meter.meter_id if meter else "call"
        if reason in {"error", "unattributed"} or (meter is None and duration):
            item, quantity = "call", 1
        yield Used(tenant_id, agent_id, pull.usage_date, "vapi", item, quantity, reason, costs, running)


def is_carried(call: Mapping[str, Any]) -> bool:
    """Whether somebody carried it whose bill is read call by call, once that is read at all."""
    transport = call.get("transport") or {}
    return transport.get("provider") == "carrier" and bool(transport.get("callSid"))


def component_costs(call: Mapping[str, Any]) -> dict[str, tuple[Fraction | None, bool, int | None]]:
    """By component: what the voice provider says it cost, whether some was used for nothing, and how many tokens
    or seconds, or None."""
    found: dict[str, tuple[Fraction | None, bool, int | None]] = {}
    for item in call.get("costs") or []:
        cost, is_used, tokens = found.get(item["type"], (Fraction(0), False, None))
        charged = Fraction(Decimal(str(item["cost"])))
        used = any(item.get(name) for name in ("minutes", "characters", "promptTokens", "completionTokens"))
        counted = [item[name] for name in ("promptTokens", "completionTokens") if name in item]
        counted = counted or [60 * int(item["minutes"]) for _ in range("minutes" in item)]
        found[item["type"]] = (
            (cost or Fraction(0)) + charged,
            is_used or (used and charged == 0),
            (tokens or 0) + sum(counted) if counted else tokens,
        )
    return found


def owner_of_call(book: Book, pull: Pull, call: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The tenant and the agent, as of the call's day; of an account of its own, the tenant whatever the number says."""
    number = book.attached_on("vapi_phone_number", call.get("phoneNumberId"), pull.usage_date)
    assistant = book.attached_on("vapi_assistant", call.get("assistantId"), pull.usage_date)
    if pull.account == "platform":
        found = number or assistant
        return (found.tenant_id, found.agent_id) if found else (None, None)
    for found in (number, assistant):
        if found is not None and found.tenant_id == pull.account:
            return pull.account, found.agent_id
    return pull.account, None


def _voice_meter(book: Book, tenant: Tenant, day: date) -> Meter | None:
    period = period_of(tenant, day) or after_closing(tenant, day)
    if period is None:
        return None
    terms = book.terms_on(tenant.plan_on(period.first_billed_day), period.first_billed_day)
    return book.meter[terms.voice_meter_id] if terms and terms.voice_meter_id else None


def _call_costs(call: Mapping[str, Any], duration: timedelta, *, is_own: bool = False) -> tuple[Cost, ...]:
    """What costs 0 though something was used is not known, nor is what lies between a call's cost and its parts; in a
    tenant's own account all that is told is its own affair.
    """
    items, total = call.get("costs") or [], call.get("cost")
    total = None if total is None else Fraction(Decimal(str(total)))
    if not items:
        if total is None:
            return ()
        is_known = is_own or total != 0 or not duration
        return (Cost("total", "reported_by_voice" if is_known else "unknown", total if is_known else None, "USD"),)
    sums: dict[str, Fraction | None] = {}
    of_parts = Fraction(0)
    for item in items:
        cost = Fraction(Decimal(str(item["cost"])))
        of_parts += cost
        so_far = sums.get(item["type"], Fraction(0))
        is_used = any(item.get(name) for name in ("minutes", "characters", "promptTokens", "completionTokens"))
        sums[item["type"]] = None if so_far is None or (not is_own and is_used and cost == 0) else so_far + cost
    if not is_own and total is not None and abs(total - of_parts) > Fraction(1, 10_000):
        sums["difference"] = None
    return tuple(
        Cost(kind, "unknown" if amount is None else "reported_by_voice", amount, "USD") for kind, amount in sums.items()
    )


def _interactions(book: Book, pull: Pull) -> Iterator[Used]:
    meter = next((one for one in book.meters if one.source == "voiceflow"), None)
    for row in pull.rows:
        if row["metric"] != "interactions":
            continue
        tenant = book.tenant[pull.account]
        project = book.project_on(row["project_id"], pull.usage_date)
        kind = row["type"]
        prototype = kind in PROTOTYPE_TYPES or (project is not None and project.environment != "production")
        reason = (
            "prototype" if prototype
            else "unknown type" if kind not in LIVE_TYPES
            else _unbilled_day(tenant, pull.usage_date) or ("no meter" if meter is None else None)
        )  # fmt: skip
        is_counted = meter is not None and not prototype and kind in LIVE_TYPES
        costs = _estimate(book, meter.meter_id, pull.usage_date, row["quantity"]) if is_counted and meter else ()
        item = meter.meter_id if is_counted and meter else kind
        agent_id = project.agent_id if project else None
        yield Used(
            tenant.tenant_id, agent_id, pull.usage_date, "voiceflow", item, row["quantity"], reason, costs
        )  # fmt: skip


def _metrics(held: Set[Held], book: Book, pull: Pull) -> Iterator[Used]:
    """Of an agent that has moved, the rows in the former tenant's pull are nobody's until the new one's own pull holds
    that agent's."""
    for row in pull.rows:
        attached = book.attached_on("usage_agent", row["agent_id"], pull.usage_date)
        if attached and attached.tenant_id and attached.tenant_id != pull.account:
            if (attached.tenant_id, pull.usage_date, row["agent_id"], row["metric_type"]) in held:
                continue
            attached = None
        tenant = book.tenant.get(attached.tenant_id) if attached and attached.tenant_id else None
        meter = next((one for one in book.meters if one.item == row["metric_type"]), None)
        reason = (
            "unattributed" if tenant is None
            else _unbilled_day(tenant, pull.usage_date) or ("no meter" if meter is None else None)
        )  # fmt: skip
        if row["cost_usd"] is not None:
            costs: tuple[Cost, ...] = (
                Cost(row["metric_type"], "reported_by_provider", Fraction(row["cost_usd"]), "USD"),
            )
        else:
            costs = _estimate(book, meter.meter_id, pull.usage_date, row["quantity"]) if meter else ()
        yield Used(
            tenant.tenant_id if tenant else None,
            attached.agent_id if attached else None,
            pull.usage_date,
            "usage_metrics",
            meter.meter_id if meter else row["metric_type"],
            row["quantity"],
            reason,
            costs,
        )


def _unbilled_day(tenant: Tenant, day: date) -> str | None:
    status = tenant.status_on(day)
    if status == "active":
        return None
    return "paused" if status == "paused" and tenant.is_billed_on(day) else "outside active dates"


def _rest(book: Book, meter_id: str | None, day: date, quantity: int) -> Cost:
    found = book.unit_cost_on(meter_id, day, is_rest=True) if meter_id else None
    if found is None:
        return Cost("call", "unknown", None, "USD")
    return Cost("call", "estimated", quantity * Fraction(found.unit_cost), found.currency)


def _estimate(book: Book, meter_id: str, day: date, quantity: int) -> tuple[Cost, ...]:
    """Unit cost in force that day × quantity, unknown where there is none; nothing where nothing was used."""
    found = book.unit_cost_on(meter_id, day)
    if quantity == 0:
        return ()
    if found is None:
        return (Cost(meter_id, "unknown", None, "USD"),)
    return (Cost(meter_id, "estimated", quantity * Fraction(found.unit_cost), found.currency),)
