"""What is pushed to us over HTTP: usage as CloudEvents, under a tenant's API key; and reports of providers.

    POST /v1/events                  one event or a batch; 202 after the commit
    GET  /v1/events/{source}/{id}    what became of an event
    POST /v1/hooks/{provider}/{hook} what a provider tells us of a row as it happens; 200 after the commit
    GET  /v1/openapi.json            this API, for tools

Owns what a request may hold, how fast it may come, and that an answer is true. Does not own where events are kept
(`warehouse/intake`), nor how they become usage (`sources/`).
"""

from collections.abc import Callable
from datetime import datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestration.intake import openapi
from orchestration.intake.answers import HANDLERS, problem
from orchestration.intake.events import Events
from orchestration.intake.hooks import LARGEST_BODY_BYTES, Hooks
from orchestration.intake.limits import Limits
from orchestration.settings import Settings
from orchestration.web.server.bounds import Bounds
from orchestration.web.server.headers import SecurityHeaders
from orchestration.web.server.readers import Readers
from warehouse import clock

PREFIX = "/v1/"


def application(
    settings: Settings, readers: Readers, *, limits: Limits | None = None, now: Callable[[], datetime] = clock.now
) -> Starlette:
    """The API as an ASGI application. readers gives out its connections, and is closed by whoever made it."""
    limits = limits or Limits(servers=settings.servers)
    events = Events(readers, limits, now)
    hooks = Hooks(readers, limits, settings.vault, now)
    api = Starlette(
        routes=[
            Route("/v1/events", events.push, methods=["POST"]),
            Route("/v1/events/{rest:path}", events.follow, methods=["GET"]),
            Route("/v1/hooks/{provider}/{hook}", hooks.take, methods=["POST"]),
            Route("/v1/openapi.json", openapi.show, methods=["GET"]),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Bounds, settings.hosts, limits.take_address, LARGEST_BODY_BYTES, problem),
        ],
        exception_handlers=HANDLERS,
    )
    api.router.redirect_slashes = False
    return api


class Beside:
    """The API and the pages at one address, each behind its own door; the pages begin and end with the server."""

    def __init__(self, api: ASGIApp, pages: ASGIApp) -> None:
        self.api = api
        self.pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (self.api if is_api else self.pages)(scope, receive, send)
