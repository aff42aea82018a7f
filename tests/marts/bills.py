"""Bills written by hand: sources of costs that nobody has heard of, and what they would have answered."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg

from sources.contracts import CONTRACTS, COSTS
from sources.registry import all_sources
from sources.source import ScopeKind
from tests.marts.warehouse_of_one import Warehouse, call
from tests.sources import toy
from warehouse.sources import registering

CARRIER = replace(
    toy.BILL, name="carrier_bill", provider="carrier", scope_kinds=(ScopeKind("carrier_account", column="scope_ref"),)
)
CARRIED = replace(CARRIER, name="carrier_calls", table="calls", details_calls=True)
MODELS = replace(
    toy.BILL, name="models_bill", provider="models", scope_kinds=(ScopeKind("models_project", column="scope_ref"),)
)
EARS = replace(toy.BILL, name="ears_bill", provider="ears", scope_kinds=())
SOURCES = (CARRIER, CARRIED, MODELS, EARS)


def register(connection: psycopg.Connection[Any]) -> None:
    """As if their packages were installed: their raw tables, and the contracts' views over them."""
    registering.register(connection, [*all_sources().values(), *SOURCES], CONTRACTS.values())


def line(service: str, amount: str | None, **values: Any) -> dict[str, Any]:
    """A line of the bill of a day, in USD where nothing else is said."""
    known = {"amount": None if amount is None else Decimal(amount), "currency": None if amount is None else "USD"}
    told = {} if amount is None else {"amount_told": amount, "amount_unit": "dollars"}
    return (
        {"grain": "day", "service": service, "line_item": service, "payer": "provider_account"} | known | told | values
    )


def charge(ref: str, amount: str | None, parent: str | None = None, **values: Any) -> dict[str, Any]:
    """A call, a leg of one or a recording, of the service telephony."""
    detail = {"grain": "call", "call_ref": ref, "parent_ref": parent, "line_item": values.pop("line_item", "call")}
    return line("telephony", amount) | detail | values


def spoken(call_id: str, number: str, tokens: int, transport: str = "0", **fields: Any) -> dict[str, Any]:
    """A minute's call whose model and transport are billed elsewhere, as the voice provider tells it."""
    return call(
        call_id, "60", phoneNumberId=number, costs=[
            {"type": "vapi", "cost": Decimal("0.05"), "minutes": 1},
            {"type": "model", "cost": 0, "promptTokens": tokens, "completionTokens": 0},
            {"type": "transport", "cost": Decimal(transport), "minutes": 1},
        ], **fields,
    )  # fmt: skip


def carried(ref: str) -> dict[str, str]:
    return {"provider": "carrier", "callSid": ref, "accountSid": "AC1"}


def publish(warehouse: Warehouse, source: str, account: str, day: str, rows: Sequence[Mapping[str, Any]]) -> int:
    """Publish the bill of a day of an account."""
    (declared,) = [one for one in SOURCES if one.name == source]
    pull_id = warehouse._publish(source, account, day, len(rows), False)
    for row in rows:
        known = {name: value for name, value in row.items() if name in {column.name for column in COSTS.columns}}
        stamps = warehouse._stamp(account, day, pull_id)
        warehouse.put(f"{declared.schema}.{declared.table}", stamps | known | {"payload": "{}"})
    return pull_id


def covers(
    warehouse: Warehouse, component: str, cost_source: str | None, since: str, *,
    tenant: str | None = None, agent: str | None = None, is_own: bool = False,
) -> None:  # fmt: skip
    """A declaration: the component of Vapi's calls is on that bill from a day on."""
    warehouse.put("control.cost_coverage", {
        "source": "vapi", "tenant_id": tenant, "agent_id": agent, "component": component, "valid_from": since,
        "cost_source": cost_source, "is_own": is_own,
    })  # fmt: skip
