"""Finance's page of a month: every statement whose period starts in it, and its close."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.remedies import word
from orchestration.remedies.wording import OnPage
from orchestration.reports import content
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.finance import closing
from orchestration.web.forms import Form
from orchestration.web.operations import tasks
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse.blocker import Blocker
from warehouse.database.queries import Connection, Row
from warehouse.finding import Finding
from warehouse.operations import alerts
from warehouse.statements import blocking, periods
from warehouse.statements.approval import obstacle
from warehouse.statements.invoice_lines import final_lines
from warehouse.statements.payments import payments
from warehouse.statements.periods import Month

SHOWN = {"all": "all", "decide": "to decide", "blocked": "blocked", "ready": "ready to approve", "done": "approved"}
PAGE_ROWS = 50
# A reader should look twice where a total moved by more than this share of the former one.
STRIKING_SHARE = Decimal("0.25")


@for_roles("finance")
def show_month(request: Request, visitor: Visitor) -> Response:
    """Every statement of a month: what is billed, how it moved, what blocks it."""
    with readers(request).operator() as connection:
        months = periods.months(connection)
        month = asked_month(request, [row["month_start"] for row in months])
        found = statements_of(connection, month, request.app.state.today())
        behind = what_is_behind(connection, request, [])
        asked = tasks.shown(connection, "/periods", request)
        has_stripe = request.app.state.bills_through_stripe
        to_close = closing.steps(
            month, found, final_lines(connection, month), payments(connection, month), has_stripe=has_stripe
        )
        open_alerts = alerts.count_open(connection)
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
        counts=Counter(row["standing"] for row in found) + Counter(row["state"] for row in found),
        totals=_totals(found),
        rows=chosen[paging.start : paging.end],
        paging=paging,
        shown=shown,
        choices=SHOWN,
        words=words,
        behind=behind,
        under_way=asked,
        to_close=to_close,
        alerts=open_alerts,
    )


@form_for_roles("finance")
def close_month(request: Request, visitor: Visitor, form: Form) -> Response:
    """Close every approved period that starts in the month; what is not approved stays as it is."""
    month, actor = asked_month(request, []), visitor.person.login_id
    with readers(request).operator(actor, DECISION) as connection:
        for row in periods.periods_of(connection, month):
            if row["state"] == "approved":
                periods.close(connection, row, actor)
    return RedirectResponse(f"/periods?month={month}&show=done", 303)


def statements_of(connection: Connection, month: Month, today: date) -> list[Row]:
    """The statements of a month, each with its standing (blocked, ready, running, done) and what blocks it."""
    found = periods.statements(connection, month)
    beside = {blocking.key_of(row): row for row in periods.beside(connection, month)}
    to_decide = [row for row in found if not is_done(row) and row["ends_on"] <= today]
    blockers = blocking.by_statement(blocking.blockers(connection, to_decide, today))
    for row in found:
        row |= beside[blocking.key_of(row)]
        row["blocks"] = _in_short(blockers[blocking.key_of(row)])
        row["has_days_missing"] = any(one.code is Blocker.DAYS for one in blockers[blocking.key_of(row)])
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
    if is_done(row):
        return "done"
    if today < row["ends_on"]:
        return "running"
    return "blocked" if row["blocks"] else "ready"


def is_done(row: Row) -> bool:
    """Whether a statement is frozen."""
    return row["state"] in periods.FROZEN


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
                "unknown": sum(row["margin"] is None for row in own),
                "margin_percent": margin * 100 / billed if billed and margin is not None else None,
            }
        )
    return totals


def what_is_behind(connection: Connection, request: Request, tenant_ids: Sequence[str]) -> OnPage | None:
    """Why these tenants' statements cannot be approved now; None while the data can be trusted."""
    finding = obstacle(connection, request.app.state.today(), tenant_ids)
    return word(finding).on_page if finding else None
