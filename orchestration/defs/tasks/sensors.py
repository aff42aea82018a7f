"""When tasks are carried out. No cursor is kept: a missed tick heals at the next."""

import dagster as dg

from orchestration.dagster_internals.run_queue import FIRST_IN_THE_QUEUE
from orchestration.defs.tasks.jobs import TaskConfig, carry_out_task
from orchestration.resources import Minutebook
from warehouse.control import tasks
from warehouse.control.tasks import Task
from warehouse.database.connect import Role, connect

TASK = "minutebook/task"
STOPPED = "It was stopped before it had ended. What it had done by then stays; ask for it again."


@dg.sensor(
    name="carry_out_tasks",
    job=carry_out_task,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests a run for each task that somebody asked for on a page; ends one whose run was stopped.",
)
def carry_out_tasks(context: dg.SensorEvaluationContext, minutebook: Minutebook) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run for each task that has none."""
    with (
        minutebook.database() as url,
        connect(url, Role.OPERATOR, actor="carry_out_tasks", autocommit=True) as connection,
    ):
        requested = []
        for task in tasks.unfinished(connection):
            runs = context.instance.get_runs(dg.RunsFilter(tags={TASK: str(task.task_id)}), limit=1)
            if not runs:
                requested.append(_request(task))
            elif runs[0].is_finished and tasks.end(connection, task.task_id, STOPPED):
                context.log.error(f"task {task.task_id} was stopped")
    return requested or dg.SkipReason("Nobody asked for anything that is not under way.")


def _request(task: Task) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"task-{task.task_id}",
        run_config=dg.RunConfig(ops={"carry_out_steps": TaskConfig(task_id=task.task_id)}),
        tags={
            **FIRST_IN_THE_QUEUE,
            TASK: str(task.task_id),
            "minutebook/because": f"{task.asked_by} on {task.page}"[:250],
        },
    )
