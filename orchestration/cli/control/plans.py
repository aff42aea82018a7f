"""minutebook meter … and minutebook plan …"""

from decimal import Decimal
from typing import Annotated

import typer

from orchestration.cli.options import Currency, From, Json, On, amount_option, command, group
from orchestration.cli.output import print_json, show, show_changes
from orchestration.cli.session import session
from warehouse.clock import today
from warehouse.control import plans, prices
from warehouse.control.errors import Refused
from warehouse.control.plans import Aggregation

meter_app = group("Meters: what is counted.", "minutebook meter list")
plan_app = group("Plans: fees, minimum and allowances.", "minutebook plan list")
PlanArgument = Annotated[str, typer.Argument(metavar="PLAN", help="Id of the plan.")]
MeterArgument = Annotated[str, typer.Argument(metavar="METER", help="Id of the meter.")]


@command(meter_app, "create", 'minutebook meter create voice_minutes --name "Call minutes" --unit minute --source vapi')
def create_meter(
    ctx: typer.Context,
    meter: Annotated[str, typer.Argument(metavar="METER", help="Id of a-z, 0-9 and '_'.")],
    name: Annotated[str, typer.Option(help="Name on statements.")],
    unit: Annotated[str, typer.Option(help="Its unit, in the singular.")],
    source: Annotated[str, typer.Option(metavar="SOURCE", help="Where it is counted; see: source list.")],
    increment_seconds: Annotated[
        int | None, typer.Option(metavar="SECONDS", help="Of calls: seconds of a started unit; default 60.")
    ] = None,
    minimum_seconds: Annotated[
        int | None, typer.Option(metavar="SECONDS", help="Of calls: least seconds of a connected call; default 0.")
    ] = None,
    item: Annotated[
        str | None, typer.Option(metavar="ITEM", help="Of usage: the item, in the provider's words.")
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="NAME=VALUE[,VALUE]",
            help="Of usage: only rows whose attribute has one of these values; '' is a row without it. Repeatable.",
        ),
    ] = None,
    is_counted: Annotated[
        bool, typer.Option("--count/--sum", help="Count rows or connected calls, or add up quantities or time.")
    ] = False,
    stripe_event_name: Annotated[str | None, typer.Option(metavar="NAME", help="Event name of Stripe's meter.")] = None,
    as_json: Json = False,
) -> None:
    """Create a meter. What it counts is fixed from then on; its name may change. Safe to repeat."""
    with session(ctx).operator() as connection:
        wanted = plans.Meter(
            meter,
            name,
            unit,
            source,
            increment_seconds,
            minimum_seconds,
            item,
            _accepted(filters or []),
            Aggregation.COUNT if is_counted else Aggregation.SUM,
            stripe_event_name,
        )
        change = plans.put_meter(connection, plans.with_defaults(connection, wanted))
    show_changes([change], as_json, f"minutebook price set --plan PLAN --meter {meter} --from DATE --amount AMOUNT")


def _accepted(filters: list[str]) -> dict[str, list[str]]:
    """NAME=VALUE[,VALUE] as attribute to values."""
    accepted: dict[str, list[str]] = {}
    for text in filters:
        name, is_said, values = text.partition("=")
        if not name or not is_said:
            raise Refused(f"--filter '{text}' is no NAME=VALUE")
        accepted.setdefault(name, []).extend(values.split(","))
    return accepted


@command(meter_app, "list", "minutebook meter list")
def list_meters(ctx: typer.Context, as_json: Json = False) -> None:
    """List meters."""
    with session(ctx).operator() as connection:
        rows = plans.meters(connection)
    columns = ["meter_id", "name", "unit", "source", "item", "attribute_filter", "aggregation"]
    show(
        rows,
        [*columns, "increment_seconds", "minimum_seconds", "stripe_event_name"],
        as_json,
        "no meters yet; next: minutebook meter create --help",
    )


@command(plan_app, "create", 'minutebook plan create growth --name "Growth" --currency USD')
def create_plan(
    ctx: typer.Context,
    plan: PlanArgument,
    name: Annotated[str, typer.Option(help="Name on statements.")],
    currency: Currency = "USD",
    as_json: Json = False,
) -> None:
    """Create a plan, or rename it. Safe to repeat."""
    with session(ctx).operator() as connection:
        change = plans.put_plan(connection, plan, name, currency)
    show_changes([change], as_json, f"minutebook plan terms {plan} --from DATE --subscription-fee AMOUNT")


