"""Finance's page of final invoices: every line beside its statement's, what differs and what resolves it."""

from collections import Counter

from starlette.requests import Request
from starlette.responses import Response

from orchestration.remedies.wording import OnPage
from orchestration.web import tasks
from orchestration.web.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.statements import asked_month
from warehouse.database.queries import Row, rows
from warehouse.statements.invoice_lines import final_lines

PAGE_ROWS = 100
POST = (("post",),)
SHOWN = {"all": "all", "differ": "that differ", "wait": "that wait", "agree": "that agree"}


@for_roles("finance")
def show_invoices(request: Request, visitor: Visitor) -> Response:
    """The lines of a month, as Stripe was last read; those that differ first."""
    with readers(request).operator() as connection:
        months = rows(connection, "statements/pages", "months")
        month = asked_month(request, [row["month_start"] for row in months])
        found = final_lines(connection, month)
        seen = tasks.shown(connection, "/invoices", request)
    asked = request.query_params.get("show", "all")
    shown = asked if asked in SHOWN else "all"
    words = request.query_params.get("q", "").strip().lower()
    chosen = [
        row for row in found if (shown not in SHOWN or shown in ("all", _state(row))) and words in row["tenant_id"]
    ]
    chosen.sort(key=lambda row: (_state(row) != "differ", row["tenant_id"], row["period_start"], row["line"]))
    paging = Paging(request, len(chosen), PAGE_ROWS)
    return render(
        "invoices.html",
        title=f"Final invoices, {month.start:%B %Y}",
        visitor=visitor,
        month=month,
        months=months,
        counts=Counter(_state(row) for row in found),
        rows=chosen[paging.start : paging.end],
        paging=paging,
        shown=shown,
        choices=SHOWN,
        words=words,
        under_way=seen,
        post=POST if request.app.state.bills_through_stripe else None,
        read_at=min((row["read_at"] for row in found), default=None),
    )


@form_for_roles("finance")
def take_posting(request: Request, visitor: Visitor, form: Form) -> Response:
    """Ask for a posting: only what differs from what was posted is sent."""
    tasks.taken(request, visitor, form, "/invoices", [OnPage("", steps=POST)])
    return tasks.watching("/invoices")


def _state(row: Row) -> str:
    return "differ" if row["code"] else "wait" if row["waits"] else "agree"
