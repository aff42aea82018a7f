"""Approvals and late news: some tenants' periods are approved, some of those reopened and credits taken back, then days
of theirs are told again, up, down and back again, and numbers and agents move in closed months and come back."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from random import Random

from tests.oracle.comparing import Connection
from tests.oracle.periods import period_of
from tests.oracle.statements import Line, corrected
from tests.oracle.usage import Pull, current
from tests.oracle.worlds.book import Attachment, Credit
from tests.oracle.worlds.months import World
from warehouse.control.errors import Refused
from warehouse.control.tenant_credits import void
from warehouse.database.queries import Row
from warehouse.statements import periods
from warehouse.statements.approval import Scope, approve
from warehouse.statements.blocking import Key, key_of
from warehouse.statements.periods import Month

Frozen = Mapping[str, Mapping[date, list[Line]]]
Place = tuple[str, str, date]
FROZEN = ("approved", "closed")
CREDITS = "select tenant_id, array_agg(credit_id order by credit_id) from control.credits group by tenant_id"


def approve_some(operator: Connection, world: World, random: Random) -> list[Key]:
    """Approve the oldest period of some of the tenants, where it has ended, and close some; returns which. One of each,
    since the marts have to know it before the next one's corrections are frozen."""
    done: set[str] = set()
    approved = []
    start = min(pull.usage_date for pull in world.pulls).replace(day=1)
    while start <= world.as_of:
        month = Month.parse(f"{start:%Y-%m}")
        for row in periods.statements(operator, month):
            if row["state"] in FROZEN or row["tenant_id"] in done:
                continue
            done.add(row["tenant_id"])
            if row["ends_on"] > world.as_of or random.random() < 0.2:
                continue
            scope = Scope(month, statements=[key_of(row)])
            (outcome,) = approve(
                operator, scope, "finance", today=world.as_of, override="generated: its gaps are meant"
            )
            assert outcome.result == "approved", outcome
            approved.append(key_of(row))
            if random.random() < 0.4:
                assert periods.close(operator, _period(operator, key_of(row)), "finance")
        operator.commit()
        start = month.end
    return approved


def frozen_lines(connection: Connection, world: World) -> Frozen:
    """What was frozen, by tenant and period; an approved period without lines too."""
    frozen: dict[str, dict[date, list[Line]]] = defaultdict(dict)
    approved = "select tenant_id, period_start from ledger.periods where state = any(%s) order by 1, 2"
    for tenant_id, start in connection.execute(approved, [list(FROZEN)]):
        frozen[tenant_id][start] = []
    of_tenants = connection.execute(CREDITS).fetchall()
    numbers = {credit_id: number for _, ids in of_tenants for number, credit_id in enumerate(ids)}
    for row in connection.execute(
        "select tenant_id, period_start, line_kind, meter_id, quantity, amount, currency, service_period_start,"
        " corrects_line_id, (inputs ->> 'credit_id')::bigint from ledger.statement_lines"
    ):
        period = period_of(world.book.tenant[row[0]], row[7])
        service_start = period.start if period else row[7]
        frozen[row[0]][row[1]].append(Line(*row[:7], service_start, row[8], numbers.get(row[9])))
    return frozen


def reopen_some(
    operator: Connection, frozen: Frozen, approvals: Collection[Key], random: Random
) -> tuple[list[Key], dict[Key, str]]:  # fmt: skip
    """Reopen a period of some of the tenants, rather one whose adjustments were adjusted again; returns which, and
    which were refused, with what of them another one corrects. approvals: in their order, the last of a period counts.
    """
    place = {key: number for number, key in enumerate(approvals)}
    reopened: list[Key] = []
    refused: dict[Key, str] = {}
    for tenant_id, of_tenant in frozen.items():
        later = {
            start: {other for other in of_tenant if place[tenant_id, other] > place[tenant_id, start]}
            for start in of_tenant
        }
        why = {start: corrected(of_tenant, start, later[start]) for start in of_tenant}
        again = [start for start in of_tenant if why[start] == "adjusted"]
        if random.random() < (0.2 if again else 0.7):
            continue
        start = random.choice(again or list(of_tenant))
        try:
            periods.reopen(operator, _period(operator, (tenant_id, start)), "finance", "generated: it was wrong")
            reopened.append((tenant_id, start))
        except Refused:
            refused[tenant_id, start] = why[start] or "nothing"
        assert refused.get((tenant_id, start)) == why[start], (tenant_id, start, why[start])
        operator.commit()
    return reopened, refused


def void_some(operator: Connection, world: World, frozen: Frozen, random: Random) -> World:
    """Take back some credits, rather ones that approved statements used a part of."""
    ids = dict(operator.execute(CREDITS).fetchall())
    tenants = []
    for tenant in world.book.tenants:
        used: dict[int | None, list[Line]] = defaultdict(list)
        for line in (line for lines in frozen.get(tenant.tenant_id, {}).values() for line in lines):
            used[line.credit].append(line)
        kept = []
        for credit in tenant.credits:
            if credit.kept_by is None and random.random() < (0.7 if used[credit.number] else 0.1):
                credit = _taken_back(operator, credit, ids[tenant.tenant_id][credit.number], used[credit.number])
            kept.append(credit)
        tenants.append(replace(tenant, credits=tuple(kept)))
    operator.commit()
    return replace(world, book=replace(world.book, tenants=tenants))


