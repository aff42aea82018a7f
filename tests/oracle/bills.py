"""What the providers behind the calls charged: which call costs what, and what is left of each bill to whom.

A row of a bill is a row of the contract costs. Of a bill's details (source carrier_calls) each is charged to the
nearest call above it that a voice provider knows; a bill by day (models_bill) is shared by the calls declared to be on
it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.oracle.usage import CARRIERS_DETAILS, Cost, Pull, component_costs, current, is_carried, owner_of_call
from tests.oracle.worlds.book import Book, Coverage, in_force

Whose = tuple[str | None, str | None]  # tenant and agent; of nobody's both are None
Charged = tuple[Whose, date, Cost]
BILL_OF = {CARRIERS_DETAILS: "carrier_bill"} | {name: name for name in ("carrier_bill", "models_bill", "ears_bill")}
PROVIDER = {CARRIERS_DETAILS: "carrier", "carrier_bill": "carrier", "models_bill": "models", "ears_bill": "ears"}
SERVICES = {"model": "llm", "transport": "telephony"}


@dataclass(frozen=True)
class Spoken:
    """A call as bills know it. component is the one on another bill, with what the voice provider says of it.
    is_told: it was connected, or the voice provider names the component.
    """

    account: str
    usage_date: date
    call_id: str
    whose: Whose
    ref: str | None
    component: str
    quantity: int | None
    reported: Fraction | None
    is_told: bool
    by: Coverage | None = None

    @property
    def bill(self) -> tuple[str, str, date] | None:
        """The declared bill of its day."""
        if self.by is None or self.by.cost_source is None:
            return None
        return self.by.cost_source, (self.by.tenant_id or "") if self.by.is_own else "platform", self.usage_date


@dataclass(frozen=True)
class _Part:
    """A part of a bill: whose, of which service, how it is known, in which currency, and whether it names money."""

    whose: Whose
    service: str
    basis: str
    currency: str
    is_known: bool = True


def bill_costs(book: Book, pulls: Iterable[Pull]) -> list[Charged]:
    """What goes to calls on the calls' days, and what is left of bills on the bills' days."""
    known = current(pulls)
    read = {(pull.source, pull.account, pull.usage_date): pull for pull in known}
    calls = list(_spoken(book, known))
    charged: list[Charged] = []
    taken: dict[tuple[str, str, date], dict[_Part, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    touched: set[tuple[tuple[str, str, date], _Part]] = set()

    def take(place: tuple[str, str, date], part: _Part, amount: Fraction | None) -> None:
        touched.add((place, part))
        taken[place][part] += amount or 0

    for call, place, part, cost in _joined(book, known, calls):
        charged.append((call.whose, call.usage_date, cost))
        take(place, part, cost.amount)
    seen = {(call.account, call.usage_date, call.call_id) for call, *_ in _joined(book, known, calls)}
    charged += [
        (call.whose, call.usage_date, cost)
        for call in calls if call.by is None and (call.account, call.usage_date, call.call_id) not in seen
        for cost in _as_the_voice_says(call)
    ]  # fmt: skip
    for place in {call.bill for call in calls if call.bill}:
        on_it = [call for call in calls if call.bill == place]
        if place not in read:
            charged += [
                (call.whose, call.usage_date, _unknown(call.component, place[1])) for call in on_it
            ]  # fmt: skip
            continue
        for call, part, amount, is_known in _shared(book, read[place], on_it):
            basis = _basis_of_share(part, place[1], amount, is_known)
            charged.append(
                (call.whose, call.usage_date, Cost(call.component, basis, amount, part.currency if part else "USD"))
            )
            if part is not None and is_known:
                take(place, part, amount)
    for place, pull in read.items():
        if BILL_OF.get(pull.source) != pull.source:
            continue
        parts = _parts(book, pull)
        for part in {*parts, *taken[place]}:
            amount = parts.get(part, Fraction(0))
            left = None if amount is None else amount - taken[place][part]
            if (place, part) not in touched or left:
                charged.append((part.whose, place[2], Cost(part.service, part.basis, left, part.currency)))
    return charged


def _spoken(book: Book, pulls: Iterable[Pull]) -> Iterator[Spoken]:
    """Components of calls that are on another bill than the voice provider's."""
    pulls = list(pulls)
    carried = any(pull.source == CARRIERS_DETAILS for pull in pulls)
    for pull in (one for one in pulls if one.source == "vapi"):
        for call in pull.rows:
            whose = owner_of_call(book, pull, call)
            parts = component_costs(call)
            ref = (call.get("transport") or {}).get("callSid")
            connected = _is_connected(call)
            if carried and is_carried(call):
                charged, was_free, _ = parts.get("transport", (None, False, None))
                reported = None if was_free and pull.account == "platform" else charged
                is_told = connected or "transport" in parts
                yield Spoken(
                    pull.account, pull.usage_date, call["id"], whose, ref, "transport", 0, reported, is_told
                )  # fmt: skip
            for component in SERVICES:
                by = book.covered_on(component, whose, pull.account, pull.usage_date)
                if by is None or (component == "transport" and carried and is_carried(call)):
                    continue
                if connected or component in parts:
                    quantity = parts[component][2] if component in parts else None
                    yield Spoken(
                        pull.account, pull.usage_date, call["id"], whose, None, component, quantity, None, connected, by
                    )  # fmt: skip


