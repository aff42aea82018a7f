"""What a run is given: the settings of this deployment, and a database that is up while it is used."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from orchestration.operations import tracing
from orchestration.settings import Settings


class Minutebook(dg.ConfigurableResource[None]):
    """The deployment as the environment describes it, read when a run, a sensor or a check asks for it."""

    @property
    def settings(self) -> Settings:
        """Settings from the environment of this process. Raises what `Settings.from_environment` raises."""
        return Settings.from_environment()

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Minutebook"]:  # type: ignore[override]
        """What a run does is traced under the run; a sensor or a schedule is not."""
        run = context.run
        if run is None:
            yield self
            return
        tracing.begin(self.settings.traces_url)
        with tracing.span("run", run=run.run_id, job=run.job_name):
            yield self

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a server that is up: the configured one, or the embedded one, held for as long as it is used."""
        with self.settings.database() as url:
            yield url


class LaunchedFor(dg.ConfigurableResource[None]):
    """Whom a run over a shard's days reads: its tenants as the night found them, whoever moves while the run waits."""

    tenants: list[str] = Field(default=[], description="Empty: the tenants that are in the shard when the run begins.")
