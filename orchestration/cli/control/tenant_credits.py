"""minutebook credit …"""

from datetime import date
from decimal import Decimal
from typing import Annotated

import typer

from orchestration.cli.options import (
    From,
    Json,
    TenantArgument,
    TenantFilter,
    amount_argument,
    command,
    group,
    parse_date,
)
from orchestration.cli.output import show, show_changes
from orchestration.cli.session import session
from warehouse.clock import today
from warehouse.control import tenant_credits
from warehouse.control.tenant_credits import Credit
from warehouse.control.tenants import require_tenant

app = group("Credits: what a tenant is owed; its statements use it up.", "minutebook credit list")


@command(app, "give", 'minutebook credit give acme 50 --from 2026-11-01 --expires 2027-11-01 --reason "outage"')
def give(
    ctx: typer.Context,
    tenant: TenantArgument,
    amount: Annotated[Decimal, amount_argument("In the tenant's currency.")],
    valid_from: From,
    reason: Annotated[str, typer.Option("--reason", help="Why; the tenant reads it on its statement.")],
    expires: Annotated[
        date | None,
        typer.Option(
            "--expires", parser=parse_date, metavar="YYYY-MM-DD", help="First day on which it is no longer valid."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Give a tenant a credit. Every statement not yet approved whose period has a day of its validity can use it."""
    with session(ctx).operator() as connection:
        change = tenant_credits.give(connection, Credit(tenant, amount, valid_from, reason, expires))
    show_changes([change], as_json, "minutebook build, so that statements use it; then: minutebook credit list")


@command(app, "void", 'minutebook credit void 7 --reason "given twice"')
def void(
    ctx: typer.Context,
    credit: Annotated[int, typer.Argument(metavar="CREDIT", help="Number of the credit; see: minutebook credit list.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
    as_json: Json = False,
) -> None:
    """Take back what is left of a credit; what approved statements used of it stays used."""
    with session(ctx).operator() as connection:
        change = tenant_credits.void(connection, credit, reason)
    show_changes([change], as_json, "minutebook build, so that statements no longer use it")


@command(app, "list", "minutebook credit list --tenant acme")
def list_credits(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List credits with what approved statements used of each and what is left."""
    with session(ctx).operator() as connection:
        if tenant is not None:
            require_tenant(connection, tenant)
        found = tenant_credits.credits_of(connection, today(), tenant)
    columns = ["credit_id", "tenant_id", "amount", "used", "balance", "currency", "valid_from", "expires_on", "state"]
    show(found, [*columns, "reason"], as_json, "no credits; next: minutebook credit give --help")
