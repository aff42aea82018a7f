"""compose.yaml: of the form that Compose takes, one image for all of ours, and no secret in it."""

import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.image import instructions
from tests.deploy.tools import DEPLOY, ROOT

SERVICES: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "postgres"}


def test_it_has_the_form_of_a_compose_file() -> None:
    checker = Path(sysconfig.get_path("scripts")) / "check-jsonschema"
    command = [checker, "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_of_ours_is_one_image_that_writes_nothing_but_its_state() -> None:
    assert set(OURS) == {"migrate", "code", "webserver", "daemon", "serve"}
    for name, service in OURS.items():
        assert service["image"] == "minutebook:0.1.0", name
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert service["volumes"][0] == "state:/var/lib/minutebook", name
        assert service["env_file"] == "minutebook.env", name
        assert "environment" not in service, name


def test_nothing_is_reached_from_another_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert sorted(ports) == ["127.0.0.1:3000:3000", "127.0.0.1:8400:8400"]


@pytest.mark.parametrize("path", ["deploy/compose.yaml", "deploy/Dockerfile"])
def test_no_password_stands_in_it(path: str) -> None:
    text = (ROOT / path).read_text()
    assert not re.search(r"://[^/\s@]+:[^/\s@]+@|(PASSWORD|SECRET|_KEY|KEYS)=\S", text)
    assert "docker.sock" not in text


def test_what_is_mounted_is_there_and_secrets_are_never_committed() -> None:
    for service in OURS.values():
        for volume in service["volumes"][1:]:
            assert (DEPLOY / volume.split(":")[0]).is_file()
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"deploy/minutebook.env", "deploy/postgres-password"} <= set(ignored)


def test_the_build_sees_only_what_the_dockerfile_copies() -> None:
    allowed = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    copies = [rest.split()[:-1] for word, rest in instructions((DEPLOY / "Dockerfile").read_text()) if word == "COPY"]
    copied = {path for paths in copies if not paths[0].startswith("--from") for path in paths}
    assert {re.sub(r"/\w+\.lock$", "/*.lock", path) for path in copied} == allowed
