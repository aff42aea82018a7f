"""minutebook explain."""

from dataclasses import asdict
from typing import Annotated

import typer

from orchestration.cli.options import Json, command
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, session
from warehouse.explaining import Explanation, explain
from warehouse.periods import require_built

app = typer.Typer()


@command(app, "explain", "minutebook explain acme/2026-10-01/overage/voice_minutes --calls")
def explain_line(
    ctx: typer.Context,
    line: Annotated[
        str, typer.Argument(metavar="LINE", help="Id of a statement line; see: minutebook review --lines.")
    ],
    calls: Annotated[bool, typer.Option("--calls", help="Show each call with the provider's id and cost.")] = False,
    as_json: Json = False,
) -> None:
    """Explain a statement line: price version, days, pulls, calls. Exits 1 when its parts do not sum to it."""
    with session(ctx).operator() as connection:
        require_built(connection)
        found = explain(connection, line)
    if as_json:
        print_json({**asdict(found), "faults": found.faults})
    else:
        _show(found, calls)
    if found.faults:
        raise CommandFailed(f"the parts of {line} do not sum to it: {found.faults[0]}")


def _show(found: Explanation, with_calls: bool) -> None:
    line = found.line
    columns = ["line_id", "period_state", "quantity", "unit", "unrounded_amount", "amount", "currency"]
    show([line], [*columns, "service_period_start", "service_period_end"], False, "", "Line")
    if found.price:
        terms = ["price_id", "plan_id", "tenant_id", "model", "unit_amount", "package_size", "tiers", "valid_from"]
        show([found.price], terms, False, "", "\nPrice version")
    if line["line_kind"] != "overage":
        inputs = [{"input": name, "value": value} for name, value in sorted(line["inputs"].items())]
        show(inputs, ["input", "value"], False, "no inputs", "\nComputed from")
    days = ["usage_date", "quantity", "cumulative_quantity", "allowance", "overage_quantity", "amount", "pull_ids"]
    if found.days:
        show(found.days, days, False, "", "\nDays, as known now")
        read = ["pull_id", "source", "account", "usage_date", "pulled_at", "quantity", "row_count"]
        show(found.pulls, read, False, "", "\nPulls")
    if with_calls and found.calls:
        told = ["call_id", "pull_id", "usage_date", "agent_id", "connected_seconds", "quantity", "provider_cost"]
        show(found.calls, [*told, "cost_basis"], False, "", "\nCalls")
    if found.corrections:
        show(found.corrections, ["line_id", "period_state", "quantity", "amount"], False, "", "\nAdjusted by")
    if line["line_kind"] == "adjustment":
        read = ["pull_id", "source", "account", "usage_date", "pulled_at", "row_count"]
        show(found.changed_pulls, read, False, "no pull: control data changed", "\nPublished since it was frozen")
        next_step(f"minutebook explain {line['corrects_line_id']}")
    elif found.calls and not with_calls:
        say(f"{len(found.calls)} calls")
        next_step(f"minutebook explain {line['line_id']} --calls")
