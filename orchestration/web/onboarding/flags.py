"""The feature flags of a tenant on its page: what each switches, whether it is on, and who may switch it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from starlette.exceptions import HTTPException

from orchestration.web.forms import Form
from warehouse.control import tenants
from warehouse.control.errors import Refused
from warehouse.database.queries import Connection
from warehouse.security.web_logins import LoginRole

AUTOMATIONS = "automations"


@dataclass(frozen=True)
class Switch:
    """A flag that is on or off: its name for people, what it does, and whose it is to switch."""

    name: str
    does: str
    roles: frozenset[LoginRole]


SWITCHES: Mapping[str, Switch] = {
    "quota_alerts": Switch(
        "Alerts of quotas",
        "at 50, 80 and 100 % of each allowance and of its spend limit",
        frozenset({"finance", "operator"}),
    ),
    "stripe_posting": Switch("Posting to Stripe", "its overage is posted once it is known", frozenset({"finance"})),
}


@dataclass(frozen=True)
class Flags:
    """What is on for a tenant: switches by flag, and each automation with the first day whose calls it follows."""

    switched: Mapping[str, bool]
    automations: Mapping[str, date]


def flags_of(connection: Connection, tenant: str, today: date) -> Flags:
    """The flags of a tenant as they stand."""
    (row,) = tenants.tenants_on(connection, today, tenant)
    held = row["feature_flags"]
    chosen = held.get(AUTOMATIONS) or {}
    return Flags(
        {flag: held.get(flag) is True for flag in SWITCHES},
        {name: date.fromisoformat(since) for name, since in sorted(chosen.items())},
    )


def set_by(connection: Connection, tenant: str, form: Form, role: LoginRole) -> None:
    """Switch what a form says. Raises Refused, ValueError for no day, HTTPException 403 for whom it is not."""
    flag = form.get("flag", "")
    roles = SWITCHES[flag].roles if flag in SWITCHES else frozenset({"operator"})
    if role not in roles:
        raise HTTPException(403, f"This is for {' and '.join(sorted(roles))}.")
    if flag != AUTOMATIONS:
        tenants.set_flag(connection, tenant, flag, form.get("value") == "on")
        return
    name = form.get("name", "").strip()
    if not tenants.AUTOMATION.fullmatch(name):
        raise Refused(f"'{name}' is no name of an automation; it has up to 63 of a-z, 0-9 and '-'")
    since = date.fromisoformat(form.get("from", "").strip()) if form.get("value") == "on" else None
    tenants.choose_automation(connection, tenant, name, since)
