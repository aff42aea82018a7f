"""minutebook margin."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

import typer

from orchestration.cli.options import Json, Period, Tenants, command
from orchestration.cli.output import show
from orchestration.cli.session import require_marts, session
from warehouse.control.tenants import require_tenant
from warehouse.margins import Part, margins

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
    """Show what the periods of a month left: revenue, costs by how they are known, margin with and without estimates.

    A part without a name is what belongs to none: fees and shared costs. Parts are of usage as it is rated now.
    """
    with session(ctx).operator() as connection:
        require_marts(connection)
        for slug in tenant or ():
            require_tenant(connection, slug)
        found = margins(connection, period, by, tenant)
    if by is not None:
        found = [{("usage_date" if by == Part.DAY else f"{by}_id") if name == "part" else name: value
                  for name, value in row.items()} for row in found]  # fmt: skip
    shown = found if as_json else [{**row, **{name: _cents(row[name]) for name in AMOUNTS}} for row in found]
    columns = list(found[0]) if found else []
    show(shown, columns, as_json, f"no period that starts in {period} has revenue or costs; see: minutebook status")


def _cents(amount: Decimal) -> Decimal:
    """To four decimals, for the eye; --json has them all."""
    return amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)
