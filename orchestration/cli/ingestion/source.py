"""minutebook source list: what is read, from whom, and what was refused."""

import typer

from orchestration.cli.options import Json, command, group
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import session
from sources.registry import registry
from warehouse.clock import today
from warehouse.sources.registering import Use, in_use

app = group("Sources: what is read of each provider.", "minutebook source list")
_NONE = Use("", 0, None)


@command(app, "list", "minutebook source list --json")
def list_sources(ctx: typer.Context, as_json: Json = False) -> None:
    """List sources: contract, accounts that are read, days the provider remembers, days looked back, the last pull.

    JSON adds the provider, the scope kinds that rows route by, and the variable of the provider's address.
    """
    known = registry()
    with session(ctx).operator() as connection:
        used = in_use(connection, today())
    found = []
    for source in known.sources.values():
        use = used.get(source.name, _NONE)
        last = use.last_pull
        found.append(
            {
                "source": source.name,
                "provider": source.provider,
                "contract": source.contract,
                "accounts": use.accounts,
                "horizon_days": source.horizon_days,
                "look_back_days": source.look_back_days,
                "last_pull": last if as_json else last and f"{last:%Y-%m-%d %H:%M}",
                "bills": source.bills,
                "scope_kinds": [kind.name for kind in source.scope_kinds],
                "address": f"MINUTEBOOK_{source.address}",
            }
        )
    if as_json:
        print_json(found)
        return
    for row in found:
        row |= {"horizon": row["horizon_days"], "look_back": row["look_back_days"]}
    columns = ["source", "contract", "accounts", "horizon", "look_back", "last_pull"]
    show(found, columns, False, "no source is registered")
    for refused in known.refused:
        say(f"refused: {refused.name}: {refused.why}")
    next_step("minutebook credential set PROVIDER --tenant TENANT; a source of your own: docs/write-a-source.md")
