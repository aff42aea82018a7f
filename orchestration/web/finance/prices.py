"""Prices: their versions by plan, tenant and meter, the form that sets one, and what it would have made of a month."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form, whole_number
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse.control import plans, prices, tenants
from warehouse.control.errors import Refused
from warehouse.control.prices import Model, Price, typed_tier
from warehouse.currency import typed_amount
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection, Row
from warehouse.marts.freshness import require_fresh
from warehouse.statements.forecast import simulate
from warehouse.statements.periods import Month

PAGE_ROWS = 100
MODELS = {
    Model.PER_UNIT: "an amount for each unit",
    Model.PACKAGE: "an amount for each package, begun ones whole",
    Model.GRADUATED: "tiers, each unit at its own",
    Model.VOLUME: "tiers, all units at that of the last",
    Model.PLAN: "its plan’s again (of a tenant)",
}


@dataclass(frozen=True)
class Preview:
    """What a price would have made of the periods that start in a month; behind: why its figures are old."""

    month: Month
    rows: Sequence[Row]
    behind: str

    @property
    def totals(self) -> dict[str, Decimal]:
        """The difference by currency."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.rows:
            sums[row["currency"]] += row["difference"]
        return sums

    @property
    def most(self) -> list[Row]:
        """The periods that it changes most."""
        return sorted(self.rows, key=lambda row: -abs(row["difference"]))[:PAGE_ROWS]


@for_roles("finance", "operator")
def show_prices(request: Request, visitor: Visitor) -> Response:
    """All versions of prices, of a plan, a tenant or a meter where one is asked for."""
    return _shown(request, visitor)


@form_for_roles("finance")
def set_price(request: Request, visitor: Visitor, form: Form) -> Response:
    """Set a version of a price, or show what it would have made of a month; a refusal says why."""
    is_preview = form.get("do") == "preview"
    try:
        price = _price(form)
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            if is_preview:
                preview = _previewed(connection, price, form, request.app.state.today())
            else:
                prices.put_price(connection, price)
    except WarehouseError as error:
        return _shown(request, visitor, str(error), form)
    if is_preview:
        return _shown(request, visitor, form=form, preview=preview)
    owner = f"plan={price.plan_id}" if price.plan_id else f"tenant={price.tenant_id}"
    return RedirectResponse(f"/prices?{owner}", 303)


def _price(form: Form) -> Price:
    said = {name: value.strip() for name, value in form.items()}
    try:
        since = date.fromisoformat(said.get("from", ""))
    except ValueError:
        raise Refused("the first day is written YYYY-MM-DD") from None
    if said.get("model") not in MODELS:
        raise Refused("a price is an amount for each unit, or one of the others of the list")
    try:
        return Price(
            said.get("meter", ""),
            since,
            Model(said["model"]),
            said.get("plan") or None,
            said.get("tenant") or None,
            typed_amount(said["amount"]) if said.get("amount") else None,
            whole_number(form, "package_size") or None,
            tuple(typed_tier(line.strip()) for line in said.get("tiers", "").split("\n") if line.strip()),
        )
    except ValueError as error:
        raise Refused(str(error)) from None


def _previewed(connection: Connection, price: Price, form: Form, today: date) -> Preview:
    if price.model is Model.PLAN:
        raise Refused("a preview needs a price: look at that of the plan")
    try:
        month = Month.parse(form.get("month", "").strip())
    except ValueError:
        raise Refused("the month of a preview is written YYYY-MM") from None
    found = simulate(connection, price, month)
    try:
        require_fresh(connection, today)
    except WarehouseError as error:
        return Preview(month, found, str(error))
    return Preview(month, found, "")


def _shown(
    request: Request, visitor: Visitor, fault: str = "", form: Form | None = None, preview: Preview | None = None
) -> Response:
    asked = {name: request.query_params.get(name, "").strip() for name in ("plan", "tenant", "meter")}
    today = request.app.state.today()
    with readers(request).operator() as connection:
        offered, meters = plans.on_offer(connection, today)
        known = tenants.names(connection)
        found = prices.prices(connection, *(asked[name] or None for name in ("plan", "tenant", "meter")))
    on_offer = {row["meter_id"]: row for row in meters}
    found = [row for row in found if row["meter_id"] in on_offer]
    paging = Paging(request, len(found), PAGE_ROWS)
    last_month = (today.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    return render(
        "prices.html",
        status=409 if fault else 200,
        title="Prices",
        visitor=visitor,
        rows=found[paging.start : paging.end],
        paging=paging,
        asked=asked,
        plans={row["plan_id"]: row for row in offered},
        meters=on_offer,
        named={row["tenant_id"]: row["name"] for row in known},
        tenants=known,
        models=MODELS,
        today=today,
        filled=form if form is not None else {**asked, "from": str(today.replace(day=1)), "month": last_month},
        fault=fault,
        preview=preview,
    )
