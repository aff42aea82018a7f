"""Several months of one world: approved, told again, moved and moved back, built and compared, month after month."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

from orchestration.marts.building import build
from tests.oracle.approving import approve_some, frozen_lines, moved, with_late_news
from tests.oracle.comparing import Comparison, Connection, compare
from tests.oracle.loading import publish
from tests.oracle.months import World

UNBALANCED = "select line_id, rated_amount, stated_amount from marts.fct_line_balances where not is_balanced"


def unfolded(
    owner: Connection, operator: Connection, home: Path, url: str, world: World, random: Random, rounds: int
) -> Iterator[tuple[int, Comparison]]:
    """From a built world on, after each round: how many periods were approved in it, and the marts and the oracle."""
    for _ in range(rounds):
        approved = approve_some(operator, world, random)
        world = moved(owner, world, random)
        world, news = with_late_news(world, random)
        publish(owner, news)
        world = replace(world, as_of=world.as_of + timedelta(days=random.randint(1, 35)))
        build(url, home, world.as_of)
        found = compare(owner, world, frozen_lines(owner, world))
        found.add_unbalanced(owner.execute(UNBALANCED).fetchall())
        yield approved, found
