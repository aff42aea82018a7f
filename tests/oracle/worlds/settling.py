"""Costs that nobody knows, some of which a person settles: another account was billed for them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from random import Random

from tests.oracle.bills import bill_costs
from tests.oracle.usage import usage
from tests.oracle.worlds.months import World

Unknown = tuple[str, date, str]  # tenant, day, component


def unknown(world: World) -> Iterator[Unknown]:
    """Costs of tenants that nobody knows."""
    for used in usage(world.book, world.pulls):
        for cost in used.costs:
            if used.tenant_id is not None and cost.basis == "unknown":
                yield used.tenant_id, used.usage_date, cost.component
    for (tenant_id, _), day, cost in bill_costs(world.book, world.pulls):
        if tenant_id is not None and cost.basis == "unknown":
            yield tenant_id, day, cost.component


def with_settled(world: World, random: Random) -> World:
    """The world where a fifth of them are settled; in some periods, then, all are."""
    found = sorted(set(unknown(world)))
    chosen = frozenset(random.sample(found, len(found) // 5))
    months = {(tenant_id, day.replace(day=1)) for tenant_id, day, _ in random.sample(found, len(found) // 20)}
    whole = {one for one in found if (one[0], one[1].replace(day=1)) in months}
    return replace(world, book=replace(world.book, settled=chosen | whole))
