"""Control data as plain records: what a tenant is on a day, what its plan says, what a meter counts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Protocol, TypeVar


class Dated(Protocol):
    @property
    def valid_from(self) -> date: ...


D = TypeVar("D", bound=Dated)


def in_force(versions: Iterable[D], day: date) -> D | None:
    """The version that holds on day: the one that started last, if any had."""
    started = [version for version in versions if version.valid_from <= day]
    return max(started, key=lambda version: version.valid_from) if started else None


@dataclass(frozen=True)
class Meter:
    meter_id: str
    source: str
    increment_seconds: int | None = None
    minimum_seconds: int | None = None
    item: str | None = None
    unit: str = "unit"


@dataclass(frozen=True)
class Terms:
    plan_id: str
    valid_from: date
    subscription_fee: Decimal = Decimal(0)
    setup_fee: Decimal = Decimal(0)
    minimum_amount: Decimal = Decimal(0)
    prorates_allowance: bool = False
    voice_meter_id: str | None = None


@dataclass(frozen=True)
class Allowance:
    plan_id: str
    meter_id: str
    valid_from: date
    quantity: int


@dataclass(frozen=True)
class Tier:
    up_to: int | None
    unit_amount: Decimal


@dataclass(frozen=True)
class Price:
    """Of a plan or of a tenant. model: per_unit, package, graduated, volume; plan ends a tenant's own price."""

    owner: str
    meter_id: str
    valid_from: date
    model: str
    unit_amount: Decimal | None = None
    package_size: int | None = None
    tiers: tuple[Tier, ...] = ()
    of_tenant: bool = False


@dataclass(frozen=True)
class PlanChoice:
    valid_from: date
    plan_id: str


@dataclass(frozen=True)
class Status:
    valid_from: date
    status: str


@dataclass(frozen=True)
class Attachment:
    kind: str
    value: str
    valid_from: date
    tenant_id: str | None
    agent_id: str | None


@dataclass(frozen=True)
class Project:
    project_id: str
    tenant_id: str
    agent_id: str
    valid_from: date
    valid_to: date | None = None
    environment: str = "production"


@dataclass(frozen=True)
class UnitCost:
    """is_rest: of calls of which a part is on another bill, of the rest of a unit."""

    meter_id: str
    valid_from: date
    unit_cost: Decimal
    currency: str
    is_rest: bool = False


@dataclass(frozen=True)
class FixedCost:
    """allocation: equal, by_revenue or by_usage."""

    fixed_cost_id: str
    valid_from: date
    monthly_amount: Decimal
    currency: str
    allocation: str = "equal"


@dataclass(frozen=True)
class PaymentFee:
    """Of a statement above zero: percent of its total, and fixed_amount."""

    currency: str
    valid_from: date
    percent: Decimal
    fixed_amount: Decimal


@dataclass(frozen=True)
class Rate:
    from_currency: str
    to_currency: str
    valid_from: date
    rate: Decimal


@dataclass(frozen=True)
class Coverage:
    """Whose bill has a component of calls of an agent, of a tenant, or of the platform's account; None: nobody's."""

    component: str
    valid_from: date
    cost_source: str | None
    tenant_id: str | None = None
    agent_id: str | None = None
    is_own: bool = False


@dataclass(frozen=True)
class ProviderUnitCost:
    """Of a unit that a provider's bill counts without naming money."""

    provider: str
    unit: str
    valid_from: date
    unit_cost: Decimal
    currency: str


@dataclass(frozen=True)
class Credit:
    """Usable on days [valid_from, expires_on); number orders credits that expire together.

    kept_by: of one that was taken back, the periods that had used it by then; no other ever does, nor do they use
    more than they had: amount is what is left of it.
    """

    number: int
    amount: Decimal
    valid_from: date
    expires_on: date | None = None
    kept_by: frozenset[date] | None = None


@dataclass(frozen=True)
class Tenant:
    tenant_id: str
    currency: str
    anchor_day: int = 1
    statuses: tuple[Status, ...] = ()
    plans: tuple[PlanChoice, ...] = ()
    credits: tuple[Credit, ...] = ()
    own_vapi_from: date | None = None

    @property
    def activated_on(self) -> date | None:
        return min((one.valid_from for one in self.statuses if one.status == "active"), default=None)

    @property
    def closed_on(self) -> date | None:
        return min((one.valid_from for one in self.statuses if one.status == "closed"), default=None)

    def status_on(self, day: date) -> str | None:
        found = in_force(self.statuses, day)
        return found.status if found else None

    def is_billed_on(self, day: date) -> bool:
        """Whether the fee runs: from the activation day, that day too, to the closing date, that one not."""
        return (
            self.activated_on is not None
            and self.activated_on <= day
            and (self.closed_on is None or day < self.closed_on)
        )

    def plan_on(self, day: date) -> str | None:
        found = in_force(self.plans, day)
        return found.plan_id if found else None


