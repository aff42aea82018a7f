"""The table of contents of the product, as Dagster serves it.

control ──▶ raw_<provider>, one table per source ──▶ staging ──▶ intermediate ──▶ marts
(people)    (pulls: tenant × usage date, 03:00 UTC)          (builds: whenever the marts are behind)

marts ──▶ ledger.postings ──▶ Stripe ──▶ ledger.stripe_day_summaries
          (whenever they differ)         (09:00 UTC: marts = postings = Stripe, or a check is red)

Whatever `defs/<capability>/` defines is served; every definition is a line of `tests/orchestration/definitions.txt`.
"""

import dagster as dg

from orchestration import defs as capabilities
from orchestration.dagster_internals import run_logs
from orchestration.defs.marts.assets import marts
from orchestration.operations import logs
from orchestration.resources import LaunchedFor, Minutebook
from orchestration.settings import Settings

_settings = Settings.from_environment()
if _settings.has_json_logs:
    run_logs.print_by(logs.in_json(_settings.secrets))

defs = dg.Definitions.merge(
    dg.load_definitions_from_package_module(capabilities),
    dg.Definitions(
        # Made here, since dbt's manifest lies under the home folder of this deployment.
        assets=marts(_settings.home),
        resources={"minutebook": Minutebook(), "launched_for": LaunchedFor()},
        # A run is one process: a step of its own process would cost two to three seconds and win nothing, since a pull
        # is concurrent inside and dbt is one step.
        executor=dg.in_process_executor,
    ),
)
