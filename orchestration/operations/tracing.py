"""Traces of pulls, builds, postings and requests, for any collector that takes OTLP over HTTP.

Off until `begin` is called: until then no package of OpenTelemetry is imported. An attribute is a name, a day, a count
or a code of ours; a provider's or a person's text, an address and an error's own words are never one.

    pull ── read (an account's day, in its thread)      build      post      GET /statements/{tenant}
         └─ land (a package of readings)
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from datetime import date
from importlib.metadata import version
from typing import Any, ParamSpec, TypeAlias, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Fact: TypeAlias = str | int | bool | date | None
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

EXPORT_SECONDS = 5  # of a process that ends while the collector does not answer
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

_tracer: Any = None


def begin(collector: str | None) -> None:
    """Send this process's spans to a collector, by its base URL, from now on; without one, do nothing.

    OpenTelemetry's own variables say the rest: OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER,
    OTEL_RESOURCE_ATTRIBUTES. What cannot be sent is dropped, and no work waits for it.
    """
    global _tracer
    if collector is None or _tracer is not None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    release = version("minutebook")
    provider = TracerProvider(resource=Resource.create({"service.name": "minutebook", "service.version": release}))
    exporter = OTLPSpanExporter(f"{collector.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("minutebook", release)


def end() -> None:
    """Send what was not sent yet, and trace no more. A process that ends does so by itself."""
    global _tracer
    if _tracer is not None:
        _tracer.span_processor.shutdown()
        _tracer = None


@contextmanager
def span(name: str, **facts: Fact) -> Iterator[None]:
    """The time of a block, under the block around it. An exception that leaves it is named by its type alone."""
    if _tracer is None:
        yield
        return
    with _started(name, facts):
        yield


def tell(**facts: Fact) -> None:
    """Say more of the block that is at work: what only its end knows."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span

        get_current_span().set_attributes(_attributes(facts))


def carried(work: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """The same work for another thread, whose spans are then under the block that is at work here."""
    if _tracer is None:
        return work
    context = copy_context()

    def under(*arguments: Arguments.args, **named: Arguments.kwargs) -> Answer:
        return context.run(work, *arguments, **named)

    return under


class Requests:
    """An application whose requests are spans, named by the route and never by the path: a path may hold a secret."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _tracer is None or scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        with _started(method, {}, is_served=True) as served:

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note_answer(served, method, getattr(scope.get("route"), "path", None), message["status"])
                await send(message)

            await self._application(scope, receive, noting)


def _note_answer(served: Any, method: str, route: str | None, status: int) -> None:
    served.set_attributes({"http.request.method": method, "http.response.status_code": status})
    if route is not None:
        served.update_name(f"{method} {route}")
        served.set_attribute("http.route", route)
    if status >= 500:
        _mark_failed(served, str(status))


@contextmanager
def _started(name: str, facts: Mapping[str, Fact], *, is_served: bool = False) -> Iterator[Any]:
    from opentelemetry.trace import SpanKind

    kind = SpanKind.SERVER if is_served else SpanKind.INTERNAL
    # Not by the library itself: it would record the exception's words.
    quiet = {"record_exception": False, "set_status_on_exception": False}
    with _tracer.start_as_current_span(name, kind=kind, attributes=_attributes(facts), **quiet) as current:
        try:
            yield current
        except BaseException as error:
            _mark_failed(current, type(error).__name__)
            raise


def _mark_failed(current: Any, code: str) -> None:
    from opentelemetry.trace import StatusCode

    current.set_attribute("error.type", code)
    current.set_status(StatusCode.ERROR)


def _attributes(facts: Mapping[str, Fact]) -> dict[str, str | int | bool]:
    return {
        f"minutebook.{name}": value.isoformat() if isinstance(value, date) else value
        for name, value in facts.items()
        if value is not None
    }
