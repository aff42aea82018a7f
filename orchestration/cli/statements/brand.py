"""minutebook brand …"""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import Json, TenantFilter, command, group
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import session
from warehouse.statements import issuing
from warehouse.statements.issuing import Brand

app = group("In whose name statements are handed to clients.", "minutebook brand show")
COLUMNS = [
    "tenant_id",
    "name",
    "accent",
    "logo_kind",
    "logo_bytes",
    "number_prefix",
    "is_tax_invoice",
    "host",
    "mail_from",
    "address",
    "note",
]


@command(app, "set", 'minutebook brand set --name "Voice Agency" --accent "#7a1f66" --logo logo.svg --prefix VA-')
def set_brand(
    ctx: typer.Context,
    name: Annotated[str, typer.Option("--name", help="The agency's name.")],
    accent: Annotated[
        str, typer.Option("--accent", metavar="#RRGGBB", help="Its colour, dark enough for white text.")
    ] = (Brand.accent),
    logo: Annotated[
        Path | None,
        typer.Option("--logo", exists=True, dir_okay=False, help="PNG or SVG, up to 64 KB; default as before."),
    ] = None,
    address: Annotated[str, typer.Option("--address", help="Under the name.")] = "",
    note: Annotated[str, typer.Option("--note", help="A sentence below the total, such as how to pay.")] = "",
    prefix: Annotated[str, typer.Option("--prefix", help="What numbers of statements begin with.")] = "",
    tax_invoice: Annotated[
        bool, typer.Option("--tax-invoice", help="It is a tax invoice; without, it says that it is none.")
    ] = False,
    host: Annotated[
        str | None,
        typer.Option("--host", help="Name at which its people reach the pages, in MINUTEBOOK_HOSTS too."),
    ] = None,
    mail_from: Annotated[
        str | None,
        typer.Option("--mail-from", help="Who its mails are from, such as Agency <bills@example.com>."),
    ] = None,
    tenant: TenantFilter = None,
    as_json: Json = False,
) -> None:
    """Set the brand of the deployment, or of one tenant in its place. What was issued keeps the brand it had."""
    from orchestration import branding  # sets type, which no other command pays for

    own_host = host.lower() if host else None
    picture = logo.read_bytes() if logo is not None else None
    brand = Brand(tenant, name, accent.lower(), picture, address, note, prefix, tax_invoice, own_host, mail_from)
    with session(ctx).operator() as connection:
        branding.set_brand(connection, brand)
        found = issuing.brands(connection, tenant, is_one=True)
    if as_json:
        print_json(found)
        return
    say(f"set the brand of {f'tenant {tenant}' if tenant else 'the deployment'}")
    next_step("minutebook brand show")


@command(app, "show", "minutebook brand show --tenant acme")
def show_brands(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """Show the brands, the deployment's first, or one tenant's own."""
    with session(ctx).operator() as connection:
        found = issuing.brands(connection, tenant, is_one=tenant is not None)
    show(found, COLUMNS, as_json, "no brand yet; next: minutebook brand set --help")
