"""Three months of six tenants, always the same for a month and a seed, with every total known from the story itself.

- harbor-dental: own Vapi account, talks more than its allowance; one day changes when it is asked again, one empties.
- lumen-solar: own Vapi account whose key was revoked. Nothing of it can be read.
- fern-books: chat on Voiceflow; test traffic in both environments beside the production traffic that is billed.
- atlas-motors, birch-clinic: share the platform's Vapi account, told apart by phone number and by assistant. Some
  calls carry Atlas' number and Birch's assistant: the number decides. One call in a while belongs to nobody.
- corner-office: the published pricing example. 249 subscription; 10 scans at 0.075, 100 free lookups, 400 minutes at
  0.10 (in the second month 0.30), 25 of a shared cost: 65.75 (145.75) of cost, 73.59 % (41.47 %) of margin.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Any

from tests.sandbox import clients
from tests.sandbox.vapi.calls import CallSpec, exact_costs, invent, render, uuid
from tests.sandbox.voiceflow.chat import interactions_of, invent_project
from tests.sandbox.world import VapiAccount, VoiceflowProject, World

HARBORS_ORG, PLATFORMS_ORG = "0d9a0000-0000-4000-8000-000000000001", "0d9a0000-0000-4000-8000-000000000002"
_rendered = lru_cache(maxsize=20_000)(render)


@dataclass(frozen=True)
class Totals:
    """What was used: calls of any kind, those that connected, started minutes, provider cost (exact items, and as
    Vapi rounds it).
    """

    calls: int = 0
    connected: int = 0
    minutes: int = 0
    cost: Decimal = Decimal(0)
    rounded_cost: Decimal = Decimal(0)

    @classmethod
    def of(cls, specs: Iterable[CallSpec]) -> "Totals":
        total = cls()
        for spec in specs:
            total = cls(
                total.calls + 1,
                total.connected + (spec.seconds is not None),
                total.minutes + spec.minutes,
                total.cost + spec.exact_cost,
                total.rounded_cost + Decimal(repr(round(sum(cost for _, cost in spec.costs), 4))),
            )
        return total


@dataclass(frozen=True)
class MetricRow:
    agent_id: str | None
    metric_type: str
    quantity: Decimal
    cost_usd: Decimal | None
    created_at: datetime


class Story:
    """`world` is what a sandbox serves; `restate()` and `empty_a_day()` change what the providers answer, and the
    totals with it.
    """

    def __init__(self, first_month: date, seed: int = 1) -> None:
        self.months = tuple(_month(first_month, number) for number in range(3))
        self.first_day, self.end = self.months[0][0], self.months[-1][1]
        self.days = tuple(self.first_day + timedelta(days=n) for n in range((self.end - self.first_day).days))
        self.restated_day = self.first_day + timedelta(days=9)
        self.emptied_day = self.first_day + timedelta(days=16)
        random = Random(f"{seed}/{self.first_day}")
        self._calls: dict[tuple[str, date], list[CallSpec]] = {}
        for day in self.days:
            self._calls[HARBORS_ORG, day] = [self._harbor_call(random, day) for _ in range(random.randint(11, 17))]
            self._calls[PLATFORMS_ORG, day] = self._shared_day(random, day)
        for number, month in enumerate(self.months):
            self._add_published_calls(random, month, Decimal("0.30") if number == 1 else Decimal("0.10"))
        self.project = invent_project(random, str(clients.FERN.voiceflow_project), self.days)
        self.metric_rows = tuple(row for month in self.months for row in _metrics_of(month))
        self.world = self._world()

    def calls(self, tenant_id: str | None, day: date) -> list[CallSpec]:
        """The tenant's calls of the day, as the story has them; None for those of nobody."""
        specs = self._calls[HARBORS_ORG, day] + self._calls[PLATFORMS_ORG, day]
        return [spec for spec in specs if spec.tenant_id == tenant_id]

    def totals(self, tenant_id: str | None, *days: date) -> Totals:
        """Voice usage of the tenant on these days; of the whole story if none is given."""
        return Totals.of(spec for day in days or self.days for spec in self.calls(tenant_id, day))

    def interactions(self, *days: date) -> int:
        """Fern's billed interactions: production, live."""
        return sum(interactions_of(self.project, day) for day in days or self.days)

    def days_of(self, month: int) -> tuple[date, ...]:
        """The days of the first (0), second or third month."""
        start, end = self.months[month]
        return tuple(day for day in self.days if start <= day < end)

    def overage(self, tenant_id: str, month: int) -> tuple[int, Decimal]:
        """Units beyond the month's allowance, and their unrounded amount, for a tenant with one priced meter of
        voice or chat.
        """
        tenant = next(tenant for tenant in clients.TENANTS if tenant.tenant_id == tenant_id)
        plan = next(plan for plan in clients.PLANS if plan.plan_id == tenant.plan_id)
        days = self.days_of(month)
        meter_id = plan.voice_meter_id or clients.CHAT
        used = self.totals(tenant_id, *days).minutes if plan.voice_meter_id else self.interactions(*days)
        units = max(0, used - plan.allowances[meter_id])
        return units, units * plan.unit_prices[meter_id]

    def restate(self) -> None:
        """From now on harbor's `restated_day` has a longer first connected call and one more call: late data of the
        provider.
        """
        specs = self._calls[HARBORS_ORG, self.restated_day]
        place = next(place for place, spec in enumerate(specs) if spec.seconds is not None)
        seconds = Decimal("754.321")
        specs[place] = replace(specs[place], seconds=seconds, costs=exact_costs(seconds, Decimal("0.20")))
        late = replace(specs[place], call_id=uuid(Random("late")), created_at=_at(self.restated_day, 86_399_999))
        specs.append(late)

    def empty_a_day(self) -> None:
        """From now on harbor's `emptied_day` has no calls: all were deleted."""
        self._calls[HARBORS_ORG, self.emptied_day] = []

    def _harbor_call(self, random: Random, day: date) -> CallSpec:
        at = _at(day, random.randrange(86_400_000))
        return invent(
            random, at, clients.HARBOR.attachments[0][1], "b7de0000-0000-4000-8000-000000000001", "harbor-dental"
        )

    def _shared_day(self, random: Random, day: date) -> list[CallSpec]:
        atlas, birch = clients.ATLAS.attachments[0][1], clients.BIRCH.attachments[0][1]
        lines: list[tuple[str, str, str | None]] = [
            (clients.NOBODYS_ASSISTANT, atlas, "atlas-motors")
        ] * random.randint(3, 7)
        lines += [(birch, clients.NOBODYS_NUMBER, "birch-clinic")] * random.randint(3, 6)
        lines += [(birch, atlas, "atlas-motors")] * (random.random() < 0.2)
        lines += [(clients.NOBODYS_ASSISTANT, clients.NOBODYS_NUMBER, None)] * (day.day % 7 == 3)
        return [invent(random, _at(day, random.randrange(86_400_000)), *line) for line in lines]

    def _add_published_calls(self, random: Random, month: tuple[date, date], per_minute: Decimal) -> None:
        """400 minutes in 100 calls of whole minutes, whose items add up to the rate exactly."""
        number = clients.CORNER.attachments[0][1]
        days = [day for day in self.days if month[0] <= day < month[1]]
        for place in range(100):
            day, seconds = days[place % len(days)], Decimal(60 * (place % 5 + 2))
            spec = CallSpec(
                uuid(random), _at(day, random.randrange(86_400_000)), 1.5, seconds, "customer-ended-call",
                clients.NOBODYS_ASSISTANT, number, exact_costs(seconds, per_minute), "corner-office",
            )  # fmt: skip
            self._calls[PLATFORMS_ORG, day].append(spec)

    def _world(self) -> World:
        def account(org_id: str) -> VapiAccount:
            def between(start: datetime, end: datetime) -> list[dict[str, Any]]:
                days = [day for day in self.days if start < _at(day, 86_400_000) and _at(day, 0) < end]
                specs = [spec for day in days for spec in self._calls[org_id, day] if start <= spec.created_at < end]
                return [_rendered(spec, org_id) for spec in specs]

            return VapiAccount(between)

        revoked = VapiAccount(lambda start, end: [], is_rejected=True)
        projects: dict[str, VoiceflowProject] = {str(clients.FERN.voiceflow_project): self.project}
        return World(
            vapi={
                str(clients.HARBOR.vapi_key): account(HARBORS_ORG),
                clients.PLATFORM_VAPI_KEY: account(PLATFORMS_ORG),
                str(clients.LUMEN.vapi_key): revoked,
            },
            voiceflow={str(clients.FERN.voiceflow_key): projects},
        )


def _at(day: date, milliseconds: int) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(milliseconds=milliseconds)


def _month(first_month: date, number: int) -> tuple[date, date]:
    year, month = divmod(first_month.year * 12 + first_month.month - 1 + number, 12)
    next_year, next_month = divmod(first_month.year * 12 + first_month.month + number, 12)
    return date(year, month + 1, 1), date(next_year, next_month + 1, 1)


def _metrics_of(month: tuple[date, date]) -> Iterable[MetricRow]:
    """Corner's 10 scans and 100 lookups, and three scans of an agent nobody has."""
    agent = dict(clients.CORNER.attachments)["usage_agent"]
    for place in range(10):
        yield MetricRow(
            agent, "ocr_scan", Decimal(1), Decimal("0.075"), _at(month[0] + timedelta(days=2 * place), 36_000_000)
        )
    for place in range(20):
        yield MetricRow(
            agent, "directory_lookup", Decimal(5), Decimal(0), _at(month[0] + timedelta(days=place), 40_000_000)
        )
    yield MetricRow(clients.FORGOTTEN_AGENT, "ocr_scan", Decimal(3), Decimal("0.225"), _at(month[0], 50_000_000))