@dataclass
class Book:
    tenants: list[Tenant] = field(default_factory=list)
    meters: list[Meter] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)
    allowances: list[Allowance] = field(default_factory=list)
    prices: list[Price] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    unit_costs: list[UnitCost] = field(default_factory=list)
    fixed_costs: list[FixedCost] = field(default_factory=list)
    payment_fees: list[PaymentFee] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)
    provider_unit_costs: list[ProviderUnitCost] = field(default_factory=list)
    settled: frozenset[tuple[str, date, str]] = frozenset()
    """Tenant, day and component of costs of which a person knows that another account was billed for them."""

    @cached_property
    def tenant(self) -> dict[str, Tenant]:
        return {tenant.tenant_id: tenant for tenant in self.tenants}

    @cached_property
    def meter(self) -> dict[str, Meter]:
        return {meter.meter_id: meter for meter in self.meters}

    @cached_property
    def attachments_of(self) -> dict[str | None, list[Attachment]]:
        return _grouped(self.attachments, [one.tenant_id for one in self.attachments])

    @cached_property
    def projects_of(self) -> dict[str, list[Project]]:
        return _grouped(self.projects, [one.tenant_id for one in self.projects])

    @cached_property
    def _terms(self) -> dict[str, list[Terms]]:
        return _grouped(self.terms, [one.plan_id for one in self.terms])

    @cached_property
    def _allowances(self) -> dict[tuple[str, str], list[Allowance]]:
        return _grouped(self.allowances, [(one.plan_id, one.meter_id) for one in self.allowances])

    @cached_property
    def _prices(self) -> dict[tuple[bool, str, str], list[Price]]:
        return _grouped(self.prices, [(one.of_tenant, one.owner, one.meter_id) for one in self.prices])

    @cached_property
    def _attachments(self) -> dict[tuple[str, str], list[Attachment]]:
        return _grouped(self.attachments, [(one.kind, one.value) for one in self.attachments])

    @cached_property
    def _projects(self) -> dict[str, list[Project]]:
        return _grouped(self.projects, [one.project_id for one in self.projects])

    @cached_property
    def _unit_costs(self) -> dict[tuple[str, bool], list[UnitCost]]:
        return _grouped(self.unit_costs, [(one.meter_id, one.is_rest) for one in self.unit_costs])

    def terms_on(self, plan_id: str | None, day: date) -> Terms | None:
        return in_force(self._terms.get(plan_id, []), day) if plan_id else None

    def allowance_on(self, plan_id: str | None, meter_id: str, day: date) -> int:
        found = in_force(self._allowances.get((plan_id, meter_id), []), day) if plan_id else None
        return found.quantity if found else 0

    def price_on(self, tenant: Tenant, meter_id: str, day: date) -> Price | None:
        """A tenant's own price wins over its plan's and outlives a change of plan, until a version says "plan"."""
        own = in_force(self._prices.get((True, tenant.tenant_id, meter_id), []), day)
        if own is not None and own.model != "plan":
            return own
        plan_id = tenant.plan_on(day)
        return in_force(self._prices.get((False, plan_id, meter_id), []), day) if plan_id else None

    def attached_on(self, kind: str, value: str | None, day: date) -> Attachment | None:
        found = in_force(self._attachments.get((kind, value), []), day) if value else None
        return found if found is not None and found.tenant_id is not None else None

    def project_on(self, project_id: str, day: date) -> Project | None:
        for one in self._projects.get(project_id, []):
            if one.valid_from <= day and (one.valid_to is None or day < one.valid_to):
                return one
        return None

    def unit_cost_on(self, meter_id: str, day: date, *, is_rest: bool = False) -> UnitCost | None:
        return in_force(self._unit_costs.get((meter_id, is_rest), []), day)

    def covered_on(
        self, component: str, whose: tuple[str | None, str | None], account: str, day: date
    ) -> Coverage | None:
        """The nearest that is said of the calls, and names a bill."""
        of_tenant = [] if whose[0] is None else [whose, (whose[0], None)]
        for tenant_id, agent_id in [*of_tenant, *([(None, None)] if account == "platform" else [])]:
            said = [one for one in self.coverage
                    if (one.component, one.tenant_id, one.agent_id) == (component, tenant_id, agent_id)]  # fmt: skip
            found = in_force(said, day)
            if found is not None:
                return found if found.cost_source else None
        return None

    def rate_on(self, from_currency: str, to_currency: str, day: date) -> Decimal | None:
        if from_currency == to_currency:
            return Decimal(1)
        pairs = [one for one in self.rates if (one.from_currency, one.to_currency) == (from_currency, to_currency)]
        found = in_force(pairs, day)
        return found.rate if found else None


K = TypeVar("K")
V = TypeVar("V")


def _grouped(values: Sequence[V], keys: Sequence[K]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = defaultdict(list)
    for key, value in zip(keys, values, strict=True):
        groups[key].append(value)
    return dict(groups)
