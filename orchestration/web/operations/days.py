"""The operator's pages: which tenant-days need attention, why, and what resolves each."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.remedies import word
from orchestration.remedies.blockers import set_aside
from orchestration.remedies.days import on_page
from orchestration.remedies.wording import OnPage
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.operations import tasks
from orchestration.web.paging import Paging, page_number
from orchestration.web.rendering import render
from sources.registry import horizons, provider_of, remembered_since
from warehouse import clock
from warehouse.control import agents, plans, tenants
from warehouse.database.queries import Connection, Row
from warehouse.ingestion import quarantine, retry_schedule
from warehouse.intake.heard import not_listed
from warehouse.marts import days
from warehouse.operations import alerts
from warehouse.statements import statement

DAYS_SHOWN = 31
PAGE_ROWS = 40
REFRESH_SECONDS = 60
"""After so long a page that shows today is asked for again: it has no script that would."""
SIGNS = {"usage": "", "no usage": "·", "in progress": "…", "incomplete": "~", "not pulled": "–", "failed": "×"}


@for_roles("operator", "finance")
def show_days(request: Request, visitor: Visitor) -> Response:
    """Tenant × day as a heat map, those with most to fix first, under the list of causes."""
    return _days(request, visitor)


@form_for_roles("operator", "finance")
def take_remedy(request: Request, visitor: Visitor, form: Form) -> Response:
    """Ask for what resolves a cause of these days."""
    with readers(request).analyst() as connection:
        last = _last_day(request, _newest(request, connection))
        offered = [cause["remedy"] for cause in _causes(connection, last)]
    if fault := tasks.taken(request, visitor, form, "/days", offered):
        return _days(request, visitor, fault)
    return tasks.watching(f"/days?to={last}")


def _days(request: Request, visitor: Visitor, fault: str = "") -> Response:
    words = request.query_params.get("q", "").strip()
    only_to_fix = request.query_params.get("show") == "fix"
    today = request.app.state.today()
    with readers(request).analyst() as connection:
        newest = _newest(request, connection)
        last = _last_day(request, newest)
        span = [last - timedelta(days=back) for back in reversed(range(DAYS_SHOWN))]
        offset = (page_number(request) - 1) * PAGE_ROWS
        found = days.heat(connection, span[0], last, words, only_to_fix=only_to_fix, limit=PAGE_ROWS, offset=offset)
        causes = _causes(connection, last)
        counts = days.counts(connection, span[0], last)
    with readers(request).operator() as connection:
        asked = tasks.shown(connection, "/days", request)
        open_alerts = alerts.count_open(connection)
        named = tenants.named(connection, (cause["a_tenant"] for cause in causes))
    response = render(
        "days.html",
        status=409 if fault else 200,
        fault=fault,
        under_way=asked,
        title="Days",
        visitor=visitor,
        span=span,
        months=_months(span),
        rows=[_cells(row, span) for row in found],
        causes=causes,
        named=named,
        counts=counts,
        paging=Paging(request, found[0]["tenants_found"] if found else 0, PAGE_ROWS),
        words=words,
        only_to_fix=only_to_fix,
        last=last,
        newest=newest,
        earlier=last - timedelta(days=DAYS_SHOWN),
        later=last + timedelta(days=DAYS_SHOWN),
        signs=SIGNS,
        alerts=open_alerts,
    )
    if last == today:
        response.headers["Refresh"] = str(REFRESH_SECONDS)
    return response


@for_roles("operator", "finance")
def show_day(request: Request, visitor: Visitor) -> Response:
    """One tenant's day: each source's state, why, what resolves it, and what was used."""
    return _day(request, visitor, *_path(request))


@form_for_roles("operator", "finance")
def take_remedy_of_day(request: Request, visitor: Visitor, form: Form) -> Response:
    """Ask for what resolves a fault of this day."""
    tenant, day = _path(request)
    with readers(request).analyst() as connection:
        offered = [one["remedy"] for one in _sources(connection, tenant, day) if one["remedy"]]
    with readers(request).operator() as connection:
        offered += [*_set_aside(connection, tenant, day), *_reported(request, connection, tenant, day)]
    page = f"/days/{tenant}/{day}"
    if fault := tasks.taken(request, visitor, form, page, offered):
        return _day(request, visitor, tenant, day, fault)
    return tasks.watching(page)


def _day(request: Request, visitor: Visitor, tenant: str, day: date, fault: str = "") -> Response:
    page = f"/days/{tenant}/{day}"
    with readers(request).analyst() as connection:
        sources = _sources(connection, tenant, day)
        usage = days.usage_of(connection, tenant, day)
        known = statement.tenant(connection, tenant)
    if known is None:
        raise HTTPException(404, f"There is no tenant {tenant}.")
    with readers(request).operator() as connection:
        coming = retry_schedule.next_pulls(connection, clock.now(), horizons())
        aside = _set_aside(connection, tenant, day)
        reported = _reported(request, connection, tenant, day)
        asked = tasks.shown(connection, page, request)
        names = {
            "meters": {row["meter_id"]: row["name"] for row in plans.meters(connection)},
            "agents": {row["agent_id"]: row["name"] for row in agents.agents(connection, tenant)},
        }
    for source in sources:
        source["next_pull"] = coming.get((source["source"], source["account"], day)) if _is_fault(source) else None
    return render(
        "day.html",
        status=409 if fault else 200,
        title=f"{known['name']}, {day}",
        visitor=visitor,
        tenant=tenant,
        name=known["name"],
        day=day,
        sources=sources,
        aside=aside,
        reported=reported,
        usage=usage,
        names=names,
        signs=SIGNS,
        fault=fault,
        under_way=asked,
        here=page,
    )


def _causes(connection: Connection, last: date) -> list[Row]:
    """What needs attention in the days that end with `last`, each with its remedy."""
    causes = days.causes(connection, last - timedelta(days=DAYS_SHOWN - 1), last)
    for cause in causes:
        cause["remedy"] = on_page({**cause, "provider": provider_of(cause["source"])})
    return causes


def _sources(connection: Connection, tenant: str, day: date) -> list[Row]:
    """The sources of a tenant's day, each with its remedy where there is a fault."""
    sources = days.sources_of(connection, tenant, day)
    own = {"a_tenant": tenant, "first_day": day, "last_day": day, "tenants": 1}
    for source in sources:
        fault = {**source, **own, "provider": provider_of(source["source"])}
        source["remedy"] = on_page(fault) if _is_fault(source) else None
    return sources


