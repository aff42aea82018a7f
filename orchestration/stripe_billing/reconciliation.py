"""A 200 is not a bill: read Stripe's day summaries back, and name every tenant, meter and day where the marts, the
postings and Stripe are not one. Nothing is repaired here; each finding says what a person does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from orchestration.stripe_billing.api.cache import ABSENT
from orchestration.stripe_billing.api.calls import StripeApi
from orchestration.stripe_billing.api.errors import NotFoundInLedger, StripeUnavailable
from orchestration.stripe_billing.each import ask_each
from orchestration.stripe_billing.posting.readiness import Finding, Readiness
from sources.http.budget import Turns
from warehouse.stripe import reconciliation
from warehouse.stripe.postings import OLDEST_TIMESTAMP, held_elsewhere, newest_accepted, withdraw
from warehouse.stripe.reconciliation import DifferentDay, Summary
from warehouse.words import day as in_words


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
    wanted = reconciliation.summaries_to_read(connection, oldest, tenant_ids)
    meters = {one.stripe_event_name: readiness.meter(one.stripe_event_name) for one in wanted}

    def read(summary: Summary) -> dict[date, Decimal]:
        meter = meters[summary.stripe_event_name]
        if meter is None:
            return {}
        turns.wait()
        return api.day_summaries(meter["id"], summary.stripe_customer_id, oldest, today + timedelta(days=1))

    count, failed = 0, []
    try:
        answers = ask_each(wanted, read, lambda summary: summary.tenant_id, workers=workers)
    except StripeUnavailable as error:
        raise StripeUnavailable(f"{error} So nothing was compared.") from None
    for summary, days in answers:
        if isinstance(days, Finding):
            is_absent = days.code in ABSENT
            absent = readiness.absence(summary.tenant_id, summary.stripe_customer_id) if is_absent else None
            failed.append(replace(absent or days, meter_id=summary.meter_id))
            continue
        reconciliation.put_summaries(connection, summary, oldest, days, clock())
        count += len(days)
    return Read(count, failed)


def differences(connection: psycopg.Connection[Any], tenant_ids: Sequence[str] | None = None) -> list[Difference]:
    """What was not one and the same when marts.fct_reconciliation was made, by tenant, meter and day.

    The model compares; what a person does about it is said here.
    """
    return [
        Difference(
            row.tenant_id, row.meter_id, row.usage_date, int(row.ours), int(row.posted), row.stripe, row.difference,
            row.age_days, row.finding, _what_to_do(row),
        )
        for row in reconciliation.differences(connection, tenant_ids)
    ]  # fmt: skip


def post_again(connection: psycopg.Connection[Any], tenant_id: str, meter_id: str, day: date, now: datetime) -> str:
    """Count the newest accepted posting of a day as lost, so that the next run posts a new version of it.

    Harmless where it did arrive: the day is overwritten with the same value. Raises NotFoundInLedger.
    """
    identifier = newest_accepted(connection, tenant_id, meter_id, day)
    if identifier is None:
        raise NotFoundInLedger(
            f"No accepted posting of {tenant_id}, {meter_id} and {in_words(day)}: see `minutebook reconcile`."
        )
    cause = "A person found it missing at Stripe."
    withdraw(connection, [identifier], "lost", "missing_at_stripe", cause, now)
    return identifier


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
    resent = Resent([], [])
    for row in held_elsewhere(connection, today - OLDEST_TIMESTAMP, tenant_ids):
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


def _what_to_do(row: DifferentDay) -> str:
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


def _uncovered(row: DifferentDay) -> str:
    if row.posting_state == "refused":
        return f"Stripe refused it ({row.cause_code})"
    if row.posting_state == "accepted" and row.read_at is None:
        return "Stripe was not read back while a meter took it"
    if row.stripe != row.posted:
        # Read back before Stripe's summaries had settled, perhaps; whichever it was, no new version can overwrite it.
        return f"Stripe holds {row.stripe} and takes no more ({row.cause_code or 'too_old'})"
    return f"No meter can carry it ({row.cause_code or 'too_old'})"


def _bills_it(row: DifferentDay) -> str:
    """It stays red until the tenant is billed the statement, and no longer."""
    if row.is_approved:
        return "`minutebook post` bills what the invoice did not charge, and says what hinders it."
    period = f"{row.period_start:%Y-%m} --tenant {row.tenant_id}"
    return f"once the period is over, `minutebook approve {period}`, which bills what the invoice did not charge."
