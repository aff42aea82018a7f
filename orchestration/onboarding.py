"""What a tenant still needs until its first bill, in order: for the command line, and as pages."""

from dataclasses import dataclass
from datetime import date, timedelta

from warehouse.control import tenants
from warehouse.database.queries import Connection, Row
from warehouse.marts import freshness
from warehouse.statements import periods
from warehouse.statements.periods import Month

FIRST_DAYS = 7


@dataclass(frozen=True)
class Step:
    """One step: what it is, whether it is done, and the command that does it."""

    key: str
    words: str
    is_done: bool
    command: str


def first_days(since: date, today: date) -> tuple[date, date]:
    """The first days to be read, both ends included: a week, or what there is of it."""
    return since, min(since + timedelta(days=FIRST_DAYS - 1), max(since, today - timedelta(days=1)))


def first_statement(connection: Connection, tenant: str, since: date) -> Row | None:
    """The statement of the period that holds the tenant's first billed day; None before the data was built with it."""
    if not freshness.is_built(connection):
        return None
    month = Month.parse(f"{since:%Y-%m}")
    former = Month.parse(f"{month.start - timedelta(days=1):%Y-%m}")
    found = [row for each in (month, former) for row in periods.statements(connection, each, [tenant])]
    return next((row for row in found if row["period_start"] <= since < row["ends_on"]), None)


def steps(connection: Connection, tenant: str, since: date, today: date) -> list[Step]:
    """The steps of a tenant that is billed since a day."""
    has = tenants.set_up(connection, tenant, since)
    # Of an account of its own all is the tenant's, whatever agent it is of.
    is_attached = has["has_attachment"] or has["has_own_key"]
    first, last = first_days(since, today)
    statement = first_statement(connection, tenant, since)
    month = f"{statement['period_start'] if statement else since:%Y-%m}"
    return [
        Step("key", "a key of an account that is read", has["has_key"], "minutebook credential set --help"),
        Step(
            "agents",
            "an agent, and the numbers or assistants attached to it",
            is_attached,
            f"minutebook agent create {tenant} AGENT --name NAME",
        ),
        Step(
            "plan",
            "a plan: fees, allowances, prices",
            has["has_plan"],
            f"minutebook tenant plan {tenant} PLAN --from {since}",
        ),
        Step(
            "days",
            "its first days",
            bool(has["days_read"]) and has["has_key"] and is_attached,
            f"minutebook pull --tenant {tenant} --from {first} --to {last}",
        ),
        Step(
            "statement",
            "its statement",
            statement is not None and has["has_plan"] and bool(has["days_read"]),
            f"minutebook build && minutebook review {month} --tenant {tenant} --lines",
        ),
    ]
