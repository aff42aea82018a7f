"""Who waits for whom in Dagster's queue; `dagster.yaml` sets how many go at once.

by hand     a backfill, a re-execution, a single day   two at once, of them one backfill
the night   and its retries                            nobody by hand can hold what they need; first in the queue
"""

import dagster as dg
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext

LANE = "minutebook/lane"
BY_HAND = "by hand"
FIRST_IN_THE_QUEUE = {"dagster/priority": "10"}


class LanesOfPulls(QueuedRunCoordinator):
    """Dagster's queue; a pull of usage that no schedule requested is marked, so that `dagster.yaml` can bound it.

    Dagster itself marks only backfills, and no longer their runs when those are executed again later.
    """

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        # Nothing but raw usage is partitioned.
        if run.is_partitioned and "dagster/schedule_name" not in run.tags:
            self._instance.add_run_tags(run.run_id, {LANE: BY_HAND})
        return super().submit_run(context)
