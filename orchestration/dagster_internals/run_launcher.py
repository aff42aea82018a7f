"""Whether the process of a run is still there."""

import time

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

RESPONSE_SECONDS, TRIES = 10, 3


class RunsOnThisMachine(DefaultRunLauncher):
    """Dagster's own launcher, which knows whether a run's process is still there.

    Without it a run whose `minutebook up` was killed, or whose machine went down, counts as started for good, and holds
    its place in a pool.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Ask the code server that launched it; only one that is gone, or knows nothing of the run, says it died."""
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "it was not launched, or has ended")
        for _ in range(TRIES):
            try:
                response = client.can_cancel_execution(
                    CanCancelExecutionRequest(run_id=run.run_id), timeout=RESPONSE_SECONDS
                )
            except DagsterUserCodeUnreachableError as error:
                if "UNAVAILABLE" not in str(error):  # there, and too busy to answer
                    return CheckRunHealthResult(WorkerStatus.RUNNING, str(error))
                time.sleep(1)
            else:
                is_known = deserialize_value(response, CanCancelExecutionResult).can_cancel
                return CheckRunHealthResult(WorkerStatus.RUNNING if is_known else WorkerStatus.FAILED)
        return CheckRunHealthResult(WorkerStatus.FAILED, "the code server that launched it is gone")
