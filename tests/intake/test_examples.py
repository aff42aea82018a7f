"""The documented clients repeat what got no answer, and return what was refused."""

import json
import runpy
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

import httpx
import psycopg
import pytest

from orchestration.intake.limits import Limit, Limits
from tests.deploy.tools import in_ci
from tests.intake.served import serving

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
INSTALL = ROOT / ".ci" / "install-node"
NODE = ROOT / ".venv" / "node"
DRIVER = """
import { push, scan } from "./push-events.ts";
const [address, key, batches, patience] = JSON.parse(process.argv[2]);
const made = {};
const once = ([id, pages]) => (made[[id, pages]] ??= scan(id, pages));
const refused = [];
for (const batch of batches) refused.push(await push(address, key, batch.map(once), patience));
console.log(JSON.stringify(refused));
"""
PATIENCE = 30
"""Seconds."""
STRICT = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "--types", "node")


Scan = tuple[str, int]
"""Its id and its pages; the same again is the same event."""


class Client(Protocol):
    """Pushes one batch of scans after another; returns the codes of what was refused, and raises where it gives up."""

    def __call__(self, address: str, key: str, *batches: Sequence[Scan]) -> list[list[str]]: ...


def python() -> Client:
    example = runpy.run_path(str(EXAMPLES / "push_events.py"))

    def push(address: str, key: str, *batches: Sequence[Scan]) -> list[list[str]]:
        once = cache(example["scan"])
        refused = [example["push"](address, key, [once(*one) for one in batch], PATIENCE) for batch in batches]
        return [[one["code"] for one in batch] for batch in refused]

    return push


@cache
def node() -> Path:
    """The folder with Node, the compiler and the SDK; skipped by name where it cannot be had, but in CI."""
    done = subprocess.run([INSTALL], capture_output=True, text=True, timeout=300)
    if done.returncode:
        assert not in_ci(), done.stderr
        pytest.skip("Node is not installed: .ci/install-node")
    return NODE


def typescript(folder: Path) -> Client:
    (folder / "node_modules").symlink_to(node() / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "push-events.ts").write_bytes((EXAMPLES / "push-events.ts").read_bytes())
    (folder / "driver.ts").write_text(DRIVER)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [node() / "node", *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout

    run("node_modules/typescript/bin/tsc", *STRICT, "push-events.ts")

    def push(address: str, key: str, *batches: Sequence[Scan]) -> list[list[str]]:
        refused: list[list[dict[str, Any]]] = json.loads(
            run("driver.ts", json.dumps([address, key, batches, PATIENCE]))
        )
        return [[one["code"] for one in batch] for batch in refused]

    return push


@pytest.fixture(scope="module", params=["python", "typescript"])
def push(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return python() if request.param == "python" else typescript(tmp_path_factory.mktemp("typescript"))


@contextmanager
def losing_answers(address: str, retry_after: str | None = None) -> Iterator[str]:
    """A way to the API on which every second answer is lost, and which may say in its own words when to come again."""
    numbers = count()

    class Way(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is http.server's
            body = self.rfile.read(int(self.headers["Content-Length"]))
            names = ("Authorization", "Content-Type")
            answer = httpx.post(address + self.path, content=body, headers={name: self.headers[name] for name in names})
            if next(numbers) % 2:
                self.send_response(answer.status_code)
                self.send_header("Retry-After", retry_after or answer.headers.get("Retry-After", "1"))
                self.end_headers()
                self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Way) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_documented_client_pushes_what_the_official_sdk_writes(
    address: str, acme_key: str, push: Client, request: pytest.FixtureRequest
) -> None:
    sdk = request.node.callspec.id
    first, second, third = (f"{sdk}-1", 3), (f"{sdk}-2", 1), (f"{sdk}-3", 1)
    changed = (f"{sdk}-1", 4)
    assert push(address, acme_key, [first, second], [first], [changed, third]) == [[], [], ["id_conflict"]]
    with pytest.raises((httpx.HTTPStatusError, RuntimeError), match="401"):
        push(address, "mbk_none", [first])


@pytest.fixture(scope="module")
def narrow(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API where a tenant may ask once a second."""
    limits = Limits(Limit("requests", 1, 1), Limit("events", 100, 1))
    with serving(url, tmp_path_factory.mktemp("home"), limits=limits) as served:
        yield served


@pytest.mark.parametrize("retry_after", [None, "Mon, 30 Nov 2026 10:00:00 GMT"])
def test_a_documented_client_repeats_what_got_no_answer_or_came_too_fast(
    url: str, narrow: str, acme_key: str, push: Client, retry_after: str | None, request: pytest.FixtureRequest
) -> None:
    prefix = f"repeated-{request.node.callspec.id}"
    with losing_answers(narrow, retry_after) as flaky:
        assert push(flaky, acme_key, [(f"{prefix}-1", 1)]) == [[]]
    with psycopg.connect(url) as connection:
        stored = "select count(*) from intake.events where starts_with(event_id, %s)"
        assert connection.execute(stored, (prefix,)).fetchone() == (1,)
