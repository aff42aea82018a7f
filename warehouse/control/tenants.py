"""Tenants: whom we bill, from when to when, on which plan, with which feature flags."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date

from warehouse.control import guard
from warehouse.control.changes import Action, Change, put
from warehouse.control.errors import NotFound, Refused
from warehouse.control.plans import require_currency, require_plan
from warehouse.database.queries import Connection, Row, execute, first, rows
from warehouse.finding import Hint, Step
from warehouse.words import counted

FILE = "control/tenants"
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
AUTOMATION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
MOST_CHOICES = 1_000


def _no_truth(value: object) -> str | None:
    return None if isinstance(value, bool) else "is true or false"


def _no_days_by_automation(value: object) -> str | None:
    try:
        if value is False or (
            isinstance(value, dict)
            and all(AUTOMATION.fullmatch(name) and date.fromisoformat(day) for name, day in value.items())
        ):
            return None
    except (TypeError, ValueError):
        pass
    return 'is false, or names each automation with the day from which it follows calls: {"follow-up": "2026-11-01"}'


FLAGS: Mapping[str, Callable[[object], str | None]] = {
    "automations": _no_days_by_automation,
    "quota_alerts": _no_truth,
    "stripe_posting": _no_truth,
}
"""Each flag that something reads, and what is wrong with a value, if anything."""


@dataclass(frozen=True)
class Tenant:
    """One tenant. The slug is immutable; anchor day and currency are fixed once a period was reviewed,
    currency once a plan, a price or a credit is in it."""

    tenant_id: str
    name: str
    currency: str
    anchor_day: int = 1
    stripe_customer_id: str | None = None

    def __post_init__(self) -> None:
        if not SLUG.fullmatch(self.tenant_id) or self.tenant_id == "platform":
            raise Refused(
                f"'{self.tenant_id}' is no tenant slug; use 1 to 63 of a-z, 0-9 and '-', "
                "not at either end ('platform' is reserved)"
            )
        if not self.name.strip():
            raise Refused(f"tenant {self.tenant_id} needs a name")
        require_currency(self.currency)
        if not 1 <= self.anchor_day <= 28:
            raise Refused(f"anchor day {self.anchor_day} refused: not every month has that day; use 1 to 28")


def tenant_ids(connection: Connection) -> list[str]:
    """All tenants' slugs, sorted."""
    return [row["tenant_id"] for row in rows(connection, FILE, "tenant_ids")]


def names(connection: Connection) -> list[Row]:
    """All tenants a person may choose from a list, each with its name; none where they are more than MOST_CHOICES."""
    found = rows(connection, FILE, "names", limit=MOST_CHOICES + 1)
    return found if len(found) <= MOST_CHOICES else []


def named(connection: Connection, tenant_ids: Iterable[str | None]) -> dict[str, str]:
    """The names of these tenants by id."""
    found = rows(connection, FILE, "named", tenant_ids=[one for one in set(tenant_ids) if one])
    return {row["tenant_id"]: row["name"] for row in found}


def require_tenant(connection: Connection, tenant_id: str) -> Tenant:
    """The tenant, or NotFound with a list of those that exist."""
    row = first(connection, FILE, "tenant", tenant_id=tenant_id)
    if row is None:
        raise NotFound("tenant", tenant_id, tenant_ids(connection))
    del row["feature_flags"]
    return Tenant(**row)


def put_tenant(connection: Connection, tenant: Tenant, *, is_new: bool = False) -> Change:
    """Create or change a tenant.

    Raises Refused when anchor day or currency would move under a reviewed period, or the currency under amounts in it;
    with is_new, when there is one of this id.
    """
    with connection.transaction():
        guard.lock(connection)
        row = first(connection, FILE, "tenant", tenant_id=tenant.tenant_id)
        if row is not None and is_new:
            raise Refused(f"There is a tenant {tenant.tenant_id} already.")
        if row is not None and (row["currency"], row["anchor_day"]) != (tenant.currency, tenant.anchor_day):
            reviewed = first(connection, FILE, "reviewed_periods", tenant_id=tenant.tenant_id)
            if reviewed is not None and reviewed["periods"]:
                raise Refused(
                    f"tenant {tenant.tenant_id} was already reviewed with {row['currency']} and anchor day "
                    f"{row['anchor_day']}; these are fixed now, close it and add a new tenant instead"
                )
        if row is not None and row["currency"] != tenant.currency:
            held = first(connection, FILE, "amounts_in_its_currency", tenant_id=tenant.tenant_id)
            if held is not None and held["what"]:
                raise Refused(
                    f"tenant {tenant.tenant_id} has {held['what']} in {row['currency']}, which would be read as"
                    f" {tenant.currency}; close it and add a new tenant instead"
                )
        action, _ = put(connection, FILE, "put_tenant", asdict(tenant))
    return Change(f"tenant {tenant.tenant_id}", action)


