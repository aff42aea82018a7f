"""What is changed of a subscription after it began: other prices, an end, phases to come."""

from collections.abc import Callable
from typing import Any

from tests.sandbox.stripe.catalogue import Catalogue
from tests.sandbox.stripe.errors import StripeProblem, missing
from tests.sandbox.stripe.invoicing import Invoicing, copies, prorated

Body = dict[str, Any]


class Subscribing:
    """Updates, cancellations and schedules. Rules: https://docs.stripe.com/billing/subscriptions/subscription-schedules"""

    def __init__(self, now: Callable[[], float], catalogue: Catalogue, invoicing: Invoicing) -> None:
        self._now = now
        self._catalogue = catalogue
        self._invoicing = invoicing
        self.schedules: dict[str, Body] = {}
        invoicing.begins = self._begin_phase

    def update(self, name: str, params: Body) -> Body:
        subscription = self._alive(name)
        is_prorated = params.get("proration_behavior", "create_prorations") != "none"
        if subscription["schedule"] and ("items" in params or "cancel_at" in params):
            raise StripeProblem(400, None, "The subscription is managed by a schedule: change that, or release it.")
        if "items" in params:
            self._change_items(subscription, params["items"], is_prorated)
        if "cancel_at" in params:
            self._end(subscription, params["cancel_at"], is_prorated)
        if "cancel_at_period_end" in params:
            subscription["cancel_at_period_end"] = params["cancel_at_period_end"] == "true"
        if "pause_collection" in params:
            pause = params["pause_collection"]
            wanted = {"behavior": pause["behavior"], "resumes_at": pause.get("resumes_at")} if pause else None
            subscription["pause_collection"] = wanted
        return subscription

    def cancel(self, name: str, params: Body) -> Body:
        """At once: usage and prorations are invoiced only where that is asked for."""
        subscription = self._alive(name)
        now = int(self._now())
        if params.get("prorate") == "true":
            self._shorten(subscription, now)
        for item in subscription["items"]["data"]:
            item["current_period_end"] = now
        if params.get("invoice_now") == "true":
            subscription["cancel_at"] = now
            self._invoicing.turn(now)
        subscription |= {"status": "canceled", "canceled_at": now, "ended_at": now}
        return subscription

    def create_schedule(self, params: Body) -> Body:
        """Of a subscription that runs: one phase, its present items until its period ends."""
        name = params["from_subscription"]
        if name not in self._catalogue.subscriptions:
            raise missing("subscription", name, param="from_subscription")
        subscription = self._alive(name)
        if subscription["schedule"]:
            raise StripeProblem(400, None, "The subscription is managed by a schedule already.")
        items = subscription["items"]["data"]
        name = f"sub_sched_{len(self.schedules) + 1:06}"
        phase = {
            "start_date": items[0]["current_period_start"], "end_date": items[0]["current_period_end"],
            "items": [_phase_item(item["price"]["id"], item) for item in items],
            "proration_behavior": "create_prorations",
        }  # fmt: skip
        schedule = {
            "id": name, "object": "subscription_schedule", "created": int(self._now()), "end_behavior": "release",
            "customer": subscription["customer"], "livemode": False, "metadata": {}, "phases": [phase],
            "status": "active", "subscription": subscription["id"],
            "current_phase": {part: phase[part] for part in ("start_date", "end_date")},
        }  # fmt: skip
        self.schedules[name] = schedule
        subscription["schedule"] = name
        return schedule

    def update_schedule(self, name: str, params: Body) -> Body:
        schedule = self._schedule(name)
        phases, start = [], int(schedule["current_phase"]["start_date"])
        for phase in params["phases"]:
            start = int(phase.get("start_date") or start)
            end = int(phase["end_date"]) if phase.get("end_date") else None
            for item in phase["items"]:
                if item["price"] not in self._catalogue.prices:
                    raise missing("price", item["price"], param="phases[items][price]")
            phases.append(
                {
                    "start_date": start, "end_date": end,
                    "items": [_phase_item(item["price"], item) for item in phase["items"]],
                    "proration_behavior": phase.get("proration_behavior", "create_prorations"),
                }
            )  # fmt: skip
            start = end or start
        if any(phase["end_date"] is None for phase in phases[:-1]):
            raise StripeProblem(400, None, "Every phase but the last needs an end.")
        past = [one for one in schedule["phases"] if one["start_date"] < schedule["current_phase"]["start_date"]]
        if not any(one["start_date"] == schedule["current_phase"]["start_date"] for one in phases):
            raise StripeProblem(400, None, "The current phase must be among the phases.")
        phases = [*past, *(one for one in phases if one["start_date"] >= schedule["current_phase"]["start_date"])]
        schedule |= {"phases": phases, "end_behavior": params.get("end_behavior", schedule["end_behavior"])}
        return schedule

    def release_schedule(self, name: str) -> Body:
        schedule = self._schedule(name)
        self._catalogue.subscriptions[schedule["subscription"]]["schedule"] = None
        schedule["status"] = "released"
        return schedule

    def _begin_phase(self, subscription: Body, moment: int) -> None:
        """The phase that begins at a turn puts its prices on the subscription. The last one is of one interval where
        it names no end; after it the subscription is released.
        """
        schedule = self.schedules.get(subscription["schedule"] or "")
        if schedule is None:
            return
        begun = [phase for phase in schedule["phases"] if phase["start_date"] <= moment]
        if begun and begun[-1]["start_date"] == moment:
            old = subscription["items"]["data"][0]
            subscription["items"]["data"] = [
                self._catalogue.item(
                    subscription["id"],
                    int(self._now()) % 10**6 * 10 + position,
                    item,
                    old["current_period_start"],
                    moment,
                )
                for position, item in enumerate(begun[-1]["items"])
            ]
            begun[-1]["end_date"] = begun[-1]["end_date"] or self._invoicing.turn_of(subscription, moment)
            schedule["current_phase"] = {part: begun[-1][part] for part in ("start_date", "end_date")}
        if schedule["phases"][-1]["end_date"] == moment:
            self.release_schedule(schedule["id"])

    def _change_items(self, subscription: Body, changes: list[Body], is_prorated: bool) -> None:
        items = subscription["items"]["data"]
        for change in changes:
            found = next((item for item in items if item["id"] == change.get("id")), None)
            if change.get("deleted") == "true" and found:
                self._prorate(subscription, found, -1, is_prorated)
                items.remove(found)
                continue
            first = items[0]
            made = self._catalogue.item(
                subscription["id"], len(items) + 100, change, first["current_period_start"], first["current_period_end"]
            )
            if found:
                self._prorate(subscription, found, -1, is_prorated)
                made["id"] = found["id"]
                items[items.index(found)] = made
            else:
                items.append(made)
            self._prorate(subscription, made, 1, is_prorated)

    def _prorate(self, subscription: Body, item: Body, sign: int, is_prorated: bool) -> None:
        if is_prorated and item["price"]["recurring"]["usage_type"] == "licensed":
            start, end, now = item["current_period_start"], item["current_period_end"], int(self._now())
            amount = sign * prorated(self._catalogue.prices[item["price"]["id"]], now, end, start)
            self._invoicing.proration(subscription, item, amount, now, end)

    def _end(self, subscription: Body, at: str, is_prorated: bool) -> None:
        items = subscription["items"]["data"]
        if at == "":
            subscription["cancel_at"] = None
            turn = subscription["billing_cycle_anchor"]
            while turn <= self._now():
                turn = self._invoicing.turn_of(subscription, turn)
            for item in items:
                item["current_period_end"] = turn
            return
        moment = int(at)
        if moment <= self._now():
            raise StripeProblem(400, None, "cancel_at must be in the future.")
        if moment < items[0]["current_period_end"]:
            if is_prorated:
                self._shorten(subscription, moment)
            for item in items:
                item["current_period_end"] = moment
        subscription["cancel_at"] = moment

    def _shorten(self, subscription: Body, moment: int) -> None:
        """Gives back what was paid in advance beyond the end."""
        for item in copies(subscription["items"]["data"]):
            if item["price"]["recurring"]["usage_type"] == "licensed":
                start, end = item["current_period_start"], item["current_period_end"]
                fee = self._catalogue.prices[item["price"]["id"]]
                self._invoicing.proration(subscription, item, -prorated(fee, moment, end, start), moment, end)

    def _alive(self, name: str) -> Body:
        subscription = self._catalogue.subscriptions.get(name)
        if subscription is None or subscription["status"] == "canceled":
            raise missing("subscription", name)
        return subscription

    def _schedule(self, name: str) -> Body:
        schedule = self.schedules.get(name)
        if schedule is None:
            raise missing("subscription schedule", name)
        if schedule["status"] != "active":
            raise StripeProblem(400, None, f"The schedule is {schedule['status']}.")
        return schedule


def _phase_item(price: str, item: Body) -> Body:
    return {"price": price, **({"quantity": int(count)} if (count := item.get("quantity")) is not None else {})}
