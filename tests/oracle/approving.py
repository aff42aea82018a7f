"""Approvals and late news: some tenants' first periods are approved, then days of theirs are told anew."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from random import Random

from tests.oracle.comparing import Connection
from tests.oracle.months import World
from tests.oracle.periods import period_of
from tests.oracle.statements import Line
from tests.oracle.usage import Pull, current
from warehouse import periods
from warehouse.approval import Scope, approve
from warehouse.blocking import key_of
from warehouse.periods import Month

Frozen = Mapping[str, Mapping[date, list[Line]]]


def approve_some(operator: Connection, world: World, random: Random) -> int:
    """Approve, oldest first, some of the periods that have ended; returns how many."""
    stopped: set[str] = set()
    approved = 0
    start = min(pull.usage_date for pull in world.pulls).replace(day=1)
    while start <= world.as_of:
        month = Month.parse(f"{start:%Y-%m}")
        for row in periods.statements(operator, month):
            if row["state"] == "approved":
                continue
            if row["tenant_id"] in stopped or row["ends_on"] > world.as_of or random.random() < 0.3:
                stopped.add(row["tenant_id"])
                continue
            scope = Scope(month, statements=[key_of(row)])
            (outcome,) = approve(
                operator, scope, "finance", today=world.as_of, override="generated: its gaps are meant"
            )
            assert outcome.result == "approved", outcome
            approved += 1
        operator.commit()
        start = month.end
    return approved


def frozen_lines(connection: Connection, world: World) -> Frozen:
    """What was frozen, by tenant and period; an approved period without lines too."""
    frozen: dict[str, dict[date, list[Line]]] = defaultdict(dict)
    approved = "select tenant_id, period_start from ledger.periods where state = 'approved'"
    for tenant_id, start in connection.execute(approved):
        frozen[tenant_id][start] = []
    counted = "select credit_id, row_number() over (partition by tenant_id order by credit_id) - 1 from control.credits"
    numbers = dict(connection.execute(counted).fetchall())
    for row in connection.execute(
        "select tenant_id, period_start, line_kind, meter_id, quantity, amount, currency, service_period_start,"
        " corrects_line_id, (inputs ->> 'credit_id')::bigint from ledger.statement_lines"
    ):
        period = period_of(world.book.tenant[row[0]], row[7])
        service_start = period.start if period else row[7]
        frozen[row[0]][row[1]].append(Line(*row[:7], service_start, row[8], numbers.get(row[9])))
    return frozen


def with_late_news(world: World, random: Random) -> tuple[World, list[Pull]]:
    """The world and the pulls that were published after it: emptied, shortened, doubled or same days."""
    news = []
    for pull in current(world.pulls):
        if random.random() < 0.25:
            doubled = tuple({**row, "quantity": row["quantity"] * 2} if "quantity" in row else row for row in pull.rows)
            news.append(replace(pull, rows=random.choice(((), pull.rows[:1], doubled, doubled, pull.rows))))
    random.shuffle(news)
    return replace(world, pulls=(*world.pulls, *news)), news
