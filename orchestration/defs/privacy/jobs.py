"""Forgetting, once a day: personal data older than each tenant's retention period, and raw rows that nobody reads."""

from datetime import timedelta

import dagster as dg

from orchestration.privacy.minimising import apply_choices
from orchestration.resources import Minutebook
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.ingestion import retention
from warehouse.privacy import personal


@dg.op(description="Take out what a tenant chose not to keep, and what is older than its retention period.")
def forget_personal_data(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """Safe to repeat; the audit log says of whom how many rows were changed."""
    with minutebook.database() as url:
        applied = apply_choices(url, "retention")
        with connect(url, Role.OPERATOR, actor="retention") as connection:
            forgotten = personal.expire(connection, clock.today())
    for tenant, of_choice in applied.items():
        forgotten[tenant] = forgotten.get(tenant, 0) + of_choice.rows_changed
    context.add_output_metadata({tenant: count for tenant, count in forgotten.items() if count})


@dg.job(description="Personal data older than each tenant's retention period is forgotten; costs and times stay.")
def expire_personal_data() -> None:
    """One step."""
    forget_personal_data()


expire_personal_data_daily = dg.ScheduleDefinition(
    job=expire_personal_data,
    cron_schedule="30 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    name="expire_personal_data_daily",
)


@dg.op(description="Delete raw rows of superseded and failed pulls that are older than MINUTEBOOK_SUPERSEDED_DAYS.")
def purge_unread_rows(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """In small transactions; safe to repeat and to interrupt. What a frozen line is explained by stays."""
    closed_before = clock.now() - timedelta(days=minutebook.settings.superseded_days)
    with (
        minutebook.database() as url,
        connect(url, Role.OPERATOR, actor="retention", autocommit=True) as connection,
    ):
        purged = retention.purge(connection, closed_before)
    context.add_output_metadata({one.source: f"{one.raw_rows} rows of {one.pulls} pulls" for one in purged})


@dg.job(
    description="Raw rows of superseded and failed pulls go after a while; what is current or explains a line stays."
)
def purge_raw() -> None:
    """One step."""
    purge_unread_rows()


purge_raw_daily = dg.ScheduleDefinition(
    job=purge_raw,
    cron_schedule="45 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    name="purge_raw_daily",
)
