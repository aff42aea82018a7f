"""What must hold of any month, whatever was generated."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.periods import period_of
from tests.oracle.statements import Line, own_lines, quantities, statement_lines, totals, waterfall
from tests.oracle.usage import current, usage
from tests.oracle.worlds.months import World, worlds

any_world = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def statements(world: World) -> list[Line]:
    used = quantities(usage(world.book, world.pulls))
    return [line for tenant in world.book.tenants for line in statement_lines(world.book, tenant, world.as_of, used)]


@any_world
@given(worlds, st.randoms(use_true_random=False))
def test_restatements_of_different_days_may_come_in_any_order(world: World, random: Random) -> None:
    shuffled = current(world.pulls)
    random.shuffle(shuffled)
    again = World(world.seed, world.book, tuple(shuffled), world.as_of)
    assert sorted(map(repr, statements(again))) == sorted(map(repr, statements(world)))


@given(st.dictionaries(st.dates(date(2024, 2, 1), date(2024, 2, 29)), st.integers(0, 10**9)), st.integers(0, 10**9))
def test_the_days_overages_sum_to_what_exceeds_the_allowance(by_day: dict[date, int], included: int) -> None:
    rows = waterfall("t", "m", by_day, included)
    assert sum(row.overage for row in rows) == max(0, sum(by_day.values()) - included)
    assert all(0 <= row.overage <= row.quantity for row in rows)


@any_world
@given(worlds)
def test_a_statement_has_one_line_per_kind_and_meter_and_no_credit_takes_it_below_zero(world: World) -> None:
    lines = statements(world)
    assert len({line.line_id for line in lines}) == len(lines)
    by_tenant: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_tenant[line.tenant_id].append(line)
    for of_tenant in by_tenant.values():
        assert all(total >= 0 for total in totals(of_tenant).values())
        spent = -sum((line.amount for line in of_tenant if line.kind == "credit"), Decimal(0))
        assert spent <= sum(credit.amount for credit in world.book.tenant[of_tenant[0].tenant_id].credits)


@any_world
@given(worlds)
def test_a_unit_is_within_the_allowance_or_overage_or_reported(world: World) -> None:
    used = usage(world.book, world.pulls)
    assert all(one.reason is not None or one.tenant_id is not None for one in used)
    sums = quantities(used)
    for tenant in world.book.tenants:
        lines, days, unpriced = own_lines(world.book, tenant, world.as_of, sums)
        billed = sum(line.quantity or 0 for line in lines if line.kind == "overage")
        in_periods = sum(
            quantity
            for (owner, _), by_day in sums.items()
            if owner == tenant.tenant_id
            for day, quantity in by_day.items()
            if (period := period_of(tenant, day)) and period.first_billed_day <= world.as_of
        )
        assert sum(row.quantity for row in days) == in_periods
        overage = sum(row.overage for row in days)
        assert billed == overage <= billed + sum(unpriced.values())
