"""A 200 is not a bill: read Stripe's day summaries back, and name every tenant, meter and day where the marts, the
postings and Stripe are not one. Nothing is repaired here; each finding says what a person does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from orchestration.stripe_billing.api.cache import ABSENT
from orchestration.stripe_billing.api.calls import StripeApi
from orchestration.stripe_billing.api.errors import NotFoundInLedger, StripeUnavailable
from orchestration.stripe_billing.each import ask_each
from orchestration.stripe_billing.posting.readiness import Finding, Readiness
from sources.budget import Turns
from warehouse.database import queries
from warehouse.stripe.postings import OLDEST_TIMESTAMP, withdraw

_SQL = queries.load("stripe/reconciliation")
_POSTINGS = queries.load("stripe/postings")


@dataclass(frozen=True, slots=True)
class _Row:
    tenant_id: str
    meter_id: str
    usage_date: date
    period_start: date
    ours: Decimal
    posted: Decimal
    stripe: Decimal
    difference: Decimal
    age_days: int
    posting_state: str | None
    cause_code: str | None
    cause: str | None
    read_at: datetime | None
    is_approved: bool
    finding: str
    is_elsewhere: bool
    sent_to: str | None


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of Stripe's summaries: how many days, and of which tenants nothing, with the reason."""

    days: int
    failed: list[Finding]


@dataclass(frozen=True, slots=True)
class Difference:
    """One tenant, meter and day: what the marts want, what we posted, what Stripe holds, in the meter's units.

    finding: as of `marts.fct_reconciliation`, but for equal and billed. Only settling is not red.
    """

    tenant_id: str
    meter_id: str
    usage_date: date
    ours: int
    posted: int
    stripe: Decimal
    difference: Decimal
    age_days: int
    finding: str
    what_to_do: str

    @property
    def is_red(self) -> bool:
        return self.finding != "settling"


def read_summaries(
    connection: psycopg.Connection[Any],
    api: StripeApi,
    readiness: Readiness,
    clock: Callable[[], datetime],
    *,
    tenant_ids: Sequence[str] | None = None,
    workers: int = 8,
    per_second: float = 80.0,
) -> Read:
    """Read what Stripe holds of every day a meter may still change into ledger.stripe_day_summaries.

    What cannot be read of one tenant is named and stays as it was last read; the others are read.

    Raises:
        StripeUnavailable, StripeRefused: a side of the comparison is missing for all; nothing was compared.
    """
    today, turns = clock().date(), Turns(per_second)
    oldest = today - OLDEST_TIMESTAMP
    scope = {"oldest_day": oldest, "tenant_ids": None if tenant_ids is None else list(tenant_ids)}
    rows = connection.execute(_SQL["to_read"], scope).fetchall()

    meters = {row[3]: readiness.meter(row[3]) for row in rows}

    def read(row: tuple[str, str, str, str]) -> dict[date, Decimal]:
        meter = meters[row[3]]
        if meter is None:
            return {}
        turns.wait()
        return api.day_summaries(meter["id"], row[2], oldest, today + timedelta(days=1))

    count, failed = 0, []
    try:
        answers = ask_each(rows, read, lambda row: str(row[0]), workers=workers)
    except StripeUnavailable as error:
        raise StripeUnavailable(f"{error} So nothing was compared.") from None
    for (tenant_id, meter_id, customer, _), days in answers:
        if isinstance(days, Finding):
            is_absent = days.code in ABSENT
            absent = readiness.absence(tenant_id, customer) if is_absent else None
            failed.append(replace(absent or days, meter_id=meter_id))
            continue
        key = {"tenant_id": tenant_id, "meter_id": meter_id, "oldest_day": oldest, "now": clock()}
        with connection.transaction():
            connection.execute(_SQL["forget_summaries"], key)
            connection.execute(_SQL["put_summaries"], {**key, "days": list(days), "values": list(days.values())})
        count += len(days)
    return Read(count, failed)


def differences(connection: psycopg.Connection[Any], tenant_ids: Sequence[str] | None = None) -> list[Difference]:
    """What was not one and the same when marts.fct_reconciliation was made, by tenant, meter and day.

    The model compares; what a person does about it is said here.
    """
    scope = {"tenant_ids": None if tenant_ids is None else list(tenant_ids)}
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        rows = cursor.execute(_SQL["differences"], scope).fetchall()
    return [
        Difference(
            row.tenant_id, row.meter_id, row.usage_date, int(row.ours), int(row.posted), row.stripe, row.difference,
            row.age_days, row.finding, _what_to_do(row),
        )
        for row in rows
    ]  # fmt: skip


