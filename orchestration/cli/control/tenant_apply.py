"""Bringing control data to what a tenant's file says: in the order in which things refer to each other."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from orchestration.cli.control.tenant_file import AgentPart, FileInvalid, PlanPart, PricePart, PrivacyPart, TenantFile
from warehouse.control import agents, costs, coverage, plans, prices, tenant_credits, tenants
from warehouse.control.agents import Attachment, words_of
from warehouse.control.changes import Action, Change
from warehouse.control.errors import ControlError
from warehouse.control.prices import Tier
from warehouse.database.queries import Connection
from warehouse.privacy import personal

Part = TypeVar("Part")


def apply(connection: Connection, file: TenantFile) -> list[Change]:
    """Bring the tenant to what the file says; what it does not name stays. Raises ControlError for what is refused.

    The caller's transaction makes it all or nothing. A refusal names the file, the line and the key.
    """
    at = _Place()
    try:
        return list(_applied(connection, file, at))
    except (ControlError, FileInvalid) as error:
        error.args = (f"{file.place_of(*at.place)}: {error}",)
        raise


class _Place:
    """Where the part stands that is being brought in."""

    place: tuple[str | int, ...] = ("tenant",)

    def each(self, parts: Iterable[Part], *place: str | int) -> Iterator[Part]:
        """The parts of a list, one after the other."""
        for n, part in enumerate(parts):
            self.place = (*place, n)
            yield part


def _applied(connection: Connection, file: TenantFile, at: _Place) -> Iterator[Change]:
    for meter in at.each(file.meters, "meters"):
        said = meter.model_dump(exclude={"id", "filter"}, exclude_none=True)
        counted = plans.Meter(meter_id=meter.id, attribute_filter=meter.filter, **said)
        yield plans.put_meter(connection, plans.with_defaults(connection, counted))
    for plan in at.each(file.plans, "plans"):
        yield from _plan(connection, plan, at)
    who, at.place = file.tenant, ("tenant",)
    tenant = tenants.Tenant(who.id, who.name, who.currency, who.anchor_day, who.stripe_customer_id)
    yield tenants.put_tenant(connection, tenant)
    yield tenants.activate(connection, who.id, who.activated_on)
    if who.privacy is not None:
        yield _privacy(connection, who.id, who.privacy)
    for step in at.each(file.tenant_plans, "tenant_plans"):
        yield tenants.put_tenant_plan(connection, who.id, step.plan, step.valid_from)
    for price in at.each(file.prices, "prices"):
        yield prices.put_price(connection, _price(price, tenant_id=who.id))
    for cost in at.each(file.unit_costs, "unit_costs"):
        yield costs.put_unit_cost(
            connection, cost.meter, cost.valid_from, cost.unit_cost, cost.currency, is_rest=cost.rest
        )
    for shared in at.each(file.fixed_costs, "fixed_costs"):
        version = costs.FixedCost(
            shared.id, shared.valid_from, shared.name, shared.monthly_amount, shared.currency, shared.allocation
        )  # fmt: skip
        yield costs.put_fixed_cost(connection, version)
    for credit in at.each(file.credits, "credits"):
        given = tenant_credits.Credit(who.id, credit.amount, credit.valid_from, credit.reason, credit.expires)
        yield tenant_credits.give(connection, given)
    for agent in at.each(file.agents, "agents"):
        yield agents.put_agent(connection, who.id, agent.id, agent.name or agent.id)
    for agent in at.each(file.agents, "agents"):
        yield from _attachments(connection, who.id, agent, at)
    for covered in at.each(file.covered_costs, "covered_costs"):
        declared = coverage.Coverage(
            covered.source, covered.component, covered.valid_from, covered.by, who.id, covered.agent, covered.own
        )  # fmt: skip
        yield coverage.put_coverage(connection, declared)
    for flag, value in file.feature_flags.items():
        at.place = ("feature_flags", flag)
        yield tenants.set_flag(connection, who.id, flag, value)


def _plan(connection: Connection, plan: PlanPart, at: _Place) -> Iterator[Change]:
    here = at.place
    yield plans.put_plan(connection, plan.id, plan.name, plan.currency)
    for terms in at.each(plan.terms, *here, "terms"):
        version = plans.Terms(
            plan.id,
            terms.valid_from,
            terms.subscription_fee,
            terms.setup_fee,
            terms.minimum,
            terms.prorates_allowance,
            terms.voice_meter,
            terms.credit_notes,
        )
        yield plans.put_terms(connection, version)
    for allowance in at.each(plan.allowances, *here, "allowances"):
        yield plans.put_allowance(connection, plan.id, allowance.meter, allowance.valid_from, allowance.quantity)
    for price in at.each(plan.prices, *here, "prices"):
        yield prices.put_price(connection, _price(price, plan_id=plan.id))


def _attachments(connection: Connection, tenant_id: str, agent: AgentPart, at: _Place) -> Iterator[Change]:
    here = at.place
    for n, part in sorted(enumerate(agent.attachments), key=lambda one: one[1].valid_from):
        at.place = (*here, "attachments", n)
        if part.until is not None and part.until <= part.valid_from:
            raise FileInvalid(f"agent {agent.id}: {words_of(part.kind)} {part.value} ends before it starts")
        start = Attachment(tenant_id, agent.id, part.kind, part.value, part.valid_from, part.environment)
        yield agents.attach(connection, start)
        if part.until is not None:
            yield agents.detach(connection, Attachment(tenant_id, agent.id, part.kind, part.value, part.until))


def _privacy(connection: Connection, tenant_id: str, part: PrivacyPart) -> Change:
    said = {kind: str(keep) for kind, keep in part.model_dump(exclude_none=True).items()}
    action = Action.CHANGED if personal.choose(connection, tenant_id, said) else Action.UNCHANGED
    return Change(f"privacy of {tenant_id}", action)


def _price(part: PricePart, plan_id: str | None = None, tenant_id: str | None = None) -> prices.Price:
    tiers = tuple(Tier(tier.up_to, tier.unit_amount) for tier in part.tiers)
    return prices.Price(
        part.meter, part.valid_from, part.model, plan_id, tenant_id, part.unit_amount, part.package_size, tiers
    )  # fmt: skip
