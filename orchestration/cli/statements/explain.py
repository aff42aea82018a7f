"""minutebook explain."""

from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any

import typer

from orchestration.cli.options import Json, command
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, require_marts, session
from warehouse.statements.explain import Explanation, explain

app = typer.Typer()


@command(app, "explain", "minutebook explain acme/2026-10-01/overage/voice_minutes --objects")
def explain_line(
    ctx: typer.Context,
    line: Annotated[
        str, typer.Argument(metavar="LINE", help="Id of a statement line; see: minutebook review --lines.")
    ],
    objects: Annotated[
        bool, typer.Option("--objects", help="Show each call or row with the provider's own id and cost.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Explain a statement line: price version, days, pulls, the provider's calls or rows.

    What is frozen is explained as it was frozen. Exits 1 when the parts of a level do not sum to the level above.
    """
    with session(ctx).operator() as connection:
        require_marts(connection)
        found = explain(connection, line)
    if as_json:
        print_json({**asdict(found), "faults": found.faults})
    else:
        _show(found, objects)
    if found.faults:
        raise CommandFailed(f"the parts of {line} do not sum to it: {found.faults[0]}")


def _show(found: Explanation, with_objects: bool) -> None:
    line = found.line
    columns = ["line_id", "period_state", "quantity", "unit", "unrounded_amount", "amount", "currency"]
    show([line], [*columns, "service_period_start", "service_period_end"], False, "", "Line")
    if found.price:
        terms = ["price_id", "plan_id", "tenant_id", "model", "unit_amount", "package_size", "tiers", "valid_from"]
        show([found.price], terms, False, "", "\nPrice version")
    if line["line_kind"] != "overage":
        inputs = [{"input": name, "value": value} for name, value in sorted(line["inputs"].items())]
        show(inputs, ["input", "value"], False, "no inputs", "\nComputed from")
    when = "as frozen" if line["is_frozen"] else "as known now"
    if found.days_before:
        columns = ["usage_date", "overage_before", "overage_quantity", "change", "amount_before", "amount"]
        show(_changes(found), columns, False, "no day changed", f"\nDays of the corrected line that changed, {when}")
    elif found.days:
        days = ["usage_date", "quantity", "cumulative_quantity", "allowance", "overage_quantity", "amount"]
        show(found.days, days, False, "", f"\nDays, {when}")
    read = ["pull_id", "source", "account", "usage_date", "pulled_at", "quantity", "row_count"]
    if line["line_kind"] == "adjustment":
        show(found.changed_pulls, read, False, "no pull: control data changed", "\nPulls that made it")
    elif found.pulls:
        show([pull for pull in found.pulls if pull["quantity"]], read, False, "", "\nPulls")
    if with_objects and found.objects:
        reported = ["object_id", "pull_id", "usage_date", "agent_id", "quantity", "provider_cost", "provider_currency"]
        if any(one["accepted_seconds"] is not None for one in found.objects):
            reported += ["accepted_seconds", "accepted_because"]
        show(found.objects, [*reported, "cost_basis"], False, "", "\nCalls and rows of the provider")
    if found.corrections:
        show(found.corrections, ["line_id", "period_state", "quantity", "amount"], False, "", "\nAdjusted by")
    if line["line_kind"] == "adjustment":
        next_step(f"minutebook explain {line['corrects_line_id']}")
    elif found.objects and not with_objects:
        say(f"calls or rows of the provider: {len(found.objects)}")
        next_step(f"minutebook explain {line['line_id']} --objects")


def _changes(found: Explanation) -> list[dict[str, Any]]:
    """Days whose overage is another than when they were frozen last."""
    nothing = {"overage_quantity": 0, "amount": Decimal(0)}
    now = {day["usage_date"]: day for day in found.days}
    before = {day["usage_date"]: day for day in found.days_before}
    changes = []
    for usage_date in sorted(now.keys() | before.keys()):
        is_now, was = now.get(usage_date, nothing), before.get(usage_date, nothing)
        if (is_now["overage_quantity"], is_now["amount"]) != (was["overage_quantity"], was["amount"]):
            changes.append({
                "usage_date": usage_date, "overage_before": was["overage_quantity"],
                "overage_quantity": is_now["overage_quantity"], "amount_before": was["amount"],
                "change": is_now["overage_quantity"] - was["overage_quantity"], "amount": is_now["amount"],
            })  # fmt: skip
    return changes