def put_customer(connection: Connection, tenant_id: str, customer_id: str) -> Change:
    """Set whom Stripe bills for a tenant; all else of it stays. Raises NotFound."""
    with connection.transaction():
        guard.lock(connection)
        known = require_tenant(connection, tenant_id)
        return put_tenant(connection, replace(known, stripe_customer_id=customer_id))


def activate(connection: Connection, tenant_id: str, on: date) -> Change:
    """Set the activation day, which is billed. Moves an earlier set one as long as no approved period is touched."""
    with connection.transaction():
        guard.lock(connection)
        what = f"activation of {tenant_id} on {on}"
        known = rows(connection, FILE, "statuses", tenant_id=tenant_id)
        if not known:
            return _put_status(connection, tenant_id, "active", on, what)
        if known[0]["valid_from"] == on:
            return Change(what, Action.UNCHANGED)
        if len(known) > 1 and on >= known[1]["valid_from"]:
            raise Refused(f"{what}: the tenant is already {known[1]['status']} from {known[1]['valid_from']}")
        former: date = known[0]["valid_from"]
        execute(connection, FILE, "remove_status", tenant_id=tenant_id, valid_from=former)
        _put_status(connection, tenant_id, "active", on, what)
        guard.refuse_days(
            connection, what, Action.CHANGED, min(former, on), max(former, on), lambda p: p.tenant_id == tenant_id
        )
        return Change(what, Action.CHANGED, f"was {former}")


def pause(connection: Connection, tenant_id: str, on: date) -> Change:
    """From `on`, the night does not pull the tenant and its usage is reported, not billed; its fee runs on."""
    return _turn(connection, tenant_id, "paused", on, {"active"})


def resume(connection: Connection, tenant_id: str, on: date) -> Change:
    """End a pause from `on`."""
    return _turn(connection, tenant_id, "active", on, {"paused"})


def close(connection: Connection, tenant_id: str, on: date) -> Change:
    """Close the tenant; the closing date is not billed. What was planned for later days is dropped."""
    return _turn(connection, tenant_id, "closed", on, {"active", "paused"})


def set_flag(connection: Connection, tenant_id: str, flag: str, value: object) -> Change:
    """Set a feature flag. Raises Refused for one that nothing reads, or a value that it cannot have."""
    if flag == "stripe_credit_notes":
        raise Refused(
            "flag stripe_credit_notes is read by nobody: `credit_notes` in a plan's terms says whether they are given",
            Hint(Step.SET_TERMS),
        )
    if flag not in FLAGS:
        raise Refused(f"flag '{flag}' is read by nobody; there is {', '.join(FLAGS)}")
    if fault := FLAGS[flag](value):
        raise Refused(f"flag {flag} {fault}")
    require_tenant(connection, tenant_id)
    with connection.transaction():
        text = json.dumps(value)
        action, _ = put(connection, FILE, "put_flag", {"tenant_id": tenant_id, "flag": flag, "value": text})
    return Change(f"flag {flag} of tenant {tenant_id} = {text}", action)


def choose_automation(connection: Connection, tenant_id: str, name: str, since: date | None) -> Change:
    """Have one automation follow a tenant's calls from a day on, or, without a day, no more; the others stay."""
    with connection.transaction():
        guard.lock(connection)
        row = first(connection, FILE, "tenant", tenant_id=tenant_id)
        chosen = dict((row["feature_flags"].get("automations") if row else None) or {})
        chosen.pop(name, None)
        if since is not None:
            chosen[name] = str(since)
        return set_flag(connection, tenant_id, "automations", chosen or False)