def _is_connected(call: Mapping[str, Any]) -> bool:
    if call.get("status") not in {"ended", "not-found", "deletion-failed", None}:
        return False
    start, end = call.get("startedAt"), call.get("endedAt")
    return start is not None and end is not None and start <= end


def _as_the_voice_says(call: Spoken) -> Iterator[Cost]:
    """Of a call that its carrier does not know: a trunk of the voice provider's own, or nobody knows."""
    if call.account != "platform":
        if call.reported is not None or call.is_told:
            yield Cost(call.component, "billed_elsewhere", call.reported, "USD")
    elif call.reported is not None:
        yield Cost(call.component, "reported_by_voice", call.reported, "USD")
    elif call.is_told:
        yield Cost(call.component, "unknown", None, "USD")


def _unknown(component: str, account: str) -> Cost:
    return Cost(component, "unknown" if account == "platform" else "billed_elsewhere", None, "USD")


def _joined(
    book: Book, pulls: Iterable[Pull], calls: Iterable[Spoken]
) -> Iterator[tuple[Spoken, tuple[str, str, date], _Part, Cost]]:
    """Each detail with the call that it is charged to: itself, or the nearest above it, a day to either side."""
    of_ref: dict[str, list[Spoken]] = defaultdict(list)
    for call in sorted(calls, key=lambda one: (one.account, one.call_id)):
        if call.by is None and call.ref:
            of_ref[call.ref].append(call)
    details = [pull for pull in pulls if pull.source == CARRIERS_DETAILS]
    above: dict[tuple[str, str], list[tuple[date, str]]] = defaultdict(list)
    for pull in details:
        for row in pull.rows:
            if row["parent_ref"]:
                above[pull.account, row["call_ref"]].append((pull.usage_date, row["parent_ref"]))
    day_long = timedelta(days=1)
    for pull in details:
        place = (BILL_OF[pull.source], pull.account, pull.usage_date)
        for row in pull.rows:
            refs, found = [row["call_ref"], *filter(None, [row["parent_ref"]])], None
            while found is None and refs:
                ref = refs.pop(0)
                found = next((
                    call for call in of_ref[ref]
                    if abs(call.usage_date - pull.usage_date) <= day_long
                    and pull.account in ("platform", call.whose[0])
                ), None)  # fmt: skip
                if (not refs and ref == row["parent_ref"]) or (not refs and ref != row["call_ref"]):
                    refs += [
                        parent for day, parent in above[pull.account, ref] if abs(day - pull.usage_date) <= day_long
                    ]
            if found is None:
                continue
            amount, currency, is_estimated = _price(book, pull, row)
            basis = (
                "billed_elsewhere" if pull.account != "platform"
                else "unknown" if amount is None
                else "estimated" if is_estimated
                else "reported_by_provider"
            )  # fmt: skip
            of_bill = "reported_by_provider" if pull.account == "platform" else "billed_elsewhere"
            part = _Part(_whose_part(book, pull, row), row["service"], of_bill, currency)
            yield found, place, part, Cost(found.component, basis, amount, currency)


