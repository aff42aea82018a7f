"""minutebook review, approve, close and reopen."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

import psycopg
import typer

from orchestration.cli.options import Json, Period, Tenants, command, parse_amount
from orchestration.cli.output import console, next_step, print_json, say, show, show_unknown_costs, tracked
from orchestration.cli.session import CommandFailed, Session, session
from orchestration.marts.building import build
from orchestration.remedies import word
from orchestration.remedies.approval import refusal_typed, whom_to_name
from orchestration.remedies.errors import with_next_step
from warehouse.clock import today
from warehouse.control import tenants
from warehouse.control.errors import Refused
from warehouse.costs.unknown_costs import unknown_costs
from warehouse.finding import Finding, Statement
from warehouse.marts.freshness import LONGEST_BUILD_SECONDS, MartsBehind, require_built, require_fresh
from warehouse.statements import approval, blocking, periods
from warehouse.statements.approval import Scope, WhomToName
from warehouse.statements.not_billed import not_billed
from warehouse.statements.periods import Month
from warehouse.statements.review_rules import set_moved_share
from warehouse.words import counted

app = typer.Typer()
AMOUNTS = ["setup", "subscription", "overage", "minimum", "adjustments", "credits", "total"]
MARGIN = ["cost", "margin", "margin_percent", "completeness"]
Row = dict[str, Any]


@command(app, "review", "minutebook review 2026-10 --tenant acme --lines")
def review(
    ctx: typer.Context,
    period: Period,
    tenant: Tenants = None,
    lines: Annotated[bool, typer.Option("--lines", help="Show the statements' lines too.")] = False,
    moved_share: Annotated[
        Decimal | None,
        typer.Option(
            parser=parse_amount, metavar="SHARE",
            help="From now on, a statement that moved by more than this share of the last one blocks; 0.5 is half.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Show the statements and margins of a period, what blocks their approval and how to fix it.

    Open periods move to in review, where they still take changes.
    """
    current = session(ctx)
    with current.settings.database() as url:
        _build_if_behind(current, url, period, tenant)
        with current.operator_of(url) as connection:
            if moved_share is not None:
                set_moved_share(connection, moved_share)
            statements = _statements(connection, period, tenant)
            blockers = blocking.by_statement(blocking.blockers(connection, statements, today()))
            detail = periods.lines(connection, period, tenant)
            unknown = unknown_costs(connection, statements)
            beside = not_billed(connection, statements)
            connection.commit()  # each period's state is a transaction of its own, which holds up nobody
            for row in tracked(statements, "reviewing"):
                if periods.begin_review(connection, row, current.settings.actor):
                    row["state"] = "in_review"
    if as_json:
        print_json([_as_json(row, blockers[blocking.key_of(row)], detail, unknown, beside) for row in statements])
        return
    _show_statements(period, statements)
    if lines:
        columns = ["tenant_id", "line_id", "line_kind", "meter_id", "quantity", "unit", "amount", "currency"]
        show(detail, [*columns, "corrects_line_id"], False, "no lines", "\nLines")
    show_unknown_costs(unknown)
    if beside:
        said = [
            {"tenant_id": one.subject.tenant_id, "what": word(one).what, "then": word(one).what_then} for one in beside
        ]
        show(said, ["tenant_id", "what", "then"], False, "", "\nUsed, and on no statement")
    _show_blockers([blocker for row in statements for blocker in blockers[blocking.key_of(row)] if _is_pending(row)])
    _say_next(period, statements, blockers)


