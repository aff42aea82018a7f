"""The home folder and the environment of Dagster's own processes."""

import shutil
from pathlib import Path

from orchestration.dagster_internals.storage import storage_url

# dagster.yaml and workspace.yaml lie at the root of a checkout, and inside this package where it is installed.
CONFIGURATION = next(folder for folder in Path(__file__).parents if (folder / "dagster.yaml").exists())
EVENTS_AT_ONCE = 500


def environment(url: str, home: Path) -> dict[str, str]:
    """What Dagster's processes need beside the deployment's own variables; its home folder is made and configured."""
    folder = home.absolute() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(CONFIGURATION / "dagster.yaml", folder / "dagster.yaml")
    return {
        "DAGSTER_EVENT_BATCH_SIZE": str(EVENTS_AT_ONCE),
        "DAGSTER_HOME": str(folder),
        "MINUTEBOOK_DAGSTER_URL": storage_url(url),
        "MINUTEBOOK_HOME": str(home.absolute()),
    }