@command(
    plan_app, "terms", "minutebook plan terms growth --from 2026-01-01 --subscription-fee 249 --voice-meter minutes"
)
def terms(
    ctx: typer.Context,
    plan: PlanArgument,
    valid_from: From,
    subscription_fee: Annotated[Decimal, amount_option("Per period, prorated for a partial one.")],
    setup_fee: Annotated[Decimal, amount_option("Once per tenant.")] = Decimal(0),
    minimum: Annotated[Decimal, amount_option("Least of subscription and overage per period.")] = Decimal(0),
    prorates_allowance: Annotated[bool, typer.Option(help="Prorate allowances for a partial period too.")] = False,
    voice_meter: Annotated[str | None, typer.Option(metavar="METER", help="Meter that counts its calls.")] = None,
    credit_notes: Annotated[
        bool, typer.Option(help="Give a credit note where a paid, untaxed invoice was too high; else lower the next.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Set a plan's terms from a day on: fees, minimum, the meter of its calls, how a paid invoice is corrected."""
    version = plans.Terms(
        plan, valid_from, subscription_fee, setup_fee, minimum, prorates_allowance, voice_meter, credit_notes
    )
    with session(ctx).operator() as connection:
        change = plans.put_terms(connection, version)
    show_changes([change], as_json, f"minutebook plan allowance {plan} METER QUANTITY --from {valid_from}")


@command(plan_app, "allowance", "minutebook plan allowance growth lookups 100 --from 2026-01-01")
def allowance(
    ctx: typer.Context,
    plan: PlanArgument,
    meter: MeterArgument,
    quantity: Annotated[int, typer.Argument(min=0, help="Units included per period.")],
    valid_from: From,
    as_json: Json = False,
) -> None:
    """Set the quantity of a meter that a plan includes per period, from a day on."""
    with session(ctx).operator() as connection:
        change = plans.put_allowance(connection, plan, meter, valid_from, quantity)
    show_changes([change], as_json, f"minutebook price set --plan {plan} --meter {meter} --from {valid_from} --help")


@command(plan_app, "rate", "minutebook plan rate growth 120000")
def rate(
    ctx: typer.Context,
    plan: PlanArgument,
    events: Annotated[int, typer.Argument(min=plans.FEWEST_EVENTS, max=plans.MOST_EVENTS, help="Events a minute.")],
    as_json: Json = False,
) -> None:
    """Set how many events a minute each tenant on a plan may push; 60,000 where nothing is set. It holds within ten
    seconds.
    """
    with session(ctx).operator() as connection:
        change = plans.set_rate(connection, plan, events)
    show_changes([change], as_json, "minutebook plan list")


@command(plan_app, "list", "minutebook plan list")
def list_plans(ctx: typer.Context, on: On = None, as_json: Json = False) -> None:
    """List plans with their terms in force on a day and how many tenants are on them."""
    with session(ctx).operator() as connection:
        rows = plans.plans_on(connection, on or today())
    columns = ["plan_id", "name", "currency", "subscription_fee", "setup_fee", "minimum_amount", "voice_meter_id"]
    columns += ["events_per_minute", "terms_since", "tenants"]
    show(rows, columns, as_json, "no plans yet; next: minutebook plan create --help")


@command(plan_app, "show", "minutebook plan show growth")
def show_plan(ctx: typer.Context, plan: PlanArgument, as_json: Json = False) -> None:
    """Show all versions of a plan's terms, allowances and prices."""
    with session(ctx).operator() as connection:
        found = plans.require_plan(connection, plan)
        versions, allowances = plans.plan_history(connection, plan)
        priced = prices.prices(connection, plan_id=plan)
    if as_json:
        print_json({**found, "terms": versions, "allowances": allowances, "prices": priced})
        return
    columns = ["valid_from", "subscription_fee", "setup_fee", "minimum_amount", "prorates_allowance"]
    columns += ["gives_credit_notes", "voice_meter_id"]
    title = f"Terms of plan {plan} ({found['name']}, {found['currency']})"
    show(versions, columns, False, f"no terms yet; next: minutebook plan terms {plan} --help", title)
    show(allowances, ["meter_id", "valid_from", "quantity"], False, "no allowances", "\nAllowances")
    columns = ["meter_id", "valid_from", "valid_to", "model", "unit_amount", "package_size", "tiers"]
    show(priced, columns, False, f"no prices; next: minutebook price set --plan {plan} --help", "\nPrices")
