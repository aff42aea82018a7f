"""minutebook cost show, findings and reconcile: what the providers behind the calls charged."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

import typer

from orchestration.cli.options import Currency, Json, Period, TenantFilter, command, parse_amount
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import require_marts, session
from orchestration.remedies import word
from warehouse.clock import today
from warehouse.control.tenants import require_tenant
from warehouse.database.queries import Row
from warehouse.statements import bills
from warehouse.statements.bills import Reconciled

app = typer.Typer()
COMPONENTS = ["provider", "component", "basis", "currency", "amount", "known_amount", "unknown_costs", "per_minute"]
NOBODYS = ["provider", "service", "currency", "bill", "joined", "shared", "unattributed"]
DAYS = [
    "account",
    "usage_date",
    "is_read",
    "currency",
    "bill",
    "first_amount",
    "on_other_bills",
    "unknown_lines",
    "pending",
]


@command(app, "show", "minutebook cost show 2026-10 --tenant acme")
def show_costs(ctx: typer.Context, period: Period, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """Show what a calendar month cost by provider, component and basis, and a connected minute; and what nobody has.

    Amounts are in the currency they were spent in. An amount is empty while a part of it is not known; what is known of
    it stands beside.
    """
    with session(ctx).operator() as connection:
        require_marts(connection)
        if tenant is not None:
            require_tenant(connection, tenant)
        found = bills.costs_by_component(connection, period.start, period.end, tenant)
        nobodys = [] if tenant else bills.unattributed(connection, period)
    if as_json:
        print_json({"costs": found, "unattributed": nobodys})
        return
    show(
        [_short(row, ("amount", "known_amount", "per_minute")) for row in found],
        COMPONENTS,
        False,
        f"no costs in {period}",
    )
    if nobodys:
        show(
            [_short(row, tuple(NOBODYS[3:])) for row in nobodys],
            NOBODYS,
            False,
            "",
            "\nOf the platform's bills, and nobody's",
        )
        next_step(f"minutebook cost findings {period}")


@command(app, "findings", "minutebook cost findings 2026-10")
def show_findings(ctx: typer.Context, period: Period, as_json: Json = False) -> None:
    """List what a person should know of a calendar month's bills, and the command that resolves it."""
    with session(ctx).operator() as connection:
        require_marts(connection)
        found = bills.findings(connection, period, today())
    worded = [
        {"code": one.code, "first_day": one.subject.first_day, "what": word(one).what, "fix": word(one).what_then}
        for one in found
    ]
    show(worded, ["first_day", "what", "fix"], as_json, f"nothing to know of the bills of {period}")


@command(app, "reconcile", "minutebook cost reconcile twilio 2026-10 --invoice 1203.55 --currency USD")
def reconcile(
    ctx: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Whose bill it is.")],
    period: Period,
    invoice: Annotated[
        Decimal | None,
        typer.Option(parser=parse_amount, metavar="AMOUNT", help="What the provider invoiced for the month."),
    ] = None,
    currency: Currency = "USD",
    as_json: Json = False,
) -> None:
    """Compare a provider's bill of a calendar month with what was read of it, by day, and explain the difference."""
    with session(ctx).operator() as connection:
        require_marts(connection)
        billed = None if invoice is None else (invoice, currency)
        days, sums = bills.reconciled(connection, provider, period, today(), billed)
    if as_json:
        print_json({"days": days, "sums": [_sum(one) for one in sums]})
        return
    show(days, DAYS, False, f"no bill of {provider} was ever read; next: minutebook credential set {provider}")
    for one in sums:
        _say(one)
        for account, day in one.missing:
            whose = "" if account == "platform" else f" --tenant {account}"
            next_step(f"minutebook pull{whose} --from {day} --to {day}")


def _say(one: Reconciled) -> None:
    read = f"{one.read:f} {one.currency or ''}".strip()
    if one.invoice is None:
        say(f"read: {read}")
    else:
        say(f"invoiced: {one.invoice:f} {one.currency}, read: {read}, rest: {one.rest:f}")
    for reason in one.explanations:
        say(f"- {reason}")
    if one.rest and not one.explanations:
        say("- nothing that was read explains the rest: a fee, a tax or a credit of the invoice alone")


def _sum(one: Reconciled) -> Row:
    return {
        "currency": one.currency, "invoice": one.invoice, "read": one.read, "rest": one.rest,
        "missing": [{"account": account, "usage_date": day} for account, day in one.missing],
        "pending": one.pending, "restated": one.restated, "on_other_bills": one.on_other_bills,
        "unknown_lines": one.unknown_lines, "explanations": list(one.explanations),
    }  # fmt: skip


def _short(row: Row, names: tuple[str, ...]) -> Row:
    """To four decimals, for the eye; --json has them all."""
    return row | {
        name: None if row[name] is None else row[name].quantize(Decimal("0.0001"), ROUND_HALF_UP) for name in names
    }
