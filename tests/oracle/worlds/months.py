"""Generated months: tenants whose plans, anchors, currencies and usage lie at the edges of the money rules.

One seed makes one world, again and again; Hypothesis draws seeds (`worlds`), and names the one that fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st

from tests.oracle.money import decimals
from tests.oracle.periods import Period, periods
from tests.oracle.statements import allowance
from tests.oracle.usage import Pull
from tests.oracle.worlds.book import (
    Allowance,
    Attachment,
    Book,
    Credit,
    FixedCost,
    Meter,
    PaymentFee,
    PlanChoice,
    Price,
    Project,
    Rate,
    Status,
    Tenant,
    Terms,
    Tier,
    UnitCost,
)  # fmt: skip

LONG_AGO = date(2020, 1, 1)
CURRENCIES = ("USD", "EUR", "JPY", "ISK", "KWD", "UGX")
METRICS = ("ocr_scan", "lookup", "sms", "page")
VOICE = (("minutes", 60, 0), ("half_minutes", 30, 0), ("six_seconds", 6, 30), ("seconds", 1, 0))
FIRST_DAYS = (date(2024, 1, 3), date(2026, 1, 20), date(2023, 12, 28))


@dataclass(frozen=True)
class World:
    """pulls are in order of publication: of one account and day the last one holds. moves: attachments that took
    something from another tenant since."""

    seed: int
    book: Book = field(repr=False)
    pulls: tuple[Pull, ...] = field(repr=False)
    as_of: date
    moves: tuple[Attachment, ...] = field(default=(), repr=False)


class Author:
    """Writes one world. days: from which usage is told, up to as_of."""

    def __init__(self, random: Random, seed: int = 0) -> None:
        self.random, self.seed = random, seed
        self.first_day = random.choice(FIRST_DAYS)
        self.as_of = self.first_day + timedelta(days=random.randint(60, 110))
        self.book = Book(
            meters=[
                *(Meter(name, "vapi", increment, minimum, unit=name) for name, increment, minimum in VOICE),
                Meter("interactions", "voiceflow", item="interactions", unit="interaction"),
                *(Meter(kind, "usage_metrics", item=kind, unit=kind) for kind in METRICS),
            ]
        )
        self.mine = Book()
        self.rows: dict[tuple[str, str, date], list[dict[str, Any]]] = {}
        self._calls = 0

    def world(self, tenants: int) -> World:
        self._write_costs()
        for number in range(tenants):
            self._write_tenant(f"t{number:05d}")
        for _ in range(3):
            self._call(None, self.day(self.first_day, self.as_of))
        return World(self.seed, self.book, tuple(self._published()), self.as_of)

    def _write_costs(self) -> None:
        for currency in CURRENCIES:
            for other in ("USD", "EUR"):
                if currency != other:
                    self.book.rates.append(Rate(other, currency, LONG_AGO, self.decimal(3000, 4)))
                    self.book.rates.append(Rate(other, currency, self._some_day(), self.decimal(3000, 4)))
        for currency in CURRENCIES[:4]:
            for since in self._starts():
                self.book.payment_fees.append(
                    PaymentFee(currency, since, self.decimal(500, 2), self.decimal(100, 2))
                )  # fmt: skip
        for meter in self.book.meters:
            # What a page costs is not known from the beginning.
            for since in [self._some_day()] if meter.meter_id == "page" else self._starts():
                currency = self.random.choice(("USD", "EUR"))
                self.book.unit_costs.append(UnitCost(meter.meter_id, since, self.decimal(300, 6), currency))
        for since in self._starts():
            self.book.fixed_costs.append(FixedCost("hosting", since, self.decimal(10**6, 2), "USD"))
        self.book.fixed_costs.append(FixedCost("desk", self._some_day(), self.decimal(10**5, 2), "EUR"))
        for allocation in ("by_revenue", "by_usage"):
            for since in self._starts():
                amount, currency = self.decimal(10**6, 2), self.random.choice(("USD", "EUR"))
                name = allocation.replace("_", "-")
                self.book.fixed_costs.append(FixedCost(name, since, amount, currency, allocation))

    def _write_tenant(self, name: str) -> None:
        self.mine = Book(meters=self.book.meters)
        currency = self.random.choice(CURRENCIES)
        meters = self._meters()
        plans = [PlanChoice(LONG_AGO, f"{name}-a")]
        if self.random.random() < 0.3:
            plans.append(PlanChoice(self._some_day(), f"{name}-b"))
        for plan in plans:
            self._write_plan(plan.plan_id, currency, meters)
        tenant = Tenant(
            name, currency, self.random.randint(1, 28), self._statuses(), tuple(plans), self._credits(currency),
            own_vapi_from=LONG_AGO if self.random.random() < 0.2 else None,
        )  # fmt: skip
        self.mine.tenants.append(tenant)
        for meter in meters:
            if self.random.random() < 0.25:
                for since in self._starts():
                    self.mine.prices.append(self.price(name, meter.meter_id, since, of_tenant=True))
        self._attach(tenant)
        for period in periods(tenant, self.as_of):
            for meter in meters:
                if meter.source != "vapi":
                    self._use(tenant, period, meter)
        since = tenant.statuses[0].valid_from - timedelta(days=2)
        for _ in range(self.random.randint(0, 8)):
            self._call(tenant, self.day(since, self.as_of))
        for whose in ("tenants", "terms", "allowances", "prices", "attachments", "projects"):
            getattr(self.book, whose).extend(getattr(self.mine, whose))

    def _meters(self) -> list[Meter]:
        voice, metrics = self.mine.meters[: len(VOICE)], self.mine.meters[len(VOICE) :]
        return [self.random.choice(voice), *self.random.sample(metrics, self.random.randint(1, 3))]

    def _statuses(self) -> tuple[Status, ...]:
        since = self.day(self.first_day, self.as_of)
        found = [Status(since, "active")]
        if self.random.random() < 0.2:
            found.append(Status(found[-1].valid_from + timedelta(days=self.random.randint(1, 20)), "paused"))
            if self.random.random() < 0.7:
                found.append(Status(found[-1].valid_from + timedelta(days=self.random.randint(1, 20)), "active"))
        if self.random.random() < 0.2:
            found.append(Status(found[-1].valid_from + timedelta(days=self.random.randint(1, 45)), "closed"))
        return tuple(found)

    def _write_plan(self, plan_id: str, currency: str, meters: Sequence[Meter]) -> None:
        voice = next(meter.meter_id for meter in meters if meter.source == "vapi")
        for since in self._starts():
            self.mine.terms.append(
                Terms(
                    plan_id, since, self.fee(currency), self.fee(currency), self.fee(currency),
                    self.random.random() < 0.5, voice if self.random.random() < 0.95 else None,
                )
            )  # fmt: skip
        for meter in meters:
            for since in self._starts():
                included = self.random.choice((0, 0, 1, 7, 31, 100, 999_999_999))
                self.mine.allowances.append(Allowance(plan_id, meter.meter_id, since, included))
            if self.random.random() < 0.9:
                for since in self._starts():
                    self.mine.prices.append(self.price(plan_id, meter.meter_id, since))

    def price(self, owner: str, meter_id: str, since: date, *, of_tenant: bool = False) -> Price:
        model = self.random.choice(("per_unit", "package", "graduated", "volume", *(("plan",) if of_tenant else ())))
        if model == "per_unit":
            return Price(owner, meter_id, since, model, self._unit_amount(), of_tenant=of_tenant)
        if model == "package":
            size = self.random.choice((1, 7, 100, 1000))
            return Price(owner, meter_id, since, model, self._unit_amount(), size, of_tenant=of_tenant)
        if model == "plan":
            return Price(owner, meter_id, since, model, of_tenant=of_tenant)
        bounds: list[int | None] = sorted(self.random.sample((1, 2, 5, 10, 50, 1000, 10**6), 2))
        is_bounded = self.random.random() < 0.2
        tiers = tuple(Tier(bound, self._unit_amount()) for bound in [*bounds, *([] if is_bounded else [None])])
        return Price(owner, meter_id, since, model, tiers=tiers, of_tenant=of_tenant)

    def _use(self, tenant: Tenant, period: Period, meter: Meter) -> None:
        """Usage of a period whose total lies at an edge of its allowance or of a tier, or is huge, or is anything."""
        included = allowance(self.mine, tenant, meter.meter_id, period)
        edges = [included, included + 1, max(included - 1, 0), 0, self.random.randint(0, 300)]
        price = self.mine.price_on(tenant, meter.meter_id, period.first_billed_day)
        for tier in price.tiers if price else ():
            if tier.up_to is not None:
                edges += [included + tier.up_to, included + tier.up_to + 1]
        if price and price.package_size:
            edges += [included + price.package_size, included + price.package_size + 1]
        total = self.random.choice([*edges, *edges, 10**9 + self.random.randint(0, 10**6)])
        cuts = sorted(self.random.randint(0, total) for _ in range(self.random.randint(0, 4)))
        for start, end in zip([0, *cuts], [*cuts, total], strict=True):
            self._tell(tenant, meter, self.day(period.start, min(period.end, self.as_of)), end - start)
        if self.random.random() < 0.1:
            self._tell(tenant, meter, self.day(self.first_day, self.as_of), self.random.randint(1, 9))

    def _tell(self, tenant: Tenant, meter: Meter, day: date, quantity: int) -> None:
        rows = self.rows.setdefault((meter.source, tenant.tenant_id, day), [])
        if meter.source == "voiceflow":
            kind = self.random.choice(("dialog-management",) * 6 + ("canvas-prototype", "brand-new"))
            rows.append({"project_id": f"{tenant.tenant_id}-vf", "metric": "interactions", "type": kind,
                         "quantity": quantity, "hour": len(rows)})  # fmt: skip
            return
        cost = self.random.choice((None, Decimal(0), self.decimal(10**6, 8)))
        rows.append({"agent_id": f"{tenant.tenant_id}-{self.random.choice('xy')}", "metric_type": meter.item,
                     "quantity": quantity, "cost_usd": cost, "number": len(rows)})  # fmt: skip

    def _attach(self, tenant: Tenant) -> None:
        name = tenant.tenant_id
        kinds = (("vapi_phone_number", "n"), ("vapi_assistant", "a"), ("usage_agent", "x"), ("usage_agent", "y"))
        for kind, mark in kinds:
            agent = f"{name}-{self.random.choice('12')}"
            self.mine.attachments.append(Attachment(kind, f"{name}-{mark}", LONG_AGO, name, agent))
        moved = self.random.random()
        if moved < 0.15:
            self.mine.attachments.append(Attachment("vapi_phone_number", f"{name}-n", self._some_day(), None, None))
        elif moved < 0.3 and self.book.tenants:
            other = self.random.choice(self.book.tenants).tenant_id
            number = Attachment("vapi_phone_number", f"{name}-n", self._some_day(), other, f"{other}-1")
            self.mine.attachments.append(number)
        environment = "production" if self.random.random() < 0.9 else "development"
        self.mine.projects.append(Project(f"{name}-vf", name, f"{name}-1", LONG_AGO, environment=environment))

    def _call(self, tenant: Tenant | None, day: date) -> None:
        self._calls += 1
        created = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=self.random.randint(0, 86_399))
        lengths = (0, 1, 1000, 5999, 6000, 6001, 30_000, 60_000, 60_001, 61_000, self.random.randint(1, 10**7))
        started = created + timedelta(seconds=self.random.randint(0, 40))
        ended = started + timedelta(milliseconds=self.random.choice(lengths))
        name = tenant.tenant_id if tenant else "nobody"
        call: dict[str, Any] = {
            "id": f"call-{self._calls}", "createdAt": _iso(created), "updatedAt": _iso(ended), "status": "ended",
            "startedAt": _iso(started), "endedAt": _iso(ended),
            "phoneNumberId": f"{name}-n" if self.random.random() < 0.7 else None, "assistantId": f"{name}-a",
        }  # fmt: skip
        oddity = self.random.random()
        if oddity < 0.06:
            call |= {"startedAt": None}
        elif oddity < 0.10:
            call |= {"startedAt": None, "endedAt": None}
        elif oddity < 0.13:
            call |= {"startedAt": _iso(ended), "endedAt": _iso(started - timedelta(seconds=1))}
        elif oddity < 0.16:
            call |= {"status": "scheduled", "startedAt": None, "endedAt": None}
        elif oddity < 0.19:
            call |= {"status": "in-progress", "endedAt": None}
        elif oddity < 0.22:
            call |= {"status": None}
        if call["status"] in {"ended", None}:
            call |= self._cost_of_call()
        own = tenant is not None and tenant.own_vapi_from is not None
        self.rows.setdefault(("vapi", name if own else "platform", day), []).append(call)

    def _cost_of_call(self) -> dict[str, Any]:
        kinds = ("transport", "transcriber", "model", "voice", "vapi", "vapi")
        items: list[dict[str, Any]] = [{"type": kind, "cost": self.decimal(10**8, 10)} for kind in kinds]
        total = sum((item["cost"] for item in items), Decimal(0)).quantize(Decimal("0.0001"))
        if self.random.random() < 0.1:
            items[2] = {"type": "model", "cost": Decimal(0), "promptTokens": self.random.choice((0, 812))}
        return self.random.choice((
            {"costs": items, "cost": total}, {"costs": items, "cost": total}, {"costs": items},
            {"costs": items, "cost": Decimal("0.1234")},
            {"cost": self.decimal(9999, 4)}, {"cost": Decimal(0)}, {"costs": []}, {},
        ))  # fmt: skip

    def _published(self) -> list[Pull]:
        """Each day's answer; some were told otherwise before, and some were restated to nothing."""
        final = []
        for (source, account, day), rows in self.rows.items():
            emptied = self.random.random() < 0.03
            final.append(Pull(source, account, day, () if emptied else tuple(rows)))
        former = [
            replace(pull, rows=self.random.choice(((), pull.rows[:1], pull.rows[1:])))
            for pull in final if self.random.random() < 0.3
        ]  # fmt: skip
        final += self._of_quiet_days({(pull.source, pull.account, pull.usage_date) for pull in final})
        self.random.shuffle(former)
        self.random.shuffle(final)
        return former + final

    def _of_quiet_days(self, reported: set[tuple[str, str, date]]) -> list[Pull]:
        """Days without usage, read all the same, of every third tenant: only theirs is a month known whole."""
        accounts = [("vapi", "platform")]
        for tenant in self.book.tenants[::3]:
            accounts += [(source, tenant.tenant_id) for source in ("vapi", "voiceflow", "usage_metrics")]
        days = [self.first_day + timedelta(days=number) for number in range((self.as_of - self.first_day).days)]
        return [
            Pull(*account, day, ()) for account in accounts for day in days if (*account, day) not in reported
        ]  # fmt: skip

    def _credits(self, currency: str) -> tuple[Credit, ...]:
        count = self.random.choice((0, 0, 0, 1, 2, 3))
        found = []
        for number in range(count):
            since = self._some_day()
            expires = since + timedelta(days=self.random.randint(1, 60)) if self.random.random() < 0.6 else None
            amount = max(self.decimal(5000, decimals(currency)), Decimal(1).scaleb(-decimals(currency)))
            found.append(Credit(number, amount, since, expires))
        return tuple(found)

    def _starts(self) -> list[date]:
        """One version, or two of which the second starts somewhere in the months."""
        return [LONG_AGO, *([self._some_day()] if self.random.random() < 0.3 else [])]

    def _some_day(self) -> date:
        return self.day(self.first_day, self.as_of)

    def day(self, start: date, end: date) -> date:
        """In [start, end); start itself where that is empty."""
        return start + timedelta(days=self.random.randrange(max((end - start).days, 1)))

    def fee(self, currency: str) -> Decimal:
        return self.random.choice((Decimal(0), Decimal(249), self.decimal(10**6, decimals(currency))))

    def _unit_amount(self) -> Decimal:
        return self.random.choice(
            (Decimal(0), Decimal("0.005"), Decimal("0.0045"), self.decimal(10**6, 8), self.decimal(10**4, 3))
        )

    def decimal(self, limit: int, digits: int) -> Decimal:
        return Decimal(self.random.randint(1, limit)).scaleb(-digits)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def generated(seed: int, tenants: int) -> World:
    """The world of a seed."""
    from tests.oracle.worlds.billed import with_bills  # these add to a world
    from tests.oracle.worlds.settling import with_settled

    random = Random(seed)
    return with_settled(with_bills(Author(random, seed).world(tenants), Random(seed)), random)


worlds = st.builds(generated, st.integers(0, 10**9), st.integers(1, 3))
