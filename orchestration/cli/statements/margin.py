"""minutebook margin."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

import typer

from orchestration.cli.options import Json, Period, Tenants, command
from orchestration.cli.output import show, show_unknown_costs
from orchestration.cli.session import require_marts, session
from warehouse.control.tenants import require_tenant
from warehouse.statements import periods
from warehouse.statements.margins import Part, margins
from warehouse.statements.unknown_costs import unknown_costs

app = typer.Typer()
AMOUNTS = ["revenue", "cost_reported", "cost_estimated", "cost_allocated", "margin", "margin_without_estimates"]


@command(app, "margin", "minutebook margin 2026-10 --by meter --tenant acme")
def show_margin(
    ctx: typer.Context,
    period: Period,
    tenant: Tenants = None,
    by: Annotated[Part | None, typer.Option("--by", help="Cut each period by this; without it, whole periods.")] = None,
    as_json: Json = False,
) -> None:
    """Show the margin of a month's periods: revenue, costs by how they are known, margin with and without estimates.

    A part without a name is what belongs to none: fees and shared costs. Parts are of usage as it is rated now.
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
    shown = found if as_json else [{**row, **{name: _cents(row[name]) for name in AMOUNTS}} for row in found]
    columns = list(found[0]) if found else []
    show(shown, columns, as_json, f"no period that starts in {period} has revenue or costs; see: minutebook status")
    if not as_json:
        show_unknown_costs(unknown)


def _cents(amount: Decimal | None) -> Decimal | None:
    """To four decimals, for the eye; --json has them all."""
    return None if amount is None else amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)