def post_again(connection: psycopg.Connection[Any], tenant_id: str, meter_id: str, day: date, now: datetime) -> str:
    """Count the newest accepted posting of a day as lost, so that the next run posts a new version of it.

    Harmless where it did arrive: the day is overwritten with the same value. Raises NotFoundInLedger.
    """
    row = connection.execute(
        _POSTINGS["newest_accepted"], {"tenant_id": tenant_id, "meter_id": meter_id, "usage_date": day}
    ).fetchone()
    if row is None:
        raise NotFoundInLedger(f"No accepted posting of {tenant_id}, {meter_id} and {day}: see `minutebook reconcile`.")
    cause = "A person found it missing at Stripe."
    withdraw(connection, [row[0]], "lost", "missing_at_stripe", cause, now)
    return str(row[0])


@dataclass(frozen=True, slots=True)
class Resent:
    """days: tenant, meter and day that will be posted again; kept: those that stay, with the reason."""

    days: list[tuple[str, str, date]]
    kept: list[tuple[str, str, date, str]]


def resend(
    connection: psycopg.Connection[Any],
    readiness: Readiness,
    now: datetime,
    tenant_ids: Sequence[str] | None = None,
    *,
    dry_run: bool = False,
) -> Resent:
    """Count as lost what another customer, account or mode holds than today's, so that the next run posts it here.

    What an invoice there has billed stays: approval settles it. Raises StripeUnavailable, StripeRefused.
    """
    today = now.date()
    scope = {"oldest_day": today - OLDEST_TIMESTAMP, "tenant_ids": None if tenant_ids is None else list(tenant_ids)}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_POSTINGS["elsewhere"], scope).fetchall()
    resent = Resent([], [])
    for row in rows:
        day = (row["tenant_id"], row["meter_id"], row["usage_date"])
        customer = row["stripe_customer_id"]
        if row["period_end"] <= today and row["is_other_live_account"]:
            why = f"{customer} is of another live account, whose invoice of that period is over and not read here"
        elif not row["is_other_account"] and readiness.is_final(customer, row["period_end"]):
            why = f"the final invoice of {customer} has billed it"
        else:
            resent.days.append(day)
            if not dry_run:
                cause = f"{customer} holds it, which is not billed any more: sent again."
                withdraw(connection, [row["identifier"]], "lost", "held_elsewhere", cause, now)
            continue
        resent.kept.append((*day, why))
    return resent


def _what_to_do(row: _Row) -> str:
    if row.is_elsewhere and row.finding == "missing":
        resend = f"`minutebook post --tenant {row.tenant_id} --resend` posts what today's customer does not hold"
        period = f"{row.period_start:%Y-%m} --tenant {row.tenant_id}"
        return (
            f"It went to {row.sent_to}: {resend}; what an invoice there billed, `minutebook approve {period}` settles."
        )
    again = f"minutebook post --again {row.tenant_id}/{row.meter_id}/{row.usage_date}"
    match row.finding:
        case "in flight":
            return "It was committed and Stripe's answer is not known: run `minutebook post`, which sends it again."
        case "settling":
            return "Stripe's summaries follow within the hour, or were not read since it was posted: look again later."
        case "uncovered":
            return f"{_uncovered(row)}: {_bills_it(row)}"
        case "not posted" if row.posting_state == "refused":
            return f"Stripe refused it ({row.cause_code}: {row.cause}): repair that, then `minutebook post`."
        case "not posted":
            return "Run `minutebook post`; if it is not sent, `minutebook stripe check` says why."
        case "missing":
            return f"Stripe answered yes and does not hold it: `{again}`, then `minutebook post`."
        case _ if row.posted == 0 and row.posting_state is None:
            return "Somebody else posts to this customer and meter: find out who, then correct it at Stripe."
    return f"Stripe holds more than we posted: `{again}`, then `minutebook post` overwrites the day."


def _uncovered(row: _Row) -> str:
    if row.posting_state == "refused":
        return f"Stripe refused it ({row.cause_code})"
    if row.posting_state == "accepted" and row.read_at is None:
        return "Stripe was not read back while a meter took it"
    if row.stripe != row.posted:
        # Read back before Stripe's summaries had settled, perhaps; whichever it was, no new version can overwrite it.
        return f"Stripe holds {row.stripe} and takes no more ({row.cause_code or 'too_old'})"
    return f"No meter can carry it ({row.cause_code or 'too_old'})"


def _bills_it(row: _Row) -> str:
    """It stays red until the tenant is billed the statement, and no longer."""
    if row.is_approved:
        return "`minutebook post` bills what the invoice did not charge, and says what hinders it."
    period = f"{row.period_start:%Y-%m} --tenant {row.tenant_id}"
    return f"once the period is over, `minutebook approve {period}`, which bills what the invoice did not charge."
