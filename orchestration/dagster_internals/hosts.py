"""Runs on hosts of one's own: the daemon names a run in a queue of Redis, and a `minutebook worker` takes it.

queue (Redis)   run ids, and nothing else: no password, no code
run             a process of the worker, which holds the run in PostgreSQL while it lives
dead?           nobody holds it any more: Celery's own state of a task stays STARTED when its host is gone

A message that a worker took and did not finish comes back after a minute. So a run may be named twice; whoever holds
it, or a run that has begun, makes the second one do nothing.
"""

import os
import threading
from collections.abc import Mapping
from typing import Any, Self

import dagster as dg
from celery import Celery
from dagster._cli.api import _execute_run_command_body
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster._utils import send_interrupt
from dagster._utils.interrupts import capture_interrupts
from kombu.exceptions import OperationalError

from orchestration.settings import Settings
from warehouse.operations import host_runs

QUEUE_TAG, QUEUE, TASK = "minutebook/queue", "minutebook", "minutebook.run"
COMES_BACK_SECONDS = 60
LOOKS_EVERY_SECONDS = 5
LOST = 70  # exit code of a process whose run is no longer its own
WAITING = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)


def application(broker_url: str) -> Celery:
    """Celery with what the launcher and the workers must agree on."""
    app = Celery("minutebook", broker=broker_url)
    app.conf.update(
        accept_content=["json"],
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_acks_late=True,  # a host that dies with a message in its hands gives it back
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,  # what a run prints stays as it is
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": COMES_BACK_SECONDS,
            "socket_timeout": 15,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
        },
    )
    app.task(name=TASK)(run)
    return app


class RunsOnHosts(RunLauncher, ConfigurableClass):
    """Launches a run by naming it in the queue of its tag `minutebook/queue`."""

    def __init__(self, broker_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._inst_data = inst_data
        self._celery = application(broker_url)

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {"broker_url": dg.StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(config_value["broker_url"], inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Name the run. Raises what makes Dagster try again a minute later where the queue does not answer."""
        run = context.dagster_run
        queue = run.tags.get(QUEUE_TAG, QUEUE)
        try:
            self._celery.send_task(TASK, [run.run_id], queue=queue, task_id=run.run_id, retry=False)
        except OperationalError as error:
            raise DagsterUserCodeUnreachableError(f"Redis does not answer: {type(error).__name__}") from None
        self._instance.report_engine_event(f"Waiting for a worker of the queue {queue}.", run, cls=type(self))

    def terminate(self, run_id: str) -> bool:
        """Say that it is to end; its process sees that within seconds, and one that has not begun never begins."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether a process holds the run."""
        with Settings.from_environment().database() as url:
            if host_runs.is_alive(url, run.run_id):
                return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "its host, or its process there, is gone")


def run(run_id: str) -> None:
    """Do a run in this process, unless it is another's, has begun, or is over."""
    with (
        capture_interrupts(),
        Settings.from_environment().database() as url,
        host_runs.holding(url, run_id) as held,
        dg.DagsterInstance.get() as instance,
    ):
        found = instance.get_run_by_id(run_id)
        if held is None or found is None:
            return
        if found.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(found)
        elif found.status in WAITING:
            _do(instance, run_id, held)


def _do(instance: dg.DagsterInstance, run_id: str, held: host_runs.Held) -> None:
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(run_id, held, over), daemon=True)
    watching.start()
    try:
        _execute_run_command_body(run_id, instance, lambda _: None, set_exit_code_on_failure=False)
    finally:
        over.set()
        watching.join(LOOKS_EVERY_SECONDS)


def _watch(run_id: str, held: host_runs.Held, over: threading.Event) -> None:
    """End this process when the run is taken from it, so that no other does it at the same time; interrupt it when it
    is cancelled.
    """
    with dg.DagsterInstance.get() as instance:
        while not over.wait(LOOKS_EVERY_SECONDS):
            status = _status(instance, run_id) if held.lasts() else dg.DagsterRunStatus.FAILURE
            if status is dg.DagsterRunStatus.FAILURE and not over.is_set():
                os._exit(LOST)
            if status is dg.DagsterRunStatus.CANCELING:
                send_interrupt()
                return


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus | None:
    try:
        found = instance.get_run_by_id(run_id)
    except Exception:  # noqa: BLE001 - whether the session lasts is what counts
        return None
    return found.status if found else None
