"""Forgetting, once a day: personal data older than each tenant's retention period."""

from datetime import UTC, datetime

import dagster as dg

from orchestration.resources import Minutebook
from warehouse import personal
from warehouse.connect import Role, connect


@dg.op(description="Forget callers' numbers and conversations that are older than their tenant's retention period.")
def forget_personal_data(context: dg.OpExecutionContext, minutebook: Minutebook) -> None:
    """Safe to repeat; the audit log says of whom how many rows were changed."""
    with minutebook.database() as url, connect(url, Role.OPERATOR, actor="retention") as connection:
        forgotten = personal.expire(connection, datetime.now(UTC).date())
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
