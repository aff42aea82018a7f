"""Finance's pages: the periods of a month, and one statement under review."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.remedies import word
from orchestration.remedies.approval import refusal
from orchestration.remedies.wording import OnPage
from orchestration.reports import content
from orchestration.reports.content import StatementMissing
from orchestration.reports.figures import figures_of
from orchestration.web.auth import Form, Visitor, for_roles, form_for_roles, readers
from orchestration.web.meters import defined
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse.blocker import Blocker
from warehouse.database.queries import Connection, Row, first, rows
from warehouse.finding import Finding
from warehouse.statements import blocking, periods
from warehouse.statements.approval import Scope, approve, obstacle
from warehouse.statements.not_billed import not_billed
from warehouse.statements.periods import Month
from warehouse.statements.unknown_costs import unknown_costs

FILE = "statements/pages"
SHOWN = {"all": "all", "decide": "to decide", "blocked": "blocked", "ready": "ready to approve", "done": "approved"}
PAGE_ROWS = 50
# A reader should look twice where a total moved by more than this share of the former one.
STRIKING_SHARE = Decimal("0.25")


@for_roles("finance")
def show_month(request: Request, visitor: Visitor) -> Response:
    """Every statement of a month: what is billed, how it moved, what blocks it."""
    with readers(request).operator() as connection:
        months = rows(connection, FILE, "months")
        month = asked_month(request, [row["month_start"] for row in months])
        found = statements_of(connection, month, request.app.state.today())
        behind = what_is_behind(connection, request, [])
    shown = request.query_params.get("show", "all")
    words = request.query_params.get("q", "").strip().lower()
    chosen = [row for row in found if _is_shown(row, shown) and _has(row, words)]
    chosen.sort(
        key=lambda row: (row["standing"] != "blocked", row["standing"] == "done", -row["total"], row["tenant_id"])
    )
    paging = Paging(request, len(chosen), PAGE_ROWS)
    return render(
        "month.html",
        title=f"{month.start:%B %Y}",
        visitor=visitor,
        month=month,
        months=months,
        counts=Counter(row["standing"] for row in found),
        totals=_totals(found),
        rows=chosen[paging.start : paging.end],
        paging=paging,
        shown=shown,
        choices=SHOWN,
        words=words,
        behind=behind,
    )


@for_roles("finance")
def show_period(request: Request, visitor: Visitor) -> Response:
    """One statement: what blocks it, what changed, where each amount comes from, and the decision."""
    tenant, start = path_period(request)
    return _period(request, visitor, tenant, start)


@form_for_roles("finance")
def take_step(request: Request, visitor: Visitor, form: Form) -> Response:
    """Approve a statement, with or without a reason to override, and show it again; a refusal says why."""
    tenant, start = path_period(request)
    step, today = request.path_params["step"], request.app.state.today()
    if step != "approve":
        raise HTTPException(404)
    reason = form.get("reason", "").strip() or None
    scope = Scope(Month.parse(f"{start:%Y-%m}"), statements=[(tenant, start)])
    with readers(request).operator(visitor.person.login_id, DECISION) as connection:
        outcomes = approve(connection, scope, visitor.person.login_id, today=today, override=reason)
    if not outcomes:
        raise HTTPException(404, f"There is no statement of {tenant} for a period from {start} on.")
    if outcomes[0].result == "refused":
        return _period(request, visitor, tenant, start, fault=refusal(outcomes[0]), reason=reason or "")
    return RedirectResponse(f"/periods/{tenant}/{start}", 303)


def statements_of(connection: Connection, month: Month, today: date) -> list[Row]:
    """The statements of a month, each with its standing (blocked, ready, running, done) and what blocks it."""
    found = periods.statements(connection, month)
    beside = {
        blocking.key_of(row): row
        for row in rows(connection, FILE, "beside", month_start=month.start, month_end=month.end)
    }
    to_decide = [row for row in found if not _is_done(row) and row["ends_on"] <= today]
    blockers = blocking.by_statement(blocking.blockers(connection, to_decide, today))
    for row in found:
        row |= beside[blocking.key_of(row)]
        row["blocks"] = _in_short(blockers[blocking.key_of(row)])
        row["standing"] = _standing(row, today)
        former = row["former_total"]
        row["is_striking"] = bool(former) and abs(row["total"] - former) > abs(former) * STRIKING_SHARE
    return found


def path_period(request: Request) -> tuple[str, date]:
    """The tenant and period start in the address. Raises HTTPException 404 where that is no date of a month of ours."""
    try:
        start = date.fromisoformat(request.path_params["start"])
        Month.parse(f"{start:%Y-%m}")  # the last month of all ends on no date
    except ValueError:
        raise HTTPException(404) from None
    return request.path_params["tenant"], start


def _period(
    request: Request, visitor: Visitor, tenant: str, start: date, fault: str = "", reason: str = ""
) -> Response:
    today = request.app.state.today()
    with readers(request).operator() as connection:
        try:
            statement = content.read(connection, tenant, start, with_costs=True, with_calls=False)
        except StatementMissing as error:
            raise HTTPException(404, str(error)) from None
        period = _statement(connection, tenant, start)
        is_pending = not _is_done(period)
        blockers = blocking.blockers(connection, [period], today) if is_pending else []
        unknown = unknown_costs(connection, [period])
        beside = not_billed(connection, [period])
        history = first(connection, FILE, "decision", tenant_id=tenant, period_start=start)
        behind = what_is_behind(connection, request, [tenant])
    return render(
        "period.html",
        status=409 if fault else 200,
        title=f"{statement.name}, {start:%B %Y}",
        visitor=visitor,
        statement=statement,
        state=period["state"],
        last_day=period["ends_on"] - timedelta(days=1),
        is_running=today < period["ends_on"],
        is_pending=is_pending,
        blockers=[word(one).on_page for one in blockers],
        unknown=[word(one).on_page for one in unknown],
        beside=[word(one).on_page for one in beside],
        history=history,
        figures=figures_of(statement),
        defined=defined(request, statement.meter_ids),
        behind=behind,
        fault=fault,
        reason=reason,
    )


def _statement(connection: Connection, tenant: str, start: date) -> Row:
    month = Month.parse(f"{start:%Y-%m}")
    for row in periods.statements(connection, month, [tenant]):
        if row["period_start"] == start:
            return row
    raise HTTPException(404, f"There is no statement of {tenant} for a period from {start} on.")


def asked_month(request: Request, known: Sequence[date]) -> Month:
    """The month asked for, else the newest that has ended: the one finance is at work on. Raises HTTPException 404."""
    today: date = request.app.state.today()
    asked = request.query_params.get("month")
    try:
        if asked:
            return Month.parse(asked)
    except ValueError:
        raise HTTPException(404, "A month is written YYYY-MM.") from None
    ended = [start for start in known if start < today.replace(day=1)]
    return Month.parse(f"{max(ended, default=max(known, default=today)):%Y-%m}")


def _standing(row: Row, today: date) -> str:
    if _is_done(row):
        return "done"
    if today < row["ends_on"]:
        return "running"
    return "blocked" if row["blocks"] else "ready"


def _is_done(row: Row) -> bool:
    return row["state"] in {"approved", "closed"}


def _in_short(found: Sequence[Finding]) -> list[str]:
    """What stands in the way, in a few words each; the statement's own page shows it in full."""
    days = sum(one.facts["days"] for one in found if one.code is Blocker.DAYS)
    items = sum(Blocker(one.code).is_usage for one in found)
    counted = {
        "days": f"{days} day{'s' if days != 1 else ''}",
        "items not billed": f"{items} item{'s' if items != 1 else ''} not billed",
    }
    return [counted.get(short, short) for short in dict.fromkeys(word(one).short for one in found)]