def _shared(
    book: Book, pull: Pull, calls: list[Spoken]
) -> Iterator[tuple[Spoken, _Part | None, Fraction | None, bool]]:
    """Calls with their share of each part of the bill, and whether the share is one; None: the bill has none of it.

    Credits alone charge nobody, and beyond the charges they are no call's; 0 is no answer where another bill has it.
    """
    parts = {
        part: None if amount is None else max(amount, Fraction(0)) for part, amount in _parts(book, pull).items()
        if amount is None or (_charges(book, pull, part) and (amount != 0 or not _is_on_another(book, pull, part)))
    }  # fmt: skip
    scoped = {
        one.tenant_id for one in book.attachments
        if one.kind == "models_project" and one.tenant_id
        and book.attached_on(one.kind, one.value, pull.usage_date) == one
    } if pull.account == "platform" and pull.source == "models_bill" else set()  # fmt: skip
    has_part: set[str] = set()
    for part, amount in parts.items():
        tenant_id, agent_id = part.whose
        takers = [
            call for call in calls
            if SERVICES[call.component] == part.service
            and (
                call.whose[0] == tenant_id if tenant_id is not None
                else call.whose[0] is None or call.whose[0] not in scoped
            )
            and agent_id in (None, call.whose[1])
        ]  # fmt: skip
        whole = sum(call.quantity or 0 for call in takers)
        for call in takers:
            has_part.add(call.account + call.call_id + call.component)
            if not whole and tenant_id is not None:
                continue
            if amount == 0:
                yield call, part, Fraction(0), True
            elif not whole or call.quantity is None:
                yield call, part, None, False
            elif call.quantity == 0:
                yield call, part, Fraction(0), True
            else:
                yield call, part, None if amount is None else amount * call.quantity / whole, True
    for call in calls:
        if call.account + call.call_id + call.component not in has_part:
            yield call, None, Fraction(0) if call.quantity == 0 else None, True


def _charges(book: Book, pull: Pull, part: _Part) -> bool:
    """Whether a line of the part is no credit."""
    return any(
        _part_of(book, pull, row) == part and (_price(book, pull, row)[0] or 0) >= 0
        for row in pull.rows if row["payer"] == "provider_account"
    )  # fmt: skip


def _is_on_another(book: Book, pull: Pull, part: _Part) -> bool:
    """Whether the same is said to have cost something on another bill."""
    return any(
        row["service"] == part.service and _whose_part(book, pull, row) == part.whose and _price(book, pull, row)[0]
        for row in pull.rows if row["payer"] == "external"
    )  # fmt: skip


def _basis_of_share(part: _Part | None, account: str, amount: Fraction | None, is_known: bool) -> str:
    if account != "platform":
        return "billed_elsewhere"
    if amount is None or not is_known:
        return "unknown"
    return "estimated" if part is not None and part.basis == "estimated" else "allocated"


def _parts(book: Book, pull: Pull) -> dict[_Part, Fraction | None]:
    """The lines of a bill by whose they are, and how they are known."""
    parts: dict[_Part, Fraction | None] = {}
    for row in pull.rows:
        if row["payer"] != "provider_account":
            continue
        amount, part = _price(book, pull, row)[0], _part_of(book, pull, row)
        parts[part] = None if amount is None else (parts.get(part) or Fraction(0)) + amount
    return parts


def _part_of(book: Book, pull: Pull, row: Mapping[str, Any]) -> _Part:
    amount, currency, is_estimated = _price(book, pull, row)
    basis = (
        "billed_elsewhere" if pull.account != "platform"
        else "unknown" if amount is None
        else "estimated" if is_estimated
        else "reported_by_provider"
    )  # fmt: skip
    return _Part(_whose_part(book, pull, row), row["service"], basis, currency, amount is not None)


def _price(book: Book, pull: Pull, row: Mapping[str, Any]) -> tuple[Fraction | None, str, bool]:
    """What a row costs, in which currency, and whether that is an estimate by the cost of a unit."""
    if row["amount"] is not None:
        return Fraction(row["amount"]), row["currency"], False
    units = [
        one for one in book.provider_unit_costs
        if (one.provider, one.unit) == (PROVIDER[pull.source], row.get("quantity_unit"))
    ]  # fmt: skip
    found = in_force(units, pull.usage_date)
    if row.get("quantity") == 0 and not row.get("is_pending"):
        return Fraction(0), found.currency if found else "USD", True
    if found is None or row.get("quantity") is None:
        return None, found.currency if found else "USD", False
    return Fraction(row["quantity"]) * Fraction(found.unit_cost), found.currency, True


def _whose_part(book: Book, pull: Pull, row: Mapping[str, Any]) -> Whose:
    attached = book.attached_on(row["scope_kind"], row["scope_ref"], pull.usage_date) if row.get("scope_kind") else None
    if pull.account == "platform":
        return (attached.tenant_id, attached.agent_id) if attached else (None, None)
    return pull.account, attached.agent_id if attached and attached.tenant_id == pull.account else None
