"""minutebook agent rubric, output and results, and tenant language: by which words the results of calls are read."""

from decimal import Decimal
from typing import Annotated

import typer

from orchestration.cli.options import Json, TenantArgument, TenantFilter, amount_option, command
from orchestration.cli.output import show, show_changes
from orchestration.cli.session import session
from warehouse.control import call_results
from warehouse.control.call_results import Language, Meaning, Rubric

app = typer.Typer()
tenant_app = typer.Typer()
THEN = "minutebook build reads the results of its calls again (the night does, too)"


@command(app, "rubric", "minutebook agent rubric acme vapi_assistant 7b0c5f2e pass_fail")
def rubric(
    ctx: typer.Context,
    tenant: TenantArgument,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What is judged alike, such as vapi_assistant.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Its id at the provider.")],
    words: Annotated[Rubric, typer.Argument(metavar="RUBRIC", help=f"One of {', '.join(Rubric)}.")],
    success_from: Annotated[
        Decimal | None,
        amount_option("The least that is a success; likert counts 1 to 5, descriptive 1 (poor) to 4 (excellent)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set by which rubric an assistant's calls are judged: without one, an evaluation is shown and counted nowhere."""
    with session(ctx).operator() as connection:
        change = call_results.put_rubric(connection, tenant, kind, value, words, success_from)
    show_changes([change], as_json, THEN)


@command(app, "output", "minutebook agent output acme 3f1c9a70 sentiment")
def output(
    ctx: typer.Context,
    tenant: TenantArgument,
    output_id: Annotated[str, typer.Argument(metavar="OUTPUT", help="The provider's id of the structured output.")],
    meaning: Annotated[Meaning, typer.Argument(metavar="MEANING", help=f"One of {', '.join(Meaning)}.")],
    as_json: Json = False,
) -> None:
    """Set what a structured output of a tenant's calls means, by its id."""
    with session(ctx).operator() as connection:
        change = call_results.put_output(connection, tenant, output_id, meaning)
    show_changes([change], as_json, THEN)


@command(tenant_app, "language", "minutebook tenant language acme german")
def language(
    ctx: typer.Context,
    tenant: TenantArgument,
    name: Annotated[
        Language, typer.Argument(metavar="LANGUAGE", help=f"One of {', '.join(Language)}.", case_sensitive=False)
    ],
    as_json: Json = False,
) -> None:
    """Set in which language words said in a tenant's calls are searched, so that other forms of a word are found too.

    In simple, the default, words are found as they are written.
    """
    with session(ctx).operator() as connection:
        change = call_results.put_language(connection, tenant, name)
    show_changes([change], as_json, THEN)


@command(app, "results", "minutebook agent results --tenant acme")
def results(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List by which rubric assistants are judged, what structured outputs mean, and languages of the text search."""
    with session(ctx).operator() as connection:
        rows = call_results.rules(connection, tenant)
    columns = ["tenant_id", "kind", "value", "read_as", "success_from"]
    show(rows, columns, as_json, "no evaluation is read by a rubric; next: minutebook agent rubric --help")
