"""Carrying out a task: its steps one after the other, as the command line would."""

import dagster as dg

from orchestration.cli.running import StepFailed, run
from orchestration.resources import Minutebook
from warehouse.control import tasks
from warehouse.database.connect import Role, connect


class TaskConfig(dg.Config):
    """Which task."""

    task_id: int


@dg.op(description="The steps of a task, each only if the one before ended well, under the name of who asked.")
def carry_out_steps(context: dg.OpExecutionContext, config: TaskConfig, minutebook: Minutebook) -> None:
    """A task that was begun before is left: nobody knows how far its step came. Fails with the step that failed."""
    with (
        minutebook.database() as url,
        connect(url, Role.OPERATOR, actor="carry_out_task", autocommit=True) as connection,
    ):
        task = tasks.task(connection, config.task_id)
        if task is None or not tasks.begin(connection, task.task_id):
            raise dg.Failure(f"task {config.task_id} is not waiting", allow_retries=False)
        for place, step in enumerate(task.steps):
            tasks.advance(connection, task.task_id, place)
            context.log.info(f"{task.asked_by}: minutebook {' '.join(step)}")
            try:
                run(step, minutebook.settings, task.asked_by)
            except StepFailed as error:
                tasks.end(connection, task.task_id, str(error))
                raise dg.Failure(str(error), allow_retries=False) from None
        tasks.end(connection, task.task_id)


@dg.job(description="What a person asked for on a page: its steps, in order, as on the command line.")
def carry_out_task() -> None:
    """One step of Dagster's."""
    carry_out_steps()