def _taken_back(operator: Connection, credit: Credit, credit_id: int, used: Collection[Line]) -> Credit:
    """The credit without what is left of it; as it was where nothing is, which is refused."""
    left = credit.amount + sum(line.amount for line in used)
    try:
        void(operator, credit_id, "generated: given by mistake")
    except Refused:
        assert not left, (credit, used)
        return credit
    assert left, (credit, used)
    return replace(credit, amount=credit.amount - left, kept_by=frozenset(line.period_start for line in used))


def _period(operator: Connection, key: Key) -> Row:
    tenant_id, start = key
    found = periods.periods_of(operator, Month.parse(f"{start:%Y-%m}"), [tenant_id])
    return next(row for row in found if row["period_start"] == start)


def moved(connection: Connection, world: World, random: Random) -> World:
    """Numbers and agents that go to another tenant from some day on, closed or not, and some that come back."""
    came_back = [one for one in world.moves if random.random() < 0.6]
    places = {(one.kind, one.value, one.valid_from) for one in world.book.attachments}
    gone = []
    for tenant in world.book.tenants:
        if random.random() < 0.3 and len(world.book.tenants) > 1:
            kind, mark = random.choice((("vapi_phone_number", "n"), ("usage_agent", "x"), ("usage_agent", "y")))
            other = random.choice([one.tenant_id for one in world.book.tenants if one != tenant])
            day = random.choice(world.pulls).usage_date
            value = f"{tenant.tenant_id}-{mark}"
            if (kind, value, day) not in places:
                gone.append(Attachment(kind, value, day, other, f"{other}-1"))
    connection.cursor().executemany(
        "delete from control.agent_attachments where kind = %s and value = %s and valid_from = %s",
        [(one.kind, one.value, one.valid_from) for one in came_back],
    )
    connection.cursor().executemany(
        "insert into control.agent_attachments (kind, value, valid_from, tenant_id, agent_id)"
        " values (%s, %s, %s, %s, %s)",
        [(one.kind, one.value, one.valid_from, one.tenant_id, one.agent_id) for one in gone],
    )
    attachments = [*(one for one in world.book.attachments if one not in came_back), *gone]
    moves = [*(one for one in world.moves if one not in came_back), *gone]
    return replace(world, book=replace(world.book, attachments=attachments), moves=tuple(moves))


def with_late_news(world: World, frozen: Frozen, random: Random) -> tuple[World, list[Pull]]:
    """The world and the pulls that were published after it: emptied, shortened, doubled, same days, and days as they
    were told at first, most often of approved periods; and what moved, pulled where it is now."""
    first = {_place(pull): pull for pull in reversed(world.pulls)}
    news = []
    for pull in current(world.pulls):
        if random.random() < (0.8 if _is_approved(world, frozen, pull) else 0.35):
            doubled = tuple({**row, "quantity": row["quantity"] * 2} if "quantity" in row else row for row in pull.rows)
            back = first[_place(pull)].rows
            rows = random.choice(((), pull.rows[:1], doubled, doubled, pull.rows, back, back, back))
            news.append(replace(pull, rows=rows))
    random.shuffle(news)
    news += _pulled_where_they_are(world, current((*world.pulls, *news)), random)
    return replace(world, pulls=(*world.pulls, *news)), news


def _pulled_where_they_are(world: World, pulls: list[Pull], random: Random) -> list[Pull]:
    """Of some agents that moved, their rows out of the former tenant's pull and into the new one's."""
    rows = {_place(pull): pull.rows for pull in pulls}
    changed: dict[Place, None] = {}
    for pull in (pull for pull in pulls if pull.source == "usage_metrics"):
        for row in pull.rows:
            attached = world.book.attached_on("usage_agent", row["agent_id"], pull.usage_date)
            if attached and attached.tenant_id and attached.tenant_id != pull.account and random.random() < 0.5:
                here, there = _place(pull), (pull.source, attached.tenant_id, pull.usage_date)
                rows[here] = tuple(one for one in rows[here] if one is not row)
                rows[there] = (*rows.get(there, ()), row)
                changed |= {here: None, there: None}
    return [Pull(*place, rows[place]) for place in changed]


def _is_approved(world: World, frozen: Frozen, pull: Pull) -> bool:
    tenant = world.book.tenant.get(pull.account)
    period = period_of(tenant, pull.usage_date) if tenant else None
    return period is not None and period.start in frozen.get(pull.account, {})


def _place(pull: Pull) -> Place:
    return pull.source, pull.account, pull.usage_date
