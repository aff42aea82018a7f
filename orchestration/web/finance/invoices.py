"""Finance's page of final invoices: every line beside its statement's, what differs and what resolves it."""

from collections import Counter

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.remedies.steps import Step
from orchestration.remedies.wording import OnPage, period_page, resolved_by
from orchestration.reports import payments
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.finance.month import asked_month
from orchestration.web.forms import Form
from orchestration.web.operations import tasks
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from warehouse.control import tenants
from warehouse.database.queries import Row
from warehouse.statements.invoice_lines import final_lines
from warehouse.statements.periods import Month, months

PAGE_ROWS = 100
POST = (("post",),)
SHOWN = {
    "all": "all",
    "differ": "that differ",
    "wait": "that wait",
    "agree": "that agree",
    "unpaid": "of invoices that are not paid",
}
UNPAID = ("open", "uncollectible")


@for_roles("finance")
def show_invoices(request: Request, visitor: Visitor) -> Response:
    """The lines of a month, as Stripe was last read; those that differ first."""
    with readers(request).operator() as connection:
        known = months(connection)
        month = asked_month(request, [row["month_start"] for row in known])
        found = final_lines(connection, month)
        paid = payments.read(connection, month)
        seen = tasks.shown(connection, "/invoices", request)
        named = tenants.named(connection, (row["tenant_id"] for row in found))
    asked = request.query_params.get("show", "all")
    shown = asked if asked in SHOWN else "all"
    words = request.query_params.get("q", "").strip().lower()
    invoices = {one.invoice_id: one for of_statement in paid.values() for one in of_statement}
    unpaid = {name for name, one in invoices.items() if one.status in UNPAID}
    chosen = [
        row
        for row in found
        if (shown in ("all", _state(row)) or (shown == "unpaid" and unpaid & set(row["invoices"])))
        and (words in row["tenant_id"] or words in named.get(row["tenant_id"], "").lower())
    ]
    chosen.sort(key=lambda row: (_state(row) != "differ", row["tenant_id"], row["period_start"], row["line"]))
    paging = Paging(request, len(chosen), PAGE_ROWS)
    has_stripe = request.app.state.bills_through_stripe
    return render(
        "invoices.html",
        title=f"Final invoices, {month.start:%B %Y}",
        visitor=visitor,
        month=month,
        months=known,
        counts=Counter(_state(row) for row in found),
        rows=chosen[paging.start : paging.end],
        paging=paging,
        shown=shown,
        choices=SHOWN,
        words=words,
        named=named,
        invoices=invoices,
        unpaid=len(unpaid),
        under_way=seen,
        remedies={row["line"]: remedy(row) for row in chosen[paging.start : paging.end] if row["code"]},
        post=POST if has_stripe else None,
        compare=_compare(month) if has_stripe else None,
        read_at=min((row["read_at"] for row in found), default=None),
    )


@form_for_roles("finance")
def take_remedy(request: Request, visitor: Visitor, form: Form) -> Response:
    """Ask for a posting, for the invoices to be compared, or for what resolves a line."""
    month = asked_month(request, [])
    with readers(request).operator() as connection:
        offered = [remedy(row) for row in final_lines(connection, month) if row["code"]]
    offered += [OnPage("", steps=POST), OnPage("", steps=_compare(month))]
    if fault := tasks.taken(request, visitor, form, "/invoices", offered):
        raise HTTPException(409, fault)
    return tasks.watching(f"/invoices?month={month}")


def remedy(row: Row) -> OnPage:
    """What resolves a line: the page of its statement, a button, or a command to copy."""
    if row["what_to_do"].startswith("minutebook approve "):
        return OnPage(row["what"], link=period_page(row["tenant_id"], row["period_start"], "Approve its statement"))
    return OnPage(row["what"], "", None, *resolved_by(row["what_to_do"]))


def _compare(month: Month) -> tuple[Step, ...]:
    return (("reconcile", "--final", str(month)),)


def _state(row: Row) -> str:
    return "differ" if row["code"] else "wait" if row["waits"] else "agree"
