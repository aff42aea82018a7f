"""minutebook cost show, findings and reconcile: what the providers behind the calls charged."""

from dataclasses import asdict
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

import typer

from orchestration.cli.options import CalendarMonth, Currency, Json, TenantFilter, command, parse_amount, parse_date
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import require_marts, session
from orchestration.remedies import word
from sources.day import PLATFORM
from warehouse.clock import today
from warehouse.control.tenants import require_tenant
from warehouse.costs import bills
from warehouse.costs.bill_reconciliation import BillDay, Reconciled, reconciled
from warehouse.database.queries import Row
from warehouse.words import counted

app = typer.Typer()
COMPONENTS = ["provider", "component", "basis", "currency", "amount", "known_amount", "unknown_costs", "per_minute"]
NOBODYS = ["provider", "service", "currency", "bill", "joined", "shared", "unattributed"]
DAYS = ["usage_date", "currency", "bill", "told", "difference", "why"]


def _of_day(text: str) -> tuple[date, Decimal]:
    """YYYY-MM-DD=AMOUNT."""
    day, is_there, amount = text.partition("=")
    if not is_there:
        raise typer.BadParameter(f"'{text}' is not YYYY-MM-DD=AMOUNT")
    return parse_date(day), parse_amount(amount)


@command(app, "show", "minutebook cost show 2026-10 --tenant acme")
def show_costs(ctx: typer.Context, month: CalendarMonth, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """Show what a calendar month cost by provider, component and basis, and a connected minute; and what nobody has.

    Amounts are in the currency they were spent in. An amount is empty while a part of it is not known; what is known of
    it stands beside.
    """
    with session(ctx).operator() as connection:
        require_marts(connection)
        if tenant is not None:
            require_tenant(connection, tenant)
        found = bills.costs_by_component(connection, month.start, month.end, tenant)
        nobodys = [] if tenant else bills.unattributed(connection, month)
    if as_json:
        print_json({"costs": found, "unattributed": nobodys})
        return
    show(
        [_short(row, ("amount", "known_amount", "per_minute")) for row in found],
        COMPONENTS,
        False,
        f"no costs in {month}",
    )
    if nobodys:
        show(
            [_short(row, tuple(NOBODYS[3:])) for row in nobodys],
            NOBODYS,
            False,
            "",
            "\nOf the platform's bills, and nobody's",
        )
        next_step(f"minutebook cost findings {month}")


@command(app, "findings", "minutebook cost findings 2026-10")
def show_findings(ctx: typer.Context, month: CalendarMonth, as_json: Json = False) -> None:
    """List what a person should know of a calendar month's bills, and the command that resolves it."""
    with session(ctx).operator() as connection:
        require_marts(connection)
        found = bills.findings(connection, month, today())
    worded = [
        {"code": one.code, "first_day": one.subject.first_day, "what": word(one).what, "fix": word(one).what_then}
        for one in found
    ]
    show(worded, ["first_day", "what", "fix"], as_json, f"nothing to know of the bills of {month}")


@command(app, "reconcile", "minutebook cost reconcile twilio 2026-10 --invoice 1203.55 --currency USD")
def reconcile(
    ctx: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Whose bill it is.")],
    month: CalendarMonth,
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", metavar="TENANT", help="The bill of this tenant's account; without, the platform's."),
    ] = None,
    invoice: Annotated[
        Decimal | None,
        typer.Option(parser=parse_amount, metavar="AMOUNT", help="What the provider invoiced for the month."),
    ] = None,
    day: Annotated[
        list[str] | None,
        typer.Option(metavar="YYYY-MM-DD=AMOUNT", help="What its console shows of a day. Repeatable."),
    ] = None,
    currency: Currency = "USD",
    as_json: Json = False,
) -> None:
    """Compare a provider's bill of a calendar month with what was read of it, by day, and explain the difference.

    Days are listed that differ or could, and why; --json has all of them.
    """
    told = dict(map(_of_day, day or ()))
    with session(ctx).operator() as connection:
        require_marts(connection)
        if tenant is not None:
            require_tenant(connection, tenant)
        found = reconciled(
            connection, provider, month, today(), account=tenant or PLATFORM,
            invoice=invoice, told=told, currency=currency,
        )  # fmt: skip
    if as_json:
        print_json([_sum(one) for one in found])
        return
    if not found:
        say(f"no bill of {provider} was ever read")
        next_step(f"minutebook credential set {provider}" + (f" --tenant {tenant}" if tenant else ""))
    for one in found:
        _say(one, f" --tenant {tenant}" if tenant else "")


def _say(one: Reconciled, whose: str) -> None:
    noted = [_shown(day) for day in one.days if day.reasons or day.difference]
    if noted:
        show(noted, DAYS, False, "")
    say(f"{len(one.days) - len(noted)} of {counted(len(one.days), 'day')} read when final, and nothing differs")
    read = f"{one.read:f} {one.currency or ''}".strip()
    if one.invoice is None:
        say(f"read: {read}")
    else:
        say(f"invoiced: {one.invoice:f} {one.currency}, read: {read}, rest: {one.rest:f}")
    for reason in one.explanations:
        say(f"- {reason}")
    if one.rest and not one.explanations:
        say("- nothing that was read explains the rest: a fee, a tax or a credit of the invoice alone")
    for source in sorted({day.source for day in one.days if not day.is_read}):
        days = [day.usage_date for day in one.days if not day.is_read and day.source == source]
        next_step(f"minutebook pull{whose} --source {source} --from {min(days)} --to {max(days)}")


def _shown(day: BillDay) -> Row:
    return {
        "usage_date": day.usage_date, "currency": day.currency, "bill": day.bill, "told": day.told,
        "difference": day.difference, "why": "; ".join(day.reasons) or "nothing that was read explains it",
    }  # fmt: skip


def _sum(one: Reconciled) -> Row:
    days = [
        {**asdict(day), "difference": day.difference, "moved": day.moved, "reasons": list(day.reasons)}
        for day in one.days
    ]
    return {
        "currency": one.currency, "invoice": one.invoice, "read": one.read, "rest": one.rest,
        "missing": list(one.missing), "pending": one.pending, "restated": one.restated,
        "on_other_bills": one.on_other_bills, "unknown_lines": one.unknown_lines,
        "explanations": list(one.explanations), "days": days,
    }  # fmt: skip


def _short(row: Row, names: tuple[str, ...]) -> Row:
    """To four decimals, for the eye; --json has them all."""
    return row | {
        name: None if row[name] is None else row[name].quantize(Decimal("0.0001"), ROUND_HALF_UP) for name in names
    }
