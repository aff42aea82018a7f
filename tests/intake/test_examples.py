"""The documented client repeats what got no answer, and returns what was refused."""

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import psycopg
import pytest

from orchestration.intake.limits import Limit, Limits
from tests.intake.served import key, serving

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "push_events.py"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


@contextmanager
def losing_answers(address: str) -> Iterator[str]:
    """A way to the API on which every second answer is lost."""
    numbers = count()

    class Way(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name is http.server's
            body = self.rfile.read(int(self.headers["Content-Length"]))
            names = ("Authorization", "Content-Type")
            answer = httpx.post(address + self.path, content=body, headers={name: self.headers[name] for name in names})
            if next(numbers) % 2:
                self.send_response(answer.status_code)
                self.send_header("Retry-After", answer.headers.get("Retry-After", "1"))
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


def test_the_documented_client_pushes_what_the_official_sdk_writes(
    address: str, acme_key: str, example: dict[str, Any]
) -> None:
    push, scan = example["push"], example["scan"]
    first = scan("sdk-1", 3)
    assert push(address, acme_key, [first, scan("sdk-2", 1)]) == []
    assert push(address, acme_key, [first]) == []
    assert [one["code"] for one in push(address, acme_key, [scan("sdk-1", 4), scan("sdk-3", 1)])] == ["id_conflict"]
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        push(address, "mbk_none", [first])


def test_the_documented_client_repeats_what_got_no_answer_or_came_too_fast(
    url: str, tmp_path: Path, example: dict[str, Any]
) -> None:
    token = key(url, "birch")
    limits = Limits(Limit("requests", 1, 1), Limit("events", 100, 1))
    with serving(url, tmp_path, limits=limits) as address, losing_answers(address) as flaky:
        for number in range(3):
            assert example["push"](flaky, token, [example["scan"](f"repeated-{number}", 1)], patience=30) == []
    with psycopg.connect(url) as connection:
        stored = "select count(*) from intake.events where event_id ~ '^repeated-'"
        assert connection.execute(stored).fetchone() == (3,)
