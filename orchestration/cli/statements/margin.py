"""minutebook margin."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

import typer

from orchestration.cli.options import Json, Period, Tenants, command
from orchestration.cli.output import show, show_unknown_costs
from orchestration.cli.session import require_marts, session
from warehouse.control.tenants import require_tenant
from warehouse.costs.margins import Part, margins
from warehouse.costs.unknown_costs import unknown_costs
from warehouse.database.queries import Row
from warehouse.statements import periods

app = typer.Typer()
COSTS = ("cost_reported", "cost_estimated", "cost_allocated")
AMOUNTS = ["revenue", *COSTS, "margin", "margin_without_estimates", "approved_cost"]


@command(app, "margin", "minutebook margin 2026-10 --by meter --tenant acme")
def show_margin(
    ctx: typer.Context,
    period: Period,
    tenant: Tenants = None,
    by: Annotated[Part | None, typer.Option("--by", help="Cut each period by this; without it, whole periods.")] = None,
    as_json: Json = False,
) -> None:
    """Show the margin of a month's periods: revenue, costs by how they are known, margin with and without estimates.

    A part without a name is what belongs to none: fees and shared costs. Parts are of usage as it is rated now. What
    a period was known to cost when it was approved is shown once its cost has moved since.
    """
    with session(ctx).operator() as connection:
        require_marts(connection)
        for slug in tenant or ():
            require_tenant(connection, slug)
        found = margins(connection, period, by, tenant)
        unknown = unknown_costs(connection, periods.statements(connection, period, tenant))
    if by is not None:
        found = [{("usage_date" if by == Part.DAY else f"{by}_id") if name == "part" else name: value
                  for name, value in row.items()} for row in found]  # fmt: skip
    amounts = [name for name in AMOUNTS if found and name in found[0]]
    shown = found if as_json else [{**row, **{name: _cents(row[name]) for name in amounts}} for row in found]
    columns = [name for name in found[0] if name != "approved_cost" or _has_moved(found)] if found else []
    show(shown, columns, as_json, f"no period that starts in {period} has revenue or costs; see: minutebook status")
    if not as_json:
        show_unknown_costs(unknown)


def _has_moved(found: list[Row]) -> bool:
    """Whether a period costs another amount now than when it was approved."""
    return any(
        row["approved_cost"] is not None and row["approved_cost"] != sum(row[name] for name in COSTS) for row in found
    )


def _cents(amount: Decimal | None) -> Decimal | None:
    """To four decimals, for the eye; --json has them all."""
    return None if amount is None else amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)
