"""Whether a run is under way, or failed a moment ago: what sensors ask before they request another."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from warehouse import clock

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def reason_to_wait(instance: dg.DagsterInstance, job: str, pause: timedelta | None = None) -> str | None:
    """Why no run of a job is requested now: one is queued or at work, or the last failed less than a pause ago."""
    if instance.get_runs(dg.RunsFilter(job_name=job, statuses=UNFINISHED), limit=1):
        return f"A run of {job} is at work already."
    last = instance.get_run_records(dg.RunsFilter(job_name=job), limit=1) if pause else []
    if pause and last and last[0].dagster_run.status == dg.DagsterRunStatus.FAILURE and last[0].end_time is not None:
        next_try = datetime.fromtimestamp(last[0].end_time, UTC) + pause
        if clock.now() < next_try:
            return f"The last run of {job} failed; trying again at {next_try:%H:%M:%S} UTC."
    return None
