"""minutebook doubt …"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer

from orchestration.cli.options import Json, TenantArgument, command, day_option, group, parse_amount
from orchestration.cli.output import next_step, show, show_changes
from orchestration.cli.session import require_marts, session
from warehouse.calls import call_doubts
from warehouse.calls.call_doubts import Chosen

app = group(
    "Calls whose own fields contradict each other.", "minutebook doubt list acme --from 2026-10-01 --to 2026-10-31"
)
From = Annotated[date, day_option("--from", "First usage date (UTC).")]
To = Annotated[date, day_option("--to", "Last usage date, included.")]


class Doubt(StrEnum):
    """What contradicts what."""

    COSTS_DIFFER = "costs_differ"
    MINUTES_DIFFER = "minutes_differ"


@command(app, "list", "minutebook doubt list acme --from 2026-10-01 --to 2026-10-31")
def list_doubts(
    ctx: typer.Context, tenant: TenantArgument, first_day: From, last_day: To, as_json: Json = False
) -> None:
    """List the calls that contradict themselves and that nobody accepted, with both figures of each."""
    with session(ctx).operator() as connection:
        require_marts(connection)
        found = call_doubts.standing(connection, tenant, first_day, last_day)
    columns = ["usage_date", "call_id", "doubt", "charged", "counted", "unit"]
    show(found, columns, as_json, f"no call of {tenant} contradicts itself")
    if found and not as_json:
        next_step("minutebook doubt accept --help")


@command(
    app,
    "accept",
    "minutebook doubt accept acme costs_differ --from 2026-10-05 --to 2026-10-05 --calls 1 --charged 0.30"
    ' --reason "agreed with the provider"',
)
def accept(
    ctx: typer.Context,
    tenant: TenantArgument,
    doubt: Annotated[Doubt, typer.Argument(metavar="DOUBT", help="costs_differ or minutes_differ.")],
    first_day: From,
    last_day: To,
    calls: Annotated[
        int, typer.Option("--calls", min=1, help="How many were shown; with others, nothing is accepted.")
    ],
    charged: Annotated[
        Decimal, typer.Option("--charged", parser=parse_amount, metavar="AMOUNT", help="In all, as shown.")
    ],
    reason: Annotated[str, typer.Option("--reason", help="Why they stand; it is kept in the audit log.")],
    call: Annotated[str | None, typer.Option("--call", metavar="ID", help="Only this call.")] = None,
    as_json: Json = False,
) -> None:
    """Let calls stand as they are: costs are the sum of their parts, minutes those that were connected.

    Each is accepted with the figures that it has now; with others it is doubtful again.
    """
    chosen = Chosen(tenant, doubt, first_day, last_day, call)
    with session(ctx).operator() as connection:
        require_marts(connection)
        changes = call_doubts.accept(connection, chosen, (calls, charged), reason)
    show_changes(changes, as_json, "minutebook build, so that margins know it")
