"""Traces: what pulls, builds, postings and requests took, under one another, and nothing that is secret."""

import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from orchestration.ingestion import PullTrigger
from orchestration.operations import tracing
from orchestration.resources import Minutebook
from orchestration.settings import Settings, SettingsError
from tests.ingestion.conftest import house
from tests.ingestion.house import House, call
from tests.sandbox.fixture import sandbox
from tests.stripe_billing.test_webhooks import served

__all__ = ["house", "sandbox"]  # fixtures
DAY = date(2026, 11, 3)
RUN = "7f6c1a52-0000-4000-8000-000000000001"


class Collector:
    """Takes what any collector takes, and keeps it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    @property
    def spans(self) -> list[Span]:
        """Every span, in the order of their beginnings."""
        found = [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return sorted(found, key=lambda span: span.start_time_unix_nano)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


def facts(span: Span) -> dict[str, Any]:
    """Its attributes."""
    return {
        one.key.removeprefix("minutebook."): getattr(one.value, str(one.value.WhichOneof("value")))
        for one in span.attributes
    }


@contextmanager
def listening(collector: Collector) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.bodies.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            collector.headers.append({name.lower(): value for name, value in self.headers.items()})
            assert self.path == "/v1/traces"
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    """One that this process sends its spans to; they have all come once `tracing.end` was called."""
    one = Collector()
    with listening(one) as address:
        tracing.begin(address + "/")
        yield one
        tracing.end()


def test_a_pull_is_a_span_with_what_it_read_and_landed_under_it(house: House, collector: Collector) -> None:
    house.tenant("acme")
    house.tenant("birch")
    key = house.own_vapi("acme", [call("secret-call", DAY, assistant_id="assistant-of-somebody")])
    house.own_vapi("birch", [], is_rejected=True)
    house.pull(["acme", "birch"], [DAY], trigger=PullTrigger.BACKFILL, run_id=RUN)
    tracing.end()

    (pull,) = collector.named("pull")
    assert facts(pull) == {"trigger": "backfill", "run": RUN}
    good, bad = sorted(collector.named("read"), key=lambda span: facts(span)["tenant"])
    assert good.parent_span_id == bad.parent_span_id == pull.span_id
    assert facts(good) == {"tenant": "acme", "source": "vapi", "day": "2026-11-03", "rows": 1, "requests": 2}
    assert facts(bad) == {
        "tenant": "birch", "source": "vapi", "day": "2026-11-03", "error.type": "CredentialRejected",
    }  # fmt: skip
    assert (good.status.code, bad.status.code) == (Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR)
    (land,) = collector.named("land")
    assert facts(land) == {"source": "vapi", "pulls": 1}
    assert land.parent_span_id == pull.span_id
    assert not any(span.events for span in collector.spans)
    sent = b"".join(collector.bodies)
    for private in (key, "private-key-of-birch-at-vapi", "secret-call", "assistant-of-somebody", str(house.url)):
        assert private.encode() not in sent


def test_what_a_run_of_dagster_does_is_under_the_run(collector: Collector) -> None:
    @dg.op
    def work(minutebook: Minutebook) -> None:
        with tracing.span("build", day=DAY):
            pass

    @dg.job(resource_defs={"minutebook": Minutebook()})
    def one_job() -> None:
        work()

    done = one_job.execute_in_process()
    tracing.end()
    (run,) = collector.named("run")
    (build,) = collector.named("build")
    assert facts(run) == {"run": done.run_id, "job": "one_job"}
    assert build.parent_span_id == run.span_id


def test_a_request_is_named_by_its_route_and_never_by_its_path(collector: Collector) -> None:
    async def page(request: Request) -> PlainTextResponse:
        tracing.tell(tenant="acme")
        return PlainTextResponse("yes")

    async def fails(request: Request) -> PlainTextResponse:
        raise RuntimeError("words of somebody")

    inner = Starlette(routes=[Route("/{hook}", page)])
    app = Starlette(routes=[Route("/password/{token}", page), Route("/fails/{x}", fails), Mount("/hooks", inner)])
    # A connection is not used again: the server ends the one on which it failed.
    alone = httpx.Limits(max_keepalive_connections=0)
    with served(tracing.Requests(app)) as address, httpx.Client(base_url=address, limits=alone) as asking:
        for path in ("/password/unguessable?code=unguessable", "/fails/unguessable", "/nothing/unguessable"):
            asking.get(path)
        asking.request("PROPFIND", "/hooks/unguessable")
    tracing.end()
    asked = [
        (span.name, facts(span).get("http.response.status_code"), facts(span).get("tenant")) for span in collector.spans
    ]
    assert asked == [
        ("GET /password/{token}", 200, "acme"),
        ("GET /fails/{x}", 500, None),
        ("GET", 404, None),
        ("_OTHER /{hook}", 405, None),
    ]
    assert b"unguessable" not in b"".join(collector.bodies).lower()
    assert b"somebody" not in b"".join(collector.bodies)


def test_headers_and_sampling_are_opentelemetrys_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20of-ours")
    collector = Collector()
    for sampler, spans in (("always_off", 0), ("always_on", 1)):
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
        with listening(collector) as address:
            tracing.begin(address)
            with tracing.span("build"):
                pass
            tracing.end()
        assert len(collector.spans) == spans
    assert collector.headers[-1]["authorization"] == "Bearer of-ours"


def ended(program: str) -> tuple[float, str]:
    """Seconds that a program took, and what it printed; it must end well."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    return time.monotonic() - began, done.stdout


def test_a_process_that_ends_has_sent_its_spans_and_waits_for_no_collector_that_is_gone() -> None:
    program = "from orchestration.operations import tracing; tracing.begin('{}')\nwith tracing.span('build'): pass"
    collector = Collector()
    with listening(collector) as address:
        ended(program.format(address))
    assert [span.name for span in collector.spans] == ["build"]
    seconds, _ = ended(program.format(address))
    assert seconds < 2 * tracing.EXPORT_SECONDS + 5


def test_without_the_setting_nothing_of_it_is_imported() -> None:
    _, said = ended(
        "import sys, orchestration.intake, orchestration.marts.building, orchestration.resources, orchestration.web\n"
        "import orchestration.ingestion, orchestration.stripe_billing.workspace\n"
        "from orchestration.operations import tracing\n"
        "with tracing.span('build', day=None): tracing.tell(rows=1)\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    assert said.strip() == "[]"


def test_the_setting_is_an_address_and_stays_out_of_what_is_shown(tmp_path: Path) -> None:
    settings = Settings.from_environment({"MINUTEBOOK_TRACES_URL": "https://u:hidden@collector.example"})
    assert settings.traces_url == "https://u:hidden@collector.example"
    assert "hidden" not in repr(settings)
    with pytest.raises(SettingsError, match="MINUTEBOOK_TRACES_URL is no URL"):
        Settings.from_environment({"MINUTEBOOK_TRACES_URL": "collector:4318"})
