"""Several months of one world: approved, reopened, credits taken back, versions written, told again, moved and moved
back, built and compared, month after month."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from orchestration.marts.building import build
from tests.oracle.comparing import Comparison, Connection, compare, lines_of
from tests.oracle.statements import quantities
from tests.oracle.usage import usage
from tests.oracle.worlds.approving import (
    Frozen,
    approve_some,
    frozen_lines,
    moved,
    reopen_some,
    void_some,
    with_late_news,
)
from tests.oracle.worlds.loading import publish
from tests.oracle.worlds.months import World
from tests.oracle.worlds.versions import write_some
from warehouse.statements.blocking import Key

UNBALANCED = "select line_id, rated_amount, stated_amount from marts.fct_line_balances where not is_balanced"
ISSUED = """
    select i.tenant_id, i.period_start, i.revision, coalesce(sum((line ->> 'amount')::numeric), 0)
    from ledger.issued_statements as i
    left join lateral jsonb_array_elements(i.content -> 'lines') as line on true
    group by i.tenant_id, i.period_start, i.revision"""
NUMBERED = """
    select tenant_id, period_start, max(revision) from ledger.issued_statements
    group by tenant_id, period_start
    having count(distinct number) = 1 and count(*) = max(revision)"""


@dataclass(frozen=True)
class Round:
    """approved again: of periods that had been reopened. refused: reopenings, with what another period corrects.
    written: versions of prices, plans and the like, by kind, and those that were refused."""

    approved: list[Key]
    approved_again: list[Key]
    reopened: list[Key]
    refused: dict[Key, str]
    written: Counter[str]
    found: Comparison


def unfolded(
    owner: Connection, operator: Connection, home: Path, url: str, world: World, random: Random, rounds: int
) -> Iterator[Round]:
    """From a built world on, what happened in each round, and the marts and the oracle after it."""
    frozen: Frozen = {}
    approvals: list[Key] = []
    issued: dict[tuple[object, ...], Decimal] = {}
    for _ in range(rounds):
        told = lines_of(world, quantities(usage(world.book, world.pulls)), frozen)
        approved = approve_some(operator, world, random)
        again = [key for key in approved if key in approvals]
        approvals += approved
        revisions = Counter(approvals)
        for tenant_id, start in approved:
            total = sum((line.amount for line in told[tenant_id] if line.period_start == start), Decimal(0))
            issued[tenant_id, start, revisions[tenant_id, start]] = total
        frozen = frozen_lines(owner, world)
        reopened, refused = reopen_some(operator, frozen, approvals, random)
        standing = frozen_lines(owner, world)
        world = void_some(operator, world, standing, random)
        world, written = write_some(operator, world, standing, random)
        world = moved(owner, world, random)
        world, news = with_late_news(world, frozen, random)
        publish(owner, news)
        world = replace(world, as_of=world.as_of + timedelta(days=random.randint(15, 45)))
        build(url, home, world.as_of)
        frozen = frozen_lines(owner, world)
        found = compare(owner, world, frozen)
        found.add_unbalanced(owner.execute(UNBALANCED).fetchall())
        found.check("issued statement", issued, {tuple(row[:-1]): row[-1] for row in owner.execute(ISSUED)})
        found.check("revision", revisions, {tuple(row[:-1]): row[-1] for row in owner.execute(NUMBERED)})
        yield Round(approved, again, reopened, refused, written, found)
