"""The story's tenants as files of `minutebook tenant apply`, and the keys that `minutebook credential set` takes."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from tests.sandbox import clients
from tests.sandbox.clients import Meter, Plan, Tenant


def write_files(folder: Path, first_day: date) -> list[Path]:
    """One file per tenant, in the order to apply them; meters, plans and shared costs are in the first."""
    paths = []
    for position, tenant in enumerate(clients.TENANTS):
        shared = shared_parts(first_day) if position == 0 else {}
        path = folder / f"{tenant.tenant_id}.yaml"
        path.write_text(yaml.safe_dump(shared | tenant_parts(tenant, first_day), sort_keys=False, allow_unicode=True))
        paths.append(path)
    return paths


def keys() -> list[tuple[str, str | None, str]]:
    """(provider, tenant_id or None for the platform's, secret)."""
    own = [("vapi", tenant.tenant_id, tenant.vapi_key) for tenant in clients.TENANTS]
    own += [("voiceflow", tenant.tenant_id, tenant.voiceflow_key) for tenant in clients.TENANTS]
    return [("vapi", None, clients.PLATFORM_VAPI_KEY), *((who, tenant, key) for who, tenant, key in own if key)]


def shared_parts(first_day: date) -> dict[str, Any]:
    costs = [
        {"id": cost.fixed_cost_id, "name": cost.name, "from": first_day, "monthly_amount": number(cost.monthly_amount)}
        for cost in clients.FIXED_COSTS
    ]
    plans = [plan_part(plan, first_day) for plan in clients.PLANS]
    return {"meters": [meter_part(meter) for meter in clients.METERS], "plans": plans, "fixed_costs": costs}


def tenant_parts(tenant: Tenant, first_day: date) -> dict[str, Any]:
    projects = [("voiceflow_project", tenant.voiceflow_project)] if tenant.voiceflow_project else []
    attached = [*tenant.attachments, *projects]
    attachments = [{"kind": kind, "value": value, "from": first_day} for kind, value in attached]
    return {
        "tenant": {
            "id": tenant.tenant_id,
            "name": tenant.name,
            "activated_on": first_day,
            "currency": clients.CURRENCY,
        },
        "tenant_plans": [{"plan": tenant.plan_id, "from": first_day}],
        "agents": [{"id": tenant.agent_id, "name": f"{tenant.name}'s agent", "attachments": attachments}],
    }


def meter_part(meter: Meter) -> dict[str, Any]:
    optional = {
        "increment_seconds": meter.increment_seconds,
        "minimum_seconds": meter.minimum_seconds,
        "item": meter.item,
    }
    reported = {"id": meter.meter_id, "name": meter.name, "unit": meter.unit, "source": meter.source}
    return reported | {name: value for name, value in optional.items() if value is not None}


def plan_part(plan: Plan, first_day: date) -> dict[str, Any]:
    terms: dict[str, Any] = {
        "from": first_day,
        "subscription_fee": number(plan.subscription_fee),
        "setup_fee": number(plan.setup_fee),
    }
    if plan.voice_meter_id:
        terms["voice_meter"] = plan.voice_meter_id
    return {
        "id": plan.plan_id,
        "name": plan.name,
        "currency": clients.CURRENCY,
        "terms": [terms],
        "allowances": [
            {"meter": meter, "from": first_day, "quantity": quantity} for meter, quantity in plan.allowances.items()
        ],
        "prices": [
            {"meter": meter, "from": first_day, "unit_amount": number(price)}
            for meter, price in plan.unit_prices.items()
        ],
    }


def number(amount: Decimal) -> str:
    """Quoted, so that no reader makes a float of it."""
    return str(amount)
