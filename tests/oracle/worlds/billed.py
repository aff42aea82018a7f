"""Bills of generated months: carriers' and models', with legs, recordings, credits and scopes, whose day is another."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tests.marts.bills import charge, line
from tests.oracle.usage import CARRIERS_DETAILS, Pull
from tests.oracle.worlds.book import Attachment, Coverage, ProviderUnitCost, UnitCost
from tests.oracle.worlds.months import LONG_AGO, World

OWN = 4  # every so many tenants have accounts of their own at the providers behind the calls


def with_bills(world: World, random: Random) -> World:
    """The world with calls that were carried and spoke a model's words, declared to be on bills that were read."""
    return _Billing(world, random).world()


class _Billing:
    def __init__(self, world: World, random: Random) -> None:
        self.given, self.random = world, random
        self.owners = [one.tenant_id for one in world.book.tenants[::OWN]]
        self.bills: dict[tuple[str, str, date], list[dict[str, Any]]] = {}
        self._refs = 0

    def world(self) -> World:
        pulls = [
            replace(pull, rows=tuple(self._call(pull, row) for row in pull.rows)) if pull.source == "vapi" else pull
            for pull in self.given.pulls
        ]
        days = sorted({pull.usage_date for pull in pulls if pull.source == "vapi" and pull.rows})
        for day in days:
            for account in ("platform", *self.random.sample(self.owners, min(2, len(self.owners)))):
                if self.random.random() < 0.8:
                    self.bills[("models_bill", account, day)] = self._lines("llm")
                if self.random.random() < 0.8:
                    self.bills[("carrier_bill", account, day)] = self._lines("telephony")
            if self.random.random() < 0.6:
                self.bills[("ears_bill", "platform", day)] = self._lines("telephony")
        found = [Pull(*place, tuple(rows)) for place, rows in self.bills.items()]
        self.random.shuffle(found)
        book = replace(
            self.given.book,
            attachments=[*self.given.book.attachments, *self._scopes()],
            coverage=self._coverage(),
            unit_costs=[*self.given.book.unit_costs, *self._rests(days)],
            provider_unit_costs=[
                ProviderUnitCost("models", "credits", self._some_day(days), Decimal("0.0003"), "EUR"),
                ProviderUnitCost("carrier", "second", self._some_day(days), Decimal("0.0002"), "USD"),
            ],
        )
        return replace(self.given, book=book, pulls=(*pulls, *found))

    def _call(self, pull: Pull, call: dict[str, Any]) -> dict[str, Any]:
        """Half of the calls were carried; what they used of a model and of the line was billed elsewhere."""
        items = [dict(item) for item in call.get("costs") or ()]
        if not items or self.random.random() < 0.5:
            return call
        for item in items:
            if item["type"] == "model":
                item |= {
                    "cost": Decimal(0),
                    "promptTokens": self.random.choice((0, 10, 731, 29954)),
                    "completionTokens": 7,
                }
                if self.random.random() < 0.2:
                    item |= {"promptTokens": 0, "completionTokens": 0}
            if item["type"] == "transport" and self.random.random() < 0.7:
                item |= {"cost": Decimal(0), "minutes": Decimal(1)}
        call = call | {"costs": items}
        if "cost" in call and self.random.random() < 0.8:
            call["cost"] = sum((item["cost"] for item in items), Decimal(0)).quantize(Decimal("0.0001"))
        if self.random.random() < 0.3:
            return call
        self._refs += 1
        ref = f"CA{self._refs:05d}"
        if self.random.random() < 0.85:
            self._charge(pull, ref)
        return call | {"transport": {"provider": "carrier", "callSid": ref}}

    def _charge(self, pull: Pull, ref: str) -> None:
        """The call, perhaps a leg of it after midnight, and a recording of that."""
        account = pull.account if pull.account in self.owners and self.random.random() < 0.5 else "platform"
        day = pull.usage_date + timedelta(days=self.random.choice((0, 0, 0, 1, 1, 2)))
        rows = [charge(ref, self.random.choice(("0.0085", "0.017", "0")))]
        if self.random.random() < 0.2:
            rows = [charge(ref, None, is_pending=True, quantity=Decimal(60), quantity_unit="second")]
        self.bills.setdefault((CARRIERS_DETAILS, account, day), []).extend(rows)
        if self.random.random() < 0.4:
            later = day + timedelta(days=self.random.choice((0, 1)))
            of_leg = self.bills.setdefault((CARRIERS_DETAILS, account, later), [])
            of_leg.append(charge(f"{ref}-leg", "0.01", ref))
            of_leg.append(charge(f"{ref}-rec", "0.0025", f"{ref}-leg", line_item="recording"))
        if self.random.random() < 0.1:
            self.bills[(CARRIERS_DETAILS, account, day)].append(charge(f"{ref}-else", "0.3"))

    def _lines(self, service: str) -> list[dict[str, Any]]:
        scope = {"scope_kind": "models_project", "scope_ref": f"p{self.random.randrange(4)}"}
        lines = [
            line(service, f"{self.random.randint(0, 10**9)}e-15", line_item="in"),
            line(
                service, f"{self.random.randint(1, 900)}", line_item="out", currency=self.random.choice(("USD", "EUR"))
            ),
            line(service, self.random.choice(("-0.25", "-950")), line_item="credit"),
            line(service, "0", line_item="free"),
            line(
                service,
                None,
                line_item="counted",
                quantity=Decimal(self.random.choice((0, 100, 100))),
                quantity_unit="credits",
            ),
            line(service, "9", line_item="byok", payer="external"),
            line("other", "1", line_item="seat"),
        ]
        if service == "llm":
            lines.append(line(service, "3", line_item="scoped", **scope))
        return [one for one in lines if self.random.random() < 0.5]

    def _scopes(self) -> list[Attachment]:
        """Two of four projects are tenants', one of them from some day on only."""
        names = [one.tenant_id for one in self.given.book.tenants]
        chosen = self.random.sample(names, min(2, len(names)))
        starts = [LONG_AGO, self.given.as_of - timedelta(days=30)]
        return [
            Attachment("models_project", f"p{number}", start, name, f"{name}-1")
            for number, (name, start) in enumerate(zip(chosen, starts, strict=False))
        ]

    def _coverage(self) -> list[Coverage]:
        found = [Coverage("model", LONG_AGO, "models_bill")]
        if self.random.random() < 0.5:
            found.append(Coverage("model", self.given.as_of - timedelta(days=20), None))
        for name in self.owners:
            cost_source = self.random.choice(("models_bill", "models_bill", None))
            found.append(Coverage("model", LONG_AGO, cost_source, name, is_own=cost_source is not None))
        return found + self._of_agents()

    def _of_agents(self) -> list[Coverage]:
        """Of some tenants one agent's model is on no bill from a day on, and another's line is on a bill by day."""
        names = [one.tenant_id for one in self.given.book.tenants]
        month_ago = self.given.as_of - timedelta(days=30)
        found = []
        for name in self.random.sample(names, len(names) // 3):
            since = self.random.choice((LONG_AGO, month_ago))
            found.append(Coverage("transport", since, "ears_bill", name, f"{name}-1"))
            found.append(Coverage("model", month_ago, self.random.choice(("models_bill", None)), name, f"{name}-2"))
        return found

    def _rests(self, days: list[date]) -> list[UnitCost]:
        """Of some meters a unit of the rest of a call has a cost, from some day on."""
        names = [meter.meter_id for meter in self.given.book.meters if meter.increment_seconds is not None]
        return [
            UnitCost(name, self._some_day(days), Decimal("0.0307"), self.random.choice(("USD", "EUR")), True)
            for name in self.random.sample(names, (len(names) + 1) // 2)
        ]

    def _some_day(self, days: list[date]) -> date:
        return self.random.choice(days) if days else LONG_AGO
