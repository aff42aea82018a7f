"""How an amount and a unit came about, in the words and numbers that a reader can check by hand."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from orchestration.plain import plain
from orchestration.reports.content import Line
from orchestration.reports.formats import money, quantity
from warehouse.words import counted, units

_inputs = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_STORED = {
    "kept": "stored as the provider sends it",
    "redacted": "stored with what is personal taken out",
    "never": "never stored",
}
_JUDGED = {
    "no rubric": "evaluated, and no rubric of its assistant says what that means",
    "not readable": "evaluated in words that are none of its rubric",
    "not stored": "nothing is stored that could say",
    "not connected": "it never connected",
}
_UNKNOWN = {
    "no_number": "the provider gives no number",
    "billed_as_0": "the provider reports 0 although something was used: it is on another bill",
    "totals_differ": "the provider’s total is not the sum of its parts",
    "not_on_a_bill_yet": "on another provider’s bill, which has not been read yet",
    "estimated_by_the_day": "estimated for the day as a whole, not for each call",
    "not_on_bill": "no line of a bill that was read says it",
    "pending": "the provider has not rated it yet",
    "no_quantity": "nothing reported to share the bill by",
    "no_money": "the provider names a quantity without an amount",
}


def title(of: Line, meters: Mapping[str, str]) -> str:
    """What a line is for, such as "Call minutes beyond what is included". meters: their names by id."""
    meter = meters.get(of.meter_id or "", (of.meter_id or "").replace("_", " "))
    if of.line_kind == "adjustment":
        return f"Correction of {of.service_period_start:%B %Y}: {_kind(_corrected(of), meter)}"
    return _kind(of.line_kind, meter) + (f": {of.reason}" if of.reason else "")


def line(of: Line) -> str:
    """What a statement's line was computed from, such as "896 used, 600 included, 296 × 0.12 = 35.52"; empty for a fee.

    Numbers are the line's own inputs, so a frozen line reads as it was approved.
    """
    inputs: dict[str, Any] = _inputs.decode(of.inputs)
    kinds = {"overage": _overage, "subscription": _subscription, "minimum": _minimum, "adjustment": _adjustment}
    if of.line_kind not in kinds:
        return ""
    try:
        return kinds[of.line_kind](of, inputs)
    except KeyError:  # of a line that says less of itself than ours do
        return ""


def rounding(seconds: Decimal, units: Decimal, meter: Mapping[str, Any]) -> str:
    """How connected seconds become units of a meter of time: "61 s: 2 × 60 s begun"."""
    minimum = meter["minimum_seconds"]
    least = f", at least {minimum} s a call" if minimum and seconds < minimum else ""
    return f"{_number(seconds)} s: {quantity(units)} × {meter['increment_seconds']} s begun{least}"


def unknown(reason: str | None) -> str:
    """Why a cost is not known."""
    return _UNKNOWN.get(reason or "", (reason or "unknown").replace("_", " "))


def stored(choice: str) -> str:
    """What a tenant's choice for one kind of personal data means for a call."""
    return _STORED[choice]


def judged(state: str) -> str:
    """Whether a call succeeded, or why that is not known."""
    return _JUDGED.get(state, state)


def output(value: Any) -> str:
    """A structured output of a call as a person reads it, numbers digit for digit."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "yes", False: "no"}[value]
    if isinstance(value, dict):
        return "; ".join(f"{name.replace('_', ' ')}: {output(one)}" for name, one in value.items()) or "nothing"
    if isinstance(value, list):
        return ", ".join(output(one) for one in value) or "nothing"
    return _encoder.encode(value).decode()


def totals(text: str | None) -> str:
    """What a pull's rows sum up to, from its JSON: "3 calls, 183.5 seconds"."""
    found: Mapping[str, Any] = _inputs.decode(text) if text else {}
    return ", ".join(f"{plain(value)} {name.replace('_', ' ')}" for name, value in found.items())