def _set_aside(connection: Connection, tenant: str, day: date) -> list[OnPage]:
    """The rows of a tenant's day that are set aside, each with what leaves it out."""
    found = [row for row in quarantine.standing(connection, tenant) if row["usage_date"] == day]
    return [set_aside(row) for row in found if row["tenant_id"] in (tenant, None)]


def _reported(request: Request, connection: Connection, tenant: str, day: date) -> list[OnPage]:
    """Calls of the day that were reported and are not listed, each account's with what resolves it."""
    found = not_listed(connection, day, day, remembered_since(request.app.state.today()))
    return [word(one).on_page for one in found if one.subject.tenant_id in (tenant, None)]


def _is_fault(source: Row) -> bool:
    return source["status"] in {"failed", "not pulled", "incomplete"} or bool(source["cause"])


def _path(request: Request) -> tuple[str, date]:
    try:
        return request.path_params["tenant"], date.fromisoformat(request.path_params["day"])
    except ValueError:
        raise HTTPException(404) from None


def _newest(request: Request, connection: Connection) -> date:
    """Yesterday, or today where some tenant's day in progress is read."""
    yesterday: date = request.app.state.today() - timedelta(days=1)
    return max(yesterday, days.newest(connection) or date.min)


def _last_day(request: Request, newest: date) -> date:
    asked = request.query_params.get("to")
    try:
        return min(newest, max(date(2000, 1, 1), date.fromisoformat(asked))) if asked else newest
    except ValueError:
        raise HTTPException(404, "A day is written YYYY-MM-DD.") from None


def _cells(row: Row, span: Sequence[date]) -> Row:
    statuses = row["statuses"]
    return {**row, "cells": [(day, statuses.get(day.isoformat())) for day in span]}


def _months(span: Sequence[date]) -> list[tuple[str, int]]:
    """Months over the days, each with how many of its days are shown; one of few days has no room for its year."""
    counted = Counter(day.replace(day=1) for day in span)
    return [(f"{first:%b %Y}" if shown > 3 else f"{first:%b}", shown) for first, shown in counted.items()]
