"""Many statements approved at once: what is about to be frozen is shown, and frozen only if it is still that.

A statement that something blocks is left out: to override is a decision about one statement, taken on its own page.
"""

import hmac
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.remedies.approval import refusal
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.finance.month import asked_month, statements_of, what_is_behind
from orchestration.web.forms import Form
from orchestration.web.operations import tasks
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse.database.queries import Connection, Row
from warehouse.marts.freshness import PATIENCE_OF_A_DECISION, standing_still
from warehouse.statements.approval import Outcome, Scope, approve
from warehouse.statements.blocking import key_of
from warehouse.statements.periods import Month


class _OneRefused(Exception):
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


@for_roles("finance")
def show_approvals(request: Request, visitor: Visitor) -> Response:
    """The statements chosen in a month (period=tenant/start, repeated) or all that are ready (which=ready)."""
    month = asked_month(request, [])
    with readers(request).operator() as connection:
        return _shown(request, visitor, connection, month)


@form_for_roles("finance")
def take_approvals(request: Request, visitor: Visitor, form: Form) -> Response:
    """Approve what was shown, all in one transaction; shown again, unapproved, when any of it has changed since."""
    month, today = asked_month(request, []), request.app.state.today()
    with readers(request).operator(visitor.person.login_id, DECISION) as connection:
        try:
            with standing_still(connection, PATIENCE_OF_A_DECISION):
                ready, _ = _chosen(request, statements_of(connection, month, today))
                if not ready or not hmac.compare_digest(form.get("seen", "").encode(), _seen(ready).encode()):
                    changed = "What you were shown has changed since: look again. Nothing was approved."
                    return _shown(request, visitor, connection, month, changed)
                scope = Scope(month, statements=[key_of(row) for row in ready])
                for outcome in approve(connection, scope, visitor.person.login_id, today=today):
                    if outcome.result == "refused":  # finance was asked about all of them together
                        raise _OneRefused(outcome)
        except _OneRefused as error:
            why = refusal(error.outcome).rstrip(".")
            return _shown(request, visitor, connection, month, f"{why}. Nothing was approved.")
    return RedirectResponse(f"/periods?month={month}&show=done", 303)


def _shown(request: Request, visitor: Visitor, connection: Connection, month: Month, fault: str = "") -> Response:
    ready, left_out = _chosen(request, statements_of(connection, month, request.app.state.today()))
    return render(
        "approvals.html",
        status=409 if fault else 200,
        title=f"Approve {month.start:%B %Y}",
        visitor=visitor,
        month=month,
        rows=ready,
        left_out=left_out,
        totals=_totals(ready),
        seen=_seen(ready),
        target=f"/approvals?{request.url.query}",
        behind=what_is_behind(connection, request, [row["tenant_id"] for row in ready]),
        fault=fault,
        under_way=tasks.shown(connection, "/approvals", request),
    )


def _chosen(request: Request, found: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Those chosen that can be approved, and those that cannot."""
    wanted = set(request.query_params.getlist("period"))
    if request.query_params.get("which") == "ready":
        wanted = {_key(row) for row in found if row["standing"] == "ready"}
    if unknown := wanted - {_key(row) for row in found}:
        raise HTTPException(404, f"There is no statement {min(unknown)} in this month.")
    chosen = [row for row in found if _key(row) in wanted]
    ready = [row for row in chosen if row["standing"] == "ready"]
    return ready, [row for row in chosen if row["standing"] != "ready"]


def _key(row: Row) -> str:
    return f"{row['tenant_id']}/{row['period_start']}"


def _seen(ready: Sequence[Row]) -> str:
    """A name of exactly these statements with exactly these totals."""
    shown = "\n".join(sorted(f"{_key(row)} {row['total']} {row['currency']}" for row in ready))
    return sha256(shown.encode()).hexdigest()


def _totals(ready: Sequence[Row]) -> list[tuple[str, int, Decimal]]:
    """Currency, how many statements, and their sum."""
    counts = Counter(row["currency"] for row in ready)
    return [
        (currency, count, sum((row["total"] for row in ready if row["currency"] == currency), Decimal(0)))
        for currency, count in sorted(counts.items())
    ]