def put_tenant_plan(connection: Connection, tenant_id: str, plan_id: str, valid_from: date) -> Change:
    """Put a tenant on a plan: it holds from the first period whose first billed day is `valid_from` or later."""
    what = f"plan {plan_id} of tenant {tenant_id} from {valid_from}"
    with connection.transaction():
        guard.lock(connection)
        tenant, plan = require_tenant(connection, tenant_id), require_plan(connection, plan_id)
        if tenant.currency != plan["currency"]:
            raise Refused(f"{what}: the plan is in {plan['currency']}, the tenant in {tenant.currency}")
        version = {"tenant_id": tenant_id, "plan_id": plan_id, "valid_from": valid_from}
        action, next_from = put(connection, FILE, "put_tenant_plan", version)
        guard.refuse_version(connection, what, action, valid_from, next_from, lambda p: p.tenant_id == tenant_id)
    return Change(what, action)


def tenants_on(connection: Connection, on: date, tenant_id: str | None = None) -> list[Row]:
    """One row per tenant with its status and plan as of a day."""
    return rows(connection, FILE, "tenants_on", on_day=on, tenant_id=tenant_id)


def history(connection: Connection, tenant_id: str) -> tuple[list[Row], list[Row]]:
    """The timelines of a tenant's statuses and plans."""
    return (
        rows(connection, FILE, "statuses", tenant_id=tenant_id),
        rows(connection, FILE, "tenant_plans", tenant_id=tenant_id),
    )


def set_up(connection: Connection, tenant_id: str, since: date) -> Row:
    """What a tenant has of what it needs until its first bill, and how many of its days since then were read."""
    return rows(connection, FILE, "set_up", tenant_id=tenant_id, since=since)[0]


def credentials(connection: Connection, tenant_id: str | None = None) -> list[Row]:
    """The live credentials without their secrets; tenant_id is None in the platform's own."""
    return rows(connection, FILE, "credentials", tenant_id=tenant_id)


def mark_verified(connection: Connection, credential_id: int) -> None:
    """Remember that the provider accepted this credential just now."""
    execute(connection, FILE, "mark_verified", credential_id=credential_id)


def _turn(connection: Connection, tenant_id: str, status: str, on: date, allowed: set[str]) -> Change:
    what = f"tenant {tenant_id} {status} from {on}"
    with connection.transaction():
        guard.lock(connection)
        require_tenant(connection, tenant_id)
        known = rows(connection, FILE, "statuses", tenant_id=tenant_id)
        if {"valid_from": on, "status": status} in known:
            return Change(what, Action.UNCHANGED)
        closed = next((row["valid_from"] for row in known if row["status"] == "closed"), None)
        if closed is not None and (status != "closed" or on > closed):
            raise Refused(f"{what}: it is closed from {closed}, and a closed tenant stays closed")
        before = [row["status"] for row in known if row["valid_from"] <= on]
        if not before:
            since = f"is active only from {known[0]['valid_from']}" if known else "was never activated"
            raise Refused(f"{what}: the tenant {since}")
        if before[-1] == status and status != "closed":
            return Change(what, Action.UNCHANGED, "it already is")
        if before[-1] not in allowed:
            raise Refused(f"{what}: it is {before[-1]} on that day")
        dropped = 0
        if status == "closed":
            dropped = execute(connection, FILE, "remove_later_statuses", tenant_id=tenant_id, valid_from=on)
        change = _put_status(connection, tenant_id, status, on, what)
    return Change(what, change.action, f"{counted(dropped, 'planned change')} after it dropped" if dropped else "")


def _put_status(connection: Connection, tenant_id: str, status: str, on: date, what: str) -> Change:
    version = {"tenant_id": tenant_id, "status": status, "valid_from": on}
    action, next_from = put(connection, FILE, "put_status", version)
    guard.refuse_days(connection, what, action, on, next_from, lambda p: p.tenant_id == tenant_id)
    return Change(what, action)
