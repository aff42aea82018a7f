"""The pages: finance's month, the operator's days, a tenant's own view. Server-rendered, and whole without JavaScript.

Owns what is shown and who may see it. Does not own what is true: it is read from the marts, under the role of whoever
looks, a tenant's pages as minutebook_tenant under row-level security. What is decided goes through
`warehouse/statements`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from orchestration.settings import Settings
from orchestration.web.access import account, api_keys, auth, links, people
from orchestration.web.calls import all_calls, call, listing, recording
from orchestration.web.clients import brands, handed, usage
from orchestration.web.finance import (
    approvals,
    costs,
    downloads,
    invoices,
    month,
    period,
    portfolio,
    prices,
    tenant_credits,
)
from orchestration.web.onboarding import found, setting_up, tenants
from orchestration.web.operations import alerts, automations, days, events, hooks, limits, tasks
from orchestration.web.server import faults
from orchestration.web.server.bounds import Bounds, Paces
from orchestration.web.server.brands import Brands
from orchestration.web.server.headers import SecurityHeaders
from orchestration.web.server.readers import Readers
from orchestration.web.server.spooling import Spools
from orchestration.web.server.turns import Turns
from warehouse import clock

STATIC = Path(__file__).parent / "static"
_PAGES: tuple[BaseRoute, ...] = (
    Route("/", auth.home),
    Route("/sign-in", auth.show_sign_in),
    Route("/sign-in", auth.take_sign_in, methods=["POST"]),
    Route("/sign-out", auth.take_sign_out, methods=["POST"]),
    Route("/forgotten", links.show_forgotten),
    Route("/forgotten", links.take_forgotten, methods=["POST"]),
    Route("/password/{token}", links.show_password),
    Route("/password/{token}", links.take_password, methods=["POST"]),
    Route("/second-factor", account.show_second_factor),
    Route("/second-factor", account.take_second_factor, methods=["POST"]),
    Route("/sessions", account.show_sessions),
    Route("/sessions", account.take_revocation, methods=["POST"]),
    Route("/sessions/password", account.take_password, methods=["POST"]),
    Route("/people", people.show_people),
    Route("/people", people.invite, methods=["POST"]),
    Route("/people/reset", people.reset, methods=["POST"]),
    Route("/keys", api_keys.show_keys),
    Route("/keys", api_keys.make_key, methods=["POST"]),
    Route("/keys/end", api_keys.end_key, methods=["POST"]),
    Route("/periods", month.show_month),
    Route("/periods/close", month.close_month, methods=["POST"]),
    Route("/periods/{tenant}/{start}", period.show_period),
    Route("/periods/{tenant}/{start}/approve", period.take_approval, methods=["POST"]),
    Route("/periods/{tenant}/{start}/close", period.take_closing, methods=["POST"]),
    Route("/periods/{tenant}/{start}/reopen", period.take_reopening, methods=["POST"]),
    Route("/periods/{tenant}/{start}/resolve", period.take_remedy, methods=["POST"]),
    Route("/portfolio", portfolio.show_portfolio),
    Route("/prices", prices.show_prices),
    Route("/prices", prices.set_price, methods=["POST"]),
    Route("/credits", tenant_credits.show_credits),
    Route("/credits", tenant_credits.give_credit, methods=["POST"]),
    Route("/credits/{credit:int}/void", tenant_credits.void_credit, methods=["POST"]),
    Route("/approvals", approvals.show_approvals),
    Route("/approvals", approvals.take_approvals, methods=["POST"]),
    Route("/invoices", invoices.show_invoices),
    Route("/invoices/resolve", invoices.take_remedy, methods=["POST"]),
    Route("/packs/{month}.zip", downloads.month_pack),
    Route("/packs/{tenant}/{start}.zip", downloads.period_pack),
    Route("/costs", costs.show_costs),
    Route("/costs/resolve", costs.take_remedy, methods=["POST"]),
    Route("/days", days.show_days),
    Route("/days/resolve", days.take_remedy, methods=["POST"]),
    Route("/days/{tenant}/{day}", days.show_day),
    Route("/days/{tenant}/{day}/resolve", days.take_remedy_of_day, methods=["POST"]),
    Route("/tasks", tasks.show_tasks),
    Route("/refresh", tasks.take_refresh, methods=["POST"]),
    Route("/onboarding", tenants.show_tenants),
    Route("/onboarding", tenants.create, methods=["POST"]),
    Route("/onboarding/{tenant}", setting_up.show_setup),
    Route("/onboarding/{tenant}/resolve", setting_up.take_remedy, methods=["POST"]),
    Route("/onboarding/{tenant}/attach", setting_up.attach, methods=["POST"]),
    Route("/onboarding/{tenant}/key", setting_up.take_key, methods=["POST"]),
    Route("/onboarding/{tenant}/flags", setting_up.take_flag, methods=["POST"]),
    Route("/onboarding/{tenant}/plan", setting_up.take_plan, methods=["POST"]),
    Route("/onboarding/{tenant}/found/{provider}", found.show_found),
    Route("/alerts", alerts.show_alerts),
    Route("/alerts/resolve", alerts.take_remedy, methods=["POST"]),
    Route("/alerts/channels", alerts.add_channel, methods=["POST"]),
    Route("/alerts/channels/test", alerts.test_channel, methods=["POST"]),
    Route("/alerts/channels/renew", alerts.renew_channel, methods=["POST"]),
    Route("/alerts/channels/end", alerts.end_channel, methods=["POST"]),
    Route("/hooks", hooks.show_hooks),
    Route("/hooks", hooks.make_hook, methods=["POST"]),
    Route("/hooks/end", hooks.end_hook, methods=["POST"]),
    Route("/hooks/seen", hooks.note_seen, methods=["POST"]),
    Route("/limits", limits.show_limits),
    Route("/limits", limits.set_limit, methods=["POST"]),
    Route("/limits/end", limits.end_limit, methods=["POST"]),
    Route("/calls", all_calls.show_tenants),
    Route("/tenants/{tenant}/calls", listing.show_calls),
    Route("/tenants/{tenant}/calls.csv", listing.download),
    Route("/tenants/{tenant}/calls/{day}/{source}/{call:path}", call.show_call),
    Route("/events", events.show_events),
    Route("/events/endpoints", events.add_endpoint, methods=["POST"]),
    Route("/events/endpoints/renew", events.renew_endpoint, methods=["POST"]),
    Route("/events/endpoints/end", events.end_endpoint, methods=["POST"]),
    Route("/events/endpoints/replay", events.replay, methods=["POST"]),
    Route("/automations", automations.show_runs),
    Route("/automations/act", automations.take_act, methods=["POST"]),
    Route("/tenants/{tenant}/stored/{day}/{source}/{call:path}", call.show_stored),
    Route("/tenants/{tenant}/recordings/{day}/{source}/{call:path}", recording.open_recording),
    Route("/usage", usage.show_usage),
    Route("/usage/{start}", usage.show_usage),
    Route("/statements/{tenant}/{start}.pdf", handed.statement_pdf),
    Route("/brands", brands.show_brands),
    Route("/brands", brands.set_brand, methods=["POST"]),
    Route("/brand/logo", handed.logo),
    Route("/brand/colours.css", handed.colours),
    Route("/models.html", downloads.models),
    Route("/tables", downloads.show_tables),
    Route("/tables/{table}.{format}", downloads.table),
    Mount("/static", StaticFiles(directory=STATIC)),
)


def application(
    settings: Settings,
    *,
    today: Callable[[], date] = clock.today,
    beside: Sequence[BaseRoute] = (),
    readers: Readers | None = None,
    has_pages: bool = True,
) -> Starlette:
    """The pages of a deployment as an ASGI application. Its database is held while it runs.

    today is the UTC day the pages are read on; a period is approved after its last day. beside are routes of other
    services at the same address, which keep their own doors; readers, what gives out their connections too. Without
    pages only these are served.
    """
    lending, paces = readers or Readers(settings), Paces()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await run_in_threadpool(lending.close)

    pages = Starlette(
        routes=[
            *(_PAGES if has_pages else ()),
            *beside,
        ],
        middleware=[Middleware(SecurityHeaders), Middleware(Bounds, settings.hosts, partial(paces.take, auth.SESSION))],
        exception_handlers=faults.HANDLERS,
        lifespan=lifespan,
    )
    pages.router.redirect_slashes = False  # it would send people to whatever Host was asked for
    pages.state.readers = lending
    pages.state.spools = Spools()
    pages.state.brands = Brands()
    pages.state.turns = Turns()
    pages.state.paces = paces
    pages.state.vault = settings.vault
    pages.state.bills_through_stripe = settings.stripe_api_key is not None
    pages.state.settings = settings
    pages.state.today = today
    return pages
