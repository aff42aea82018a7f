"""minutebook quarantine …"""

from decimal import Decimal
from typing import Annotated

import typer

from orchestration.cli.options import Json, TenantArgument, TenantFilter, command, group, parse_amount
from orchestration.cli.output import next_step, show, show_changes
from orchestration.cli.session import session
from warehouse.ingestion import quarantine

app = group("Rows that break their provider's contract, set aside by themselves.", "minutebook quarantine list")
Row = Annotated[int, typer.Argument(metavar="ID", help="Which row; see: quarantine list.")]


@command(app, "list", "minutebook quarantine list --tenant acme")
def list_rows(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List the rows of current pulls that were set aside: which, whose, and what is wrong with each."""
    with session(ctx).operator() as connection:
        rows = quarantine.standing(connection, tenant)
    columns = ["quarantine_id", "source", "account", "usage_date", "tenant_id", "item", "reason"]
    show(rows, columns, as_json, "nothing is set aside")
    if rows and not as_json:
        next_step("each is pulled again by itself; to leave one out: minutebook quarantine accept ID --reason WHY")


@command(app, "accept", 'minutebook quarantine accept 17 --reason "a test call"')
def accept(
    ctx: typer.Context,
    row: Row,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept in the audit log and shown by explain.")],
    seconds: Annotated[
        Decimal | None,
        typer.Option("--seconds", parser=parse_amount, metavar="N", help="Bill the call at this length instead."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Leave a row out of every sum, or bill a call at another length, as long as the provider sends it as it does now.

    The last word holds: a row may be accepted again, otherwise.
    """
    with session(ctx).operator() as connection:
        change = quarantine.accept(connection, row, reason, seconds)
    show_changes([change], as_json, "minutebook build, so that its day is whole")


@command(app, "assign", "minutebook quarantine assign 17 acme acme-reception")
def assign(
    ctx: typer.Context,
    row: Row,
    tenant: TenantArgument,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Id of the agent.")],
    move: Annotated[bool, typer.Option("--move", help="Move it from another tenant.")] = False,
    as_json: Json = False,
) -> None:
    """Assign a row of the shared account to a tenant: it then blocks this tenant alone."""
    with session(ctx).operator() as connection:
        change = quarantine.assign(connection, row, tenant, agent, move)
    show_changes([change], as_json, f"minutebook quarantine list --tenant {tenant}")
