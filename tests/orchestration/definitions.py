"""Everything that Dagster serves, one name a line: assets by group, jobs, schedules and sensors.

python -m tests.orchestration.definitions > tests/orchestration/definitions.txt
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

WRITTEN = Path(__file__).with_suffix(".txt")


def served(location: dg.RepositoryDefinition) -> Iterator[str]:
    """Lines in one order: each asset with its group, what it is made from and its checks; then what runs when."""
    graph = location.asset_graph
    for key in sorted(graph.get_all_asset_keys()):
        asset = graph.get(key)
        yield f"asset {key.to_user_string()}, group {asset.group_name}"
        yield from (f"  from {parent.to_user_string()}" for parent in sorted(asset.parent_keys))
        yield from (f"  check {name}" for name in sorted(check.name for check in asset.check_keys))
    for job in sorted(location.get_all_jobs(), key=lambda job: job.name):
        if job.name.startswith("__"):  # Dagster's own, of all assets
            continue
        yield f"job {job.name}"
        yield from (f"  step {name}" for name in sorted(node.name for node in job.nodes))
    for schedule in sorted(location.schedule_defs, key=lambda schedule: schedule.name):
        when = f"{schedule.cron_schedule} {schedule.execution_timezone}"
        yield f"schedule {schedule.name} of {schedule.job_name}: {when}, {schedule.default_status.value.lower()}"
    for sensor in sorted(location.sensor_defs, key=lambda sensor: sensor.name):
        jobs = " ".join(target.job_name for target in sensor.targets)
        when = f"every {sensor.minimum_interval_seconds} s, {sensor.default_status.value.lower()}"
        yield f"sensor {sensor.name} of {jobs or 'no job'}: {when}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["MINUTEBOOK_HOME"] = home
        from orchestration.definitions import defs

        print("\n".join(served(defs.get_repository_def())))  # noqa: T201
