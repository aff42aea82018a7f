"""Margins as the marts hold them: of periods, or cut by agent, campaign, meter or day. Owns nothing."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from warehouse.database.queries import Connection, Row, rows
from warehouse.statements.periods import Month

FILE = "costs/margins"


class Part(StrEnum):
    """What a period's margin is cut by."""

    AGENT = "agent"
    CAMPAIGN = "campaign"
    METER = "meter"
    DAY = "day"


def by_month(connection: Connection, start: date, end: date) -> list[Row]:
    """Of periods that start in [start, end), by calendar month and currency: revenue, known_cost, margin (None while a
    cost of one is unknown), known_margin (what is unknown left out), tenants, tenants_unknown of them, and minutes.
    """
    return rows(connection, FILE, "by_month", month_start=start, month_end=end)


def margins(
    connection: Connection, month: Month, part: Part | None = None, tenant_ids: Sequence[str] | None = None
) -> list[Row]:
    """Revenue, costs and margin, with and without estimates, of the periods that start in a month.

    Amounts are in the tenant's currency: a period's rounded as its lines are, with its corrections; a part's unrounded,
    as usage is rated now, and `part` is null for what belongs to none (fees, shared costs).
    """
    about = {"month_start": month.start, "month_end": month.end, "tenant_ids": list(tenant_ids) if tenant_ids else None}
    if part is None:
        return rows(connection, FILE, "months", **about)
    return rows(connection, FILE, "parts", part=part.value, **about)


def moves(connection: Connection, former: Month, month: Month) -> list[Row]:
    """Each tenant's revenue and margin of two months that follow each other, those that moved most first; of the later
    one also cost and connected minutes."""
    return rows(connection, FILE, "moves", former_start=former.start, month_start=month.start, month_end=month.end)
