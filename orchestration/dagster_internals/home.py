"""The home folder and the environment of Dagster's own processes."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from orchestration.dagster_internals.storage import storage_url

# dagster.yaml and workspace.yaml lie at the root of a checkout, and inside this package where it is installed.
CONFIGURATION = next(folder for folder in Path(__file__).parents if (folder / "dagster.yaml").exists())
EVENTS_AT_ONCE = 500
UNTAKEN_SECONDS = 3_600
"""How long a run waits for a host that takes it."""


def environment(url: str, home: Path, *, has_hosts: bool = False) -> dict[str, str]:
    """What Dagster's processes need beside the deployment's own variables; its home folder is made and configured.

    has_hosts: runs are done by workers on hosts, and not here.
    """
    folder = home.absolute() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    if has_hosts:
        (folder / "dagster.yaml").write_text(yaml.safe_dump(_with_hosts(CONFIGURATION / "dagster.yaml")))
    else:
        shutil.copyfile(CONFIGURATION / "dagster.yaml", folder / "dagster.yaml")
    return {
        "DAGSTER_EVENT_BATCH_SIZE": str(EVENTS_AT_ONCE),
        "DAGSTER_HOME": str(folder),
        "MINUTEBOOK_DAGSTER_URL": storage_url(url),
        "MINUTEBOOK_HOME": str(home.absolute()),
    }


def _with_hosts(file: Path) -> dict[str, Any]:
    """dagster.yaml with the launcher of hosts. What a run prints goes to the log of its host's worker."""
    instance: dict[str, Any] = yaml.safe_load(file.read_text())
    instance["run_launcher"] = {
        "module": "orchestration.dagster_internals.hosts",
        "class": "RunsOnHosts",
        "config": {"broker_url": {"env": "MINUTEBOOK_BROKER_URL"}},
    }
    instance["run_monitoring"] |= {"poll_interval_seconds": 10, "start_timeout_seconds": UNTAKEN_SECONDS}
    # While Redis does not answer, a run goes back into Dagster's own queue, for an hour.
    instance["run_coordinator"]["config"] = {"max_user_code_failure_retries": 60, "user_code_failure_retry_delay": 60}
    instance["compute_logs"] = {
        "module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager",
    }  # fmt: skip
    return instance
