"""The operator's pages: which tenant-days need attention, why, and the command that fixes each."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.remedies.days import fix
from orchestration.web.auth import Visitor, for_roles, readers
from orchestration.web.paging import Paging, page_number
from orchestration.web.rendering import render
from sources.registry import horizons, provider_of
from warehouse import clock
from warehouse.database.queries import Row, first, rows
from warehouse.ingestion import retry_schedule

FILE = "statements/pages"
DAYS_SHOWN = 31
PAGE_ROWS = 40
REFRESH_SECONDS = 60
"""After so long a page that shows today is asked for again: it has no script that would."""
SIGNS = {"usage": "", "no usage": "·", "in progress": "…", "incomplete": "~", "not pulled": "–", "failed": "×"}


@for_roles("operator", "finance")
def show_days(request: Request, visitor: Visitor) -> Response:
    """Tenant × day as a heat map, those with most to fix first, under the list of causes."""
    words = request.query_params.get("q", "").strip()
    only_to_fix = request.query_params.get("show") == "fix"
    today = request.app.state.today()
    with readers(request).analyst() as connection:
        told = first(connection, FILE, "newest_day")
        newest = max(today - timedelta(days=1), (told and told["usage_date"]) or date.min)
        last = _last_day(request, newest)
        span = [last - timedelta(days=back) for back in reversed(range(DAYS_SHOWN))]
        window = {"first_day": span[0], "last_day": span[-1]}
        found = rows(
            connection,
            FILE,
            "heat",
            **window,
            words=words,
            only_to_fix=only_to_fix,
            limit=PAGE_ROWS,
            offset=(page_number(request) - 1) * PAGE_ROWS,
        )
        causes = rows(connection, FILE, "causes", **window)
        counts = first(connection, FILE, "day_counts", **window)
    for cause in causes:
        cause["fix"] = fix({**cause, "provider": provider_of(cause["source"])})
    response = render(
        "days.html",
        title="Days",
        visitor=visitor,
        span=span,
        months=_months(span),
        rows=[_cells(row, span) for row in found],
        causes=causes,
        counts=counts,
        paging=Paging(request, found[0]["tenants_found"] if found else 0, PAGE_ROWS),
        words=words,
        only_to_fix=only_to_fix,
        last=last,
        newest=newest,
        earlier=last - timedelta(days=DAYS_SHOWN),
        later=last + timedelta(days=DAYS_SHOWN),
        signs=SIGNS,
    )
    if last == today:
        response.headers["Refresh"] = str(REFRESH_SECONDS)
    return response


@for_roles("operator", "finance")
def show_day(request: Request, visitor: Visitor) -> Response:
    """One tenant's day: each source's state, why, what fixes it, and what was used."""
    tenant = request.path_params["tenant"]
    try:
        day = date.fromisoformat(request.path_params["day"])
    except ValueError:
        raise HTTPException(404) from None
    with readers(request).analyst() as connection:
        sources = rows(connection, FILE, "day", tenant_id=tenant, usage_date=day)
        usage = rows(connection, FILE, "usage_of_day", tenant_id=tenant, usage_date=day)
        known = first(connection, "statements/statement", "tenant", tenant_id=tenant)
    with readers(request).operator() as connection:
        coming = retry_schedule.next_pulls(connection, clock.now(), horizons())
    if known is None:
        raise HTTPException(404, f"There is no tenant {tenant}.")
    for source in sources:
        is_fault = source["status"] in {"failed", "not pulled", "incomplete"} or source["cause"]
        own = {"a_tenant": tenant, "first_day": day, "last_day": day, "tenants": 1}
        source["fix"] = fix({**source, **own, "provider": provider_of(source["source"])}) if is_fault else ""
        source["next_pull"] = coming.get((source["source"], source["account"], day)) if is_fault else None
    return render(
        "day.html",
        title=f"{known['name']}, {day}",
        visitor=visitor,
        tenant=tenant,
        name=known["name"],
        day=day,
        sources=sources,
        usage=usage,
        signs=SIGNS,
    )


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
    return [(f"{first:%b %Y}" if days > 3 else f"{first:%b}", days) for first, days in counted.items()]