def _is_shown(row: Row, shown: str) -> bool:
    if shown == "decide":
        return row["standing"] in {"blocked", "ready"}
    return shown not in SHOWN or shown == "all" or row["standing"] == shown


def _has(row: Row, words: str) -> bool:
    return words in row["tenant_id"] or words in (row["name"] or "").lower()


def _totals(found: Sequence[Row]) -> list[Row]:
    """Billed, before, overage and margin by currency."""
    totals = []
    for currency in sorted({row["currency"] for row in found}):
        own = [row for row in found if row["currency"] == currency]
        billed = sum((row["total"] for row in own), Decimal(0))
        former = sum((row["former_total"] or Decimal(0) for row in own), Decimal(0))
        margin = content.known_sum(row["margin"] for row in own)
        totals.append(
            {
                "currency": currency,
                "billed": billed,
                "former": former,
                "overage": sum((row["overage"] for row in own), Decimal(0)),
                "adjustments": sum((row["adjustments"] for row in own), Decimal(0)),
                "margin": margin,
                "margin_percent": margin * 100 / billed if billed and margin is not None else None,
            }
        )
    return totals


def what_is_behind(connection: Connection, request: Request, tenant_ids: Sequence[str]) -> OnPage | None:
    """Why these tenants' statements cannot be approved now; None while the data can be trusted."""
    finding = obstacle(connection, request.app.state.today(), tenant_ids)
    return word(finding).on_page if finding else None