def units_of_call(text: str | None, meters: Mapping[str, str]) -> str:
    """What a call counts as, from its JSON of units by meter: "3 Call minutes"."""
    found: Mapping[str, Any] = _inputs.decode(text) if text else {}
    return ", ".join(f"{_number(value)} {meters.get(meter, meter.replace('_', ' '))}" for meter, value in found.items())


def costs_of_call(text: str | None) -> str:
    """What a call cost by component, from its JSON: "model 0.0123, voice 0.02"."""
    found: Mapping[str, Any] = _inputs.decode(text) if text else {}
    return ", ".join(f"{name.replace('_', ' ')} {plain(_decimal(cost))}" for name, cost in found.items())


def call_in_a_day(of_call: Decimal, of_day: Decimal, unit: str, over: Decimal, amount: str, day: date) -> str:
    """What a call's units are of its day's on an overage line."""
    return (
        f"{quantity(of_call)} of the {quantity(of_day)} {units(unit, of_day)} of {day.day} {day:%b %Y}; "
        f"{quantity(over)} of that day’s are over what is included, for {amount}"
    )


def _kind(kind: str, meter: str) -> str:
    names = {
        "setup": "Set-up",
        "subscription": "Subscription",
        "overage": f"{meter[:1].upper()}{meter[1:]} beyond what is included",
        "minimum": "Rest of the minimum",
        "credit": "Credit",
    }
    return names.get(kind, kind)


def _corrected(of: Line) -> str:
    """The kind of the line that an adjustment corrects: the third part of its id."""
    parts = (of.corrects_line_id or "").split("/")
    return parts[2] if len(parts) > 2 else "overage" if of.meter_id else "subscription"


def _overage(of: Line, inputs: Mapping[str, Any]) -> str:
    unit = f" {units(of.unit or '', _decimal(inputs['quantity']))}".rstrip()
    used = f"{_number(inputs['quantity'])}{unit} used, {_number(inputs['allowance'])} included, "
    return used + _sum(of, [_tier(tier, inputs["model"]) for tier in inputs["tiers"]])


def _tier(tier: Mapping[str, Any], model: str) -> str:
    of = f" packages of {_number(tier['package_size'])}" if model == "package" else ""
    return f"{_number(tier['quantity'])}{of} × {plain(_decimal(tier['unit_amount']))}"


def _sum(of: Line, parts: Sequence[str]) -> str:
    exact = of.unrounded_amount
    is_rounded = exact != of.amount
    amount = plain(exact.normalize()) if is_rounded else money(of.amount, of.currency)
    rounded = f", rounded {money(of.amount, of.currency)}" if is_rounded else ""
    return f"{' + '.join(parts)} = {amount}{rounded}"


def _subscription(of: Line, inputs: Mapping[str, Any]) -> str:
    billed, days = inputs["billed_days"], inputs["period_days"]
    if billed == days:
        return ""
    fee = money(_decimal(inputs["subscription_fee"]), of.currency)
    return _sum(of, [f"{fee} × {_number(billed)} of {counted(_decimal(days), 'day')}"])


def _minimum(of: Line, inputs: Mapping[str, Any]) -> str:
    least = money(_decimal(inputs["minimum_amount"]), of.currency)
    billed = money(_decimal(inputs["subscription_and_overage"]), of.currency)
    days = f" for {_number(inputs['billed_days'])} of {counted(_decimal(inputs['period_days']), 'day')}"
    part = days if inputs["billed_days"] != inputs["period_days"] else ""
    return f"at least {least} a period{part}, {billed} billed without it"


def _adjustment(of: Line, inputs: Mapping[str, Any]) -> str:
    rated, frozen, adjusted = (_decimal(inputs[f"{name}_amount"]) for name in ("rated", "frozen", "adjusted"))
    return f"{plain(rated)} rated now, {plain(frozen + adjusted)} billed before"


def _decimal(value: Any) -> Decimal:
    return Decimal(value)


def _number(value: Any) -> str:
    number = _decimal(value)
    return quantity(number.quantize(Decimal(1)) if number == number.to_integral_value() else number)
