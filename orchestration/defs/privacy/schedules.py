"""Once a day, after the night."""

import dagster as dg

from orchestration.defs.privacy.jobs import expire_personal_data

expire_personal_data_daily = dg.ScheduleDefinition(
    job=expire_personal_data,
    cron_schedule="30 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    name="expire_personal_data_daily",
)
