"""Billing meters as Stripe runs them: answered at once, validated later, the last value received per UTC day counts.

Rules: https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage and the library's docstrings.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.sandbox.stripe.errors import StripeProblem, missing

DAY = 86_400
MEMORY = DAY
OLDEST = 35 * DAY
FUTURE = 300


@dataclass(frozen=True)
class MeterEvent:
    sequence: int
    event_name: str
    customer: str
    value: str
    timestamp: int
    identifier: str
    key: str
    received_at: float
    effective_at: float
    has_value: bool = True


class Metering:
    """State of meters and their events. lag: seconds until an accepted event is validated and summed."""

    def __init__(self, now: Callable[[], float], customers: dict[str, dict[str, Any]]) -> None:
        self._now = now
        self._customers = customers
        self.meters: dict[str, dict[str, Any]] = {}
        self.lag: Callable[[], float] = lambda: 0.0
        self.received: list[MeterEvent] = []
        self._waiting: list[MeterEvent] = []
        self._known: dict[str, float] = {}
        self._last: dict[tuple[str, str, int], tuple[int, int]] = {}
        self._history: dict[tuple[str, str, int], list[MeterEvent]] = defaultdict(list)
        self.errors: list[tuple[MeterEvent, str]] = []

    def create_meter(self, params: dict[str, Any]) -> dict[str, Any]:
        name = params["event_name"]
        if any(meter["event_name"] == name and meter["status"] == "active" for meter in self.meters.values()):
            raise StripeProblem(400, None, f"An active meter already has event name {name}.", param="event_name")
        mapping = params.get("customer_mapping") or {"type": "by_id", "event_payload_key": "stripe_customer_id"}
        value = params.get("value_settings") or {"event_payload_key": "value"}
        meter = {
            "id": f"mtr_{len(self.meters) + 1:06}",
            "object": "billing.meter",
            "created": int(self._now()),
            "updated": int(self._now()),
            "customer_mapping": {name: mapping[name] for name in ("event_payload_key", "type")},
            "default_aggregation": {"formula": params["default_aggregation"]["formula"]},
            "display_name": params["display_name"],
            "event_name": name,
            "event_time_window": params.get("event_time_window"),
            "livemode": False,
            "status": "active",
            "status_transitions": {"deactivated_at": None},
            "value_settings": {"event_payload_key": value["event_payload_key"]},
        }
        self.meters[meter["id"]] = meter
        return meter

    def receive(self, params: dict[str, Any], key: str) -> dict[str, Any]:
        """Checks what Stripe checks at once; the rest waits until the event is processed."""
        now = self._now()
        payload, timestamp = params["payload"], int(params.get("timestamp") or now)
        value, customer = payload.get("value", "0"), payload.get("stripe_customer_id", "")
        identifier = params.get("identifier") or f"auto_{len(self.received)}"
        if timestamp < now - OLDEST:
            raise StripeProblem(400, "timestamp_too_far_in_past", "Timestamp must be within the past 35 calendar days.")
        if timestamp > now + FUTURE:
            raise StripeProblem(400, "timestamp_in_future", "Timestamp is too far in the future.")
        if not re.fullmatch(r"-?\d+(\.\d+)?", value):
            raise StripeProblem(400, "meter_event_invalid_value", "The value must be numeric.")
        if len(value.lstrip("-0").replace(".", "")) > 15:
            raise StripeProblem(400, "meter_event_value_too_many_digits", "The value has more than 15 digits.")
        known_at = self._known.get(identifier)
        if known_at is not None and now - known_at < MEMORY:
            raise StripeProblem(400, None, f"An event already exists with identifier {identifier}.")
        self._known[identifier] = now
        event = MeterEvent(
            len(self.received), params["event_name"], customer, value, timestamp, identifier, key, now,
            now + self.lag(), "value" in payload,
        )  # fmt: skip
        self.received.append(event)
        self._waiting.append(event)
        return {
            "object": "billing.meter_event",
            "created": int(now),
            "event_name": event.event_name,
            "identifier": identifier,
            "livemode": False,
            "payload": dict(payload),
            "timestamp": timestamp,
        }

    def process(self) -> list[tuple[MeterEvent, str]]:
        """Validate and sum what has waited long enough; returns what was dropped, with Stripe's code."""
        now = self._now()
        if not self._waiting:
            return []
        due = [event for event in self._waiting if event.effective_at <= now]
        self._waiting = [event for event in self._waiting if event.effective_at > now]
        dropped = []
        for event in due:
            meter = next((m for m in self.meters.values() if m["event_name"] == event.event_name), None)
            customer = self._customers.get(event.customer)
            if meter is None:
                dropped.append((event, "no_meter"))
            elif meter["status"] != "active":
                dropped.append((event, "archived_meter"))
            elif not event.customer:
                dropped.append((event, "meter_event_no_customer_defined"))
            elif not event.has_value:
                dropped.append((event, "meter_event_invalid_value"))
            elif customer is None or customer.get("deleted"):
                dropped.append((event, "meter_event_customer_not_found"))
            else:
                self._sum(meter, event)
        self.errors += dropped
        return dropped

    def _sum(self, meter: dict[str, Any], event: MeterEvent) -> None:
        slot = (meter["id"], event.customer, event.timestamp // DAY)
        self._history[slot].append(event)
        if meter["event_time_window"] == "day":
            # The last *received* counts, in whatever order they are processed.
            if event.sequence >= self._last.get(slot, (-1, 0))[0]:
                self._last[slot] = (event.sequence, int(event.value))
        else:
            self._last[slot] = (event.sequence, self._last.get(slot, (-1, 0))[1] + int(event.value))

    def settle(self) -> None:
        """Let everything that waits be processed, as hours later."""
        self._waiting = [MeterEvent(**{**vars(event), "effective_at": 0.0}) for event in self._waiting]
        self.process()

    def value(self, meter: str, customer: str, day: int) -> int | None:
        """Stripe's value of a day (days since 1970), or none."""
        held = self._last.get((meter, customer, day))
        return held[1] if held else None

    def total(self, meter: str, customer: str, start: int, end: int) -> int:
        """The sum over the days of [start, end), Unix seconds; negative is 0."""
        values = (self.value(meter, customer, day) or 0 for day in range(start // DAY, -(-end // DAY)))
        return max(0, sum(values))

    def summaries(self, meter: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        if meter not in self.meters:
            raise missing("billing meter", meter)
        start, end, customer = int(params["start_time"]), int(params["end_time"]), params["customer"]
        window = params.get("value_grouping_window")
        if window != "day":
            raise StripeProblem(400, None, "The sandbox sums days alone.", param="value_grouping_window")
        if start % DAY or end % DAY or start >= end:
            raise StripeProblem(400, None, "start_time and end_time must align with UTC days, the start first.")
        if self._customers.get(customer, {"deleted": True}).get("deleted"):
            raise missing("customer", customer, param="customer")
        self.process()
        rows = []
        for day in range(start // DAY, end // DAY):
            value = self.value(meter, customer, day)
            if value is not None:
                rows.append(
                    {
                        "id": f"mtrusg_{meter}_{customer}_{day}",
                        "object": "billing.meter_event_summary",
                        "aggregated_value": float(value),
                        "start_time": day * DAY,
                        "end_time": (day + 1) * DAY,
                        "livemode": False,
                        "meter": meter,
                    }
                )
        return rows[::-1]