@command(app, "approve", "minutebook approve 2026-10 --tenant acme")
def approve(
    ctx: typer.Context,
    period: Period,
    tenant: Tenants = None,
    override: Annotated[
        str | None,
        typer.Option(
            "--override", metavar="REASON", help="Approve although blocked, for named tenants; the reason is kept."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Approve statements: their lines are frozen, and never change again without a reopening.

    Each tenant's is approved on its own and stays so if this is interrupted: run it again for the rest. Exits 1 when
    any was refused.
    """
    if override is not None and not override.strip():
        raise typer.BadParameter("--override needs a reason")
    current, scope = session(ctx), Scope(period, tenant)
    with current.settings.database() as url:
        _build_if_behind(current, url, period, tenant)
        with current.operator_of(url) as connection:
            _statements(connection, period, tenant)
            connection.commit()  # each tenant's is a transaction of its own
            try:
                outcomes = approval.approve(
                    connection, scope, current.settings.actor, today=today(), override=override,
                    in_turn=lambda tenants: tracked(tenants, "approving"), patience=LONGEST_BUILD_SECONDS,
                )  # fmt: skip
            except WhomToName as error:
                raise CommandFailed(whom_to_name(error, period)) from None
    refused = [one for one in outcomes if one.result == "refused"]
    in_order = [one for one in outcomes if one not in refused] + refused
    columns = ["tenant_id", "period_start", "result", "lines", "manifest_hash"]
    results = [{name: getattr(one, name) for name in columns} | {"why": refusal_typed(one)} for one in in_order]
    show(results, [*columns, "why"], as_json, "nothing to approve")
    if refused:
        raise CommandFailed(f"{counted(len(refused), 'statement')} refused: {refusal_typed(refused[0])}")
    if not as_json:
        next_step(f"minutebook close {period}, when nothing of it will be reopened")


@command(app, "close", "minutebook close 2026-10")
def close(ctx: typer.Context, period: Period, tenant: Tenants = None, as_json: Json = False) -> None:
    """Close approved periods. What arrives later becomes an adjustment in the first period not yet approved.

    Exits 1 when any was not approved; the others are closed.
    """
    current = session(ctx)
    with current.operator() as connection:
        done, refused = [], []
        found = _reviewed(connection, period, tenant)
        connection.commit()
        for row in tracked(found, "closing"):
            try:
                result = "closed" if periods.close(connection, row, current.settings.actor) else "unchanged"
            except Refused as error:
                result = "refused"
                refused.append(with_next_step(error))
            done.append({"tenant_id": row["tenant_id"], "period_start": row["period_start"], "result": result})
    show(done, ["tenant_id", "period_start", "result"], as_json, "nothing to close")
    if refused:
        raise CommandFailed(f"{counted(len(refused), 'period')} refused: {refused[0]}")
    if not as_json:
        next_step(f"minutebook review {Month.parse(f'{period.end:%Y-%m}')}")


@command(app, "reopen", 'minutebook reopen 2026-10 --tenant acme --reason "wrong price agreed"')
def reopen(
    ctx: typer.Context,
    period: Period,
    tenant: Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Whose period.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
    as_json: Json = False,
) -> None:
    """Reopen an approved or closed period: it is in review again; the audit log keeps the lines that were frozen."""
    if not reason.strip():
        raise typer.BadParameter("--reason needs a reason")
    current = session(ctx)
    with current.operator() as connection:
        rows = _reviewed(connection, period, [tenant])
        for row in rows:
            periods.reopen(connection, row, current.settings.actor, reason)
    if as_json:
        print_json([{"tenant_id": tenant, "period_start": row["period_start"], "state": "in_review"} for row in rows])
        return
    say(f"reopened {period} of tenant {tenant}")
    next_step(f"make the change, then: minutebook approve {period} --tenant {tenant}")


def _build_if_behind(current: Session, url: str, period: Month, chosen: list[str] | None) -> None:
    """Statements are only shown and frozen from marts that know all of them; to build is quicker than to explain."""
    with current.operator_of(url) as connection:
        try:
            _require_fresh(connection, period, chosen)
        except MartsBehind as error:
            console(is_error=True).print(f"{error} … building them first", style="dim", markup=False)
        else:
            return
    build(url, current.settings.home, today())
    with current.operator_of(url) as connection:
        _require_fresh(connection, period, chosen)


def _require_fresh(connection: psycopg.Connection[Any], period: Month, chosen: list[str] | None) -> None:
    require_built(connection)
    found = periods.statements(connection, period, chosen)
    require_fresh(connection, today(), [row["tenant_id"] for row in found])


def _statements(connection: psycopg.Connection[Any], period: Month, chosen: list[str] | None) -> list[Row]:
    for slug in chosen or ():
        tenants.require_tenant(connection, slug)
    found = periods.statements(connection, period, chosen)
    if not found:
        raise CommandFailed(f"no statement's period starts in {period}; see: minutebook tenant list")
    return found


def _reviewed(connection: psycopg.Connection[Any], period: Month, chosen: list[str] | None) -> list[Row]:
    for slug in chosen or ():
        tenants.require_tenant(connection, slug)
    found = periods.periods_of(connection, period, chosen)
    if not found:
        raise CommandFailed(f"no period that starts in {period} was reviewed yet; next: minutebook review {period}")
    return found


def _show_statements(period: Month, statements: list[Row]) -> None:
    shown = []
    for row in statements:
        last = row["ends_on"] - timedelta(days=1) if row["ends_on"] > row["period_start"] else row["period_start"]
        window = f"{row['period_start']} to {last}"
        state = str(row["state"]).replace("_", " ") + ("" if row["is_complete"] else ", incomplete")
        cents = Decimal(1).scaleb(row["total"].as_tuple().exponent)  # as the marts rounded to the currency's minor unit
        rounded = {
            name: None if row[name] is None else row[name].quantize(cents, ROUND_HALF_UP) for name in ("cost", "margin")
        }
        shown.append({**row, **rounded, "period": window, "state": state})
    columns = ["tenant_id", "period", "state", "currency", *AMOUNTS, *MARGIN]
    show(shown, columns, False, "", f"Statements of periods that start in {period}")


def _show_blockers(blockers: list[Finding]) -> None:
    rows = [{"tenant_id": one.subject.tenant_id, **word(one).as_record} for one in blockers]
    show(rows, ["tenant_id", "what", "fix"], False, "\nnothing blocks approval", "\nWhat blocks approval")


def _say_next(period: Month, statements: list[Row], blockers: dict[Statement, list[Finding]]) -> None:
    pending = [row for row in statements if _is_pending(row)]
    if not pending:
        next_step(f"minutebook close {period}")
    elif any(blockers[blocking.key_of(row)] for row in pending):
        next_step(f"fix what blocks, then: minutebook approve {period} (or --tenant TENANT --override REASON)")
    else:
        next_step(f"minutebook approve {period}")


def _as_json(row: Row, blockers: list[Finding], lines: list[Row], unknown: list[Finding], beside: list[Finding]) -> Row:
    of_row = [[one for one in found if one.subject.statement == blocking.key_of(row)] for found in (unknown, beside)]
    return {
        **row,
        "blockers": [{"code": one.code, **word(one).as_record} for one in blockers] if _is_pending(row) else [],
        "unknown_costs": [{"code": one.code, **word(one).as_record} for one in of_row[0]],
        "not_billed": [{"code": one.code, "what": word(one).what, "then": word(one).what_then} for one in of_row[1]],
        "lines": [line for line in lines if blocking.key_of(line) == blocking.key_of(row)],
    }


def _is_pending(row: Row) -> bool:
    return row["state"] not in periods.FROZEN
