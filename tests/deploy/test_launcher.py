"""A run is a job of Kubernetes: Dagster's launcher, told what the chart tells it, against a stub of the jobs API."""

import json
import os
import subprocess
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from sqlalchemy.engine import make_url

from tests.deploy.test_chart import VERSIONS, instance, rendered, shape_named

SCRIPTS = Path(sysconfig.get_path("scripts"))
JOB = "purge_raw"


class Jobs(BaseHTTPRequestHandler):
    """Takes jobs, and answers with what it was sent, as the API does."""

    taken: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.taken.append((self.path, body))
        answer = json.dumps(body).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def jobs_api() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Jobs)
    Jobs.taken.clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def home_of(folder: Path, api: str) -> Path:
    """DAGSTER_HOME with what the chart writes, but for the queue, which a daemon works off, and where the API is."""
    config = instance(rendered(shape_named("large")))
    del config["concurrency"]  # type: ignore[attr-defined]
    at_once = {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}
    kubeconfig = folder / "kubeconfig"
    cluster = {"name": "stub", "cluster": {"server": api}}
    context = {"name": "stub", "context": {"cluster": "stub", "user": "stub"}}
    user = {"name": "stub", "user": {}}
    kubeconfig.write_text(
        yaml.safe_dump({"clusters": [cluster], "contexts": [context], "users": [user], "current-context": "stub"})
    )
    config["run_launcher"]["config"] |= {"load_incluster_config": False, "kubeconfig_file": str(kubeconfig)}
    (folder / "dagster.yaml").write_text(yaml.safe_dump({**config, "run_coordinator": at_once}))
    return folder


@pytest.mark.timeout(300)
def test_a_run_is_a_job_whose_command_runs_it_and_which_no_password_stands_in(
    database_url: str, tmp_path: Path
) -> None:
    secret = {"MINUTEBOOK_DATABASE_URL": database_url, "MINUTEBOOK_DAGSTER_URL": database_url}
    where = {"PATH": f"{SCRIPTS}:{os.environ['PATH']}", "DAGSTER_HOME": str(tmp_path), "MINUTEBOOK_HOME": str(tmp_path)}
    tags = {"dagster-k8s/config": json.dumps({"pod_spec_config": {"node_selector": {"pool": "large-tenants"}}})}
    with jobs_api() as api:
        home_of(tmp_path, api)
        launch = ["dagster", "job", "launch", "-m", "orchestration.definitions", "-j", JOB, "--tags", json.dumps(tags)]
        done = subprocess.run(
            [SCRIPTS / launch[0], *launch[1:]], env=where | secret, capture_output=True, text=True, timeout=180
        )
    assert done.returncode == 0, done.stdout + done.stderr
    ((path, job),) = Jobs.taken
    assert path == "/apis/batch/v1/namespaces/billing/jobs"
    kubernetes_validate.validate({"apiVersion": "batch/v1", "kind": "Job", **job}, VERSIONS[-1], strict=True)

    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert str(make_url(database_url).password) not in json.dumps(job)
    assert [source["secretRef"]["name"] for source in container["envFrom"]] == ["minutebook", "minutebook-stripe"]
    assert container["image"] == "registry.example.com/minutebook:0.1.0"
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["resources"]["limits"] == {"memory": "8Gi"}
    assert pod["nodeSelector"] == {"pool": "large-tenants"}
    assert pod["securityContext"]["runAsNonRoot"]
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/var/lib/minutebook", "/tmp"}  # noqa: S108
    assert (job["spec"]["backoffLimit"], pod["restartPolicy"]) == (0, "Never")

    # What the pod would do, with the Secret's keys as its variables. It has no dagster.yaml: the job says what it has.
    command = [*container.get("command", []), *container["args"]]
    pods = where | secret | {"DAGSTER_HOME": str(tmp_path / "nothing")}
    worked = subprocess.run([SCRIPTS / command[0], *command[1:]], env=pods, capture_output=True, text=True, timeout=180)
    assert worked.returncode == 0, worked.stdout + worked.stderr
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (where | secret).items():
            patch.setenv(name, value)
        with dg.DagsterInstance.from_config(str(tmp_path)) as dagster:
            (run,) = dagster.get_runs()
            assert run.status is dg.DagsterRunStatus.SUCCESS
            assert str(make_url(database_url).password) not in json.dumps(dict(run.tags))


@pytest.mark.timeout(300)
def test_a_tag_that_asks_for_another_image_or_a_variable_launches_nothing(database_url: str, tmp_path: Path) -> None:
    secret = {"MINUTEBOOK_DATABASE_URL": database_url, "MINUTEBOOK_DAGSTER_URL": database_url}
    where = {"PATH": f"{SCRIPTS}:{os.environ['PATH']}", "DAGSTER_HOME": str(tmp_path), "MINUTEBOOK_HOME": str(tmp_path)}
    tags = {"dagster-k8s/config": json.dumps({"container_config": {"image": "evil:1"}})}
    with jobs_api() as api:
        home_of(tmp_path, api)
        launch = ["job", "launch", "-m", "orchestration.definitions", "-j", JOB, "--tags", json.dumps(tags)]
        done = subprocess.run(
            [SCRIPTS / "dagster", *launch], env=where | secret, capture_output=True, text=True, timeout=180
        )
    assert "violated the allowed list: container_config.image" in done.stdout + done.stderr
    assert Jobs.taken == []
