"""The chart: what it makes is what Kubernetes takes, in three shapes and three versions, and no secret stands in it."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type

from tests.deploy.tools import DEPLOY, ROOT, run, tool

CHART = DEPLOY / "chart"
SHAPES = sorted((CHART / "examples").glob("*.yaml"))
VERSIONS = ("1.29", "1.33", "1.37")
Thing = Mapping[str, Any]


@cache
def rendered(shape: Path, version: str = VERSIONS[-1], *more: str) -> tuple[Thing, ...]:
    arguments = ("template", "books", CHART, "--namespace", "billing", "--values", shape, "--kube-version", version)
    return tuple(thing for thing in yaml.safe_load_all(run("helm", *arguments, *more)) if thing)


def pods(things: tuple[Thing, ...]) -> Iterator[tuple[str, Thing]]:
    for thing in things:
        if thing["kind"] in ("Deployment", "Job"):
            yield thing["metadata"]["name"], thing["spec"]["template"]["spec"]


def named(things: tuple[Thing, ...], kind: str, end: str) -> Thing:
    (found,) = [one for one in things if one["kind"] == kind and one["metadata"]["name"].endswith(end)]
    return found


def instance(things: tuple[Thing, ...]) -> Thing:
    """dagster.yaml as the processes of the cluster read it."""
    return dict(yaml.safe_load(named(things, "ConfigMap", "-instance")["data"]["dagster.yaml"]))


def shape_named(name: str) -> Path:
    return CHART / "examples" / f"{name}.yaml"


def test_there_are_three_shapes() -> None:
    assert [shape.stem for shape in SHAPES] == ["large", "one-node", "small"]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.stem)
def test_helm_finds_no_fault_with_a_shape(shape: Path) -> None:
    run("helm", "lint", "--strict", CHART, "--values", shape)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.stem)
def test_kubernetes_takes_every_object_of_a_shape(shape: Path, version: str) -> None:
    things = rendered(shape, version)
    assert len(things) > 8
    for thing in things:
        kubernetes_validate.validate(thing, version, strict=True)


def test_the_validation_refuses_what_kubernetes_would() -> None:
    wrong = dict(named(rendered(shape_named("small")), "Deployment", "-code"))
    wrong["spec"] = {**wrong["spec"], "replicas": "1"}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.stem)
def test_no_container_is_root_writes_its_root_or_is_without_bounds_and_probes(shape: Path) -> None:
    found = dict(pods(rendered(shape)))
    assert len(found) == 5
    for name, pod in found.items():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        (container,) = pod["containers"]
        context = container["securityContext"]
        assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False), name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert container["resources"]["limits"]["memory"], name
        assert container["resources"]["requests"]["cpu"], name
        assert "livenessProbe" in container or name.endswith("-migrate"), name
    assert {name for name, pod in found.items() if pod["automountServiceAccountToken"]} == (
        set() if shape.stem == "one-node" else {"books-minutebook-daemon", "books-minutebook-webserver"}
    )


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.stem)
def test_no_secret_stands_in_an_object(shape: Path) -> None:
    things = rendered(shape)
    assert not [thing for thing in things if thing["kind"] == "Secret"]
    for name, pod in pods(things):
        (container,) = pod["containers"]
        assert container["envFrom"], name
        assert all(set(source) == {"secretRef"} for source in container["envFrom"]), name
        plain = {variable["name"] for variable in container.get("env", [])}
        assert not {one for one in plain if re.search("DATABASE_URL|DAGSTER_URL|KEY|SECRET|PASSWORD", one)}, name
    text = yaml.safe_dump_all(things)
    assert not re.search(r"://[^/\s@]+:[^/\s@]+@", text)
    assert instance(things)["storage"]["custom"]["config"] == {"postgres_url": {"env": "MINUTEBOOK_DAGSTER_URL"}}


@pytest.mark.parametrize(
    "setting",
    [
        "env.MINUTEBOOK_DATABASE_URL=postgresql://a:b@c/d",
        "env.MINUTEBOOK_STRIPE_API_KEY=sk_live_1",
        "env.MINUTEBOOK_VAPI_URL=https://user:password@proxy.example.com",
        "dagsterDaemon.replicaCount=2",
        "envSecrets[0].value=x",
        "runLauncher.type=CeleryK8sRunLauncher",
    ],
)
def test_a_value_that_would_leak_or_run_twice_is_refused(setting: str) -> None:
    with pytest.raises(AssertionError, match="values don't meet the specifications"):
        rendered(shape_named("small"), VERSIONS[-1], "--set", setting)


def test_runs_are_launched_by_secrets_names_and_from_nothing_that_a_tag_may_choose() -> None:
    # Its client takes as long to import as Dagster, and every worker collects this file.
    from dagster_k8s.launcher import K8sRunLauncher

    for shape in (shape_named("small"), shape_named("large")):
        launcher = instance(rendered(shape))["run_launcher"]
        schema = resolve_to_config_type(K8sRunLauncher.config_type())
        checked = process_config(schema, launcher["config"])
        assert checked.success, checked.errors
        assert launcher["config"]["env_secrets"][0] == "minutebook"
        allowed = launcher["config"]["only_allow_user_defined_k8s_config_fields"]
        assert set(allowed["container_config"]) == {"resources"}
        assert "volumes" not in allowed["pod_spec_config"]
        assert launcher["config"]["only_allow_user_defined_env_vars"] == []


def test_the_instance_is_ours_but_for_what_a_cluster_needs() -> None:
    ours = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    alone = instance(rendered(shape_named("one-node")))
    written = {"local_artifact_storage", "compute_logs"}  # to the pod's own folder: Dagster's home is read-only
    assert {key: value for key, value in alone.items() if key not in written} == ours
    assert {alone[key]["config"]["base_dir"] for key in written} == {"/var/lib/minutebook/dagster"}
    in_cluster = instance(rendered(shape_named("large")))
    differing = {key for key in ours.keys() | in_cluster.keys() if ours.get(key) != in_cluster.get(key)}
    assert differing == {"run_launcher", "concurrency"} | written
    assert in_cluster["concurrency"]["runs"]["max_concurrent_runs"] == 40
    assert in_cluster["concurrency"]["pools"] == ours["concurrency"]["pools"]


def test_only_the_webserver_and_the_daemon_reach_the_code_server() -> None:
    things = rendered(shape_named("small"))
    assert named(things, "NetworkPolicy", "-default")["spec"]["ingress"] == []
    (rule,) = named(things, "NetworkPolicy", "-code")["spec"]["ingress"]
    components = {one["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for one in rule["from"]}
    assert components == {"webserver", "daemon"}
    assert not [one for one in things if one["kind"] == "NetworkPolicy" and one["metadata"]["name"].endswith("ui")]


def test_each_selector_finds_its_pods_and_each_port_its_container() -> None:
    things = rendered(shape_named("large"))
    deployments = [one for one in things if one["kind"] == "Deployment"]
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in deployments]
    for deployment in deployments:
        wanted = deployment["spec"]["selector"]["matchLabels"].items()
        assert sum(wanted <= found.items() for found in labels) == 1
    for service in (one for one in things if one["kind"] == "Service"):
        wanted = service["spec"]["selector"].items()
        (served,) = [one for one, found in zip(deployments, labels, strict=True) if wanted <= found.items()]
        (container,) = served["spec"]["template"]["spec"]["containers"]
        ports = {port["name"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    scaled = named(things, "HorizontalPodAutoscaler", "-serve")["spec"]
    assert (scaled["minReplicas"], scaled["maxReplicas"]) == (3, 20)
    assert "replicas" not in named(things, "Deployment", "-serve")["spec"]
    assert named(things, "PodDisruptionBudget", "-serve")["spec"]["minAvailable"] == 1


def test_the_migration_goes_before_everything_else_and_as_the_owner() -> None:
    job = named(rendered(shape_named("large")), "Job", "-migrate")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "minutebook-owner"}}]
    assert "instance" not in {volume["name"] for volume in job["spec"]["template"]["spec"]["volumes"]}


def test_the_chart_is_of_this_version() -> None:
    described = yaml.safe_load((CHART / "Chart.yaml").read_text())
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)
    assert version is not None
    assert described["version"] == described["appVersion"] == version[1]
    assert tool("helm")
