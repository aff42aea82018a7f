"""Whose bill holds what a component of calls costs, and what a unit costs that a bill counts without naming money.

Both move margins only, never a statement: approved periods allow them.
"""

from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal

from warehouse.control.agents import require_agent
from warehouse.control.changes import Change, put
from warehouse.control.errors import NotFound, Refused
from warehouse.control.plans import require_currency
from warehouse.control.tenants import require_tenant
from warehouse.database.queries import Connection, Row, rows

FILE = "control/coverage"


@dataclass(frozen=True)
class Coverage:
    """From a day on, `component` of calls of `source` is on the bill of `cost_source`, None for no bill any more.

    tenant_id, agent_id: of whose calls it is said; without a tenant of all that the platform's account holds. is_own:
    the bill is of the tenant's own account, else of the platform's.
    """

    source: str
    component: str
    valid_from: date
    cost_source: str | None
    tenant_id: str | None = None
    agent_id: str | None = None
    is_own: bool = False

    @property
    def what(self) -> str:
        """The calls and the component in words."""
        whose = f"agent {self.agent_id}" if self.agent_id else f"tenant {self.tenant_id}"
        return f"{self.component} of {self.source}'s calls of {whose if self.tenant_id else 'the platform'}"


def providers_of_bills(connection: Connection) -> set[str]:
    """Providers that a source of costs is of."""
    return {row["provider"] for row in rows(connection, FILE, "sources") if row["contract"] == "costs"}


def put_coverage(connection: Connection, coverage: Coverage) -> Change:
    """Write a version. Raises NotFound for what does not exist, Refused for a component that no bill can hold."""
    what = f"{coverage.what} from {coverage.valid_from}"
    if coverage.is_own and coverage.tenant_id is None:
        raise Refused(f"{what}: an account of its own is a tenant's; name the tenant or the agent")
    with connection.transaction():
        _require_component(connection, coverage)
        if coverage.tenant_id is not None:
            require_tenant(connection, coverage.tenant_id)
        if coverage.agent_id is not None:
            require_agent(connection, coverage.tenant_id or "", coverage.agent_id)
        action, _ = put(connection, FILE, "put_coverage", asdict(coverage))
    if coverage.cost_source is None:
        return Change(what, action, "on no other bill any more")
    owner = "the tenant's own account: shown, outside of margin" if coverage.is_own else "the platform's account"
    return Change(what, action, f"on the bill of {coverage.cost_source}, {owner}")


def put_provider_unit_cost(
    connection: Connection, provider: str, unit: str, valid_from: date, unit_cost: Decimal, currency: str
) -> Change:
    """Write a version of what a unit of a provider's costs us where its bill names no money, such as a credit."""
    what = f"unit cost of {provider} {unit} from {valid_from}"
    if unit_cost < 0:
        raise Refused(f"{what}: a cost is 0 or more")
    require_currency(currency)
    with connection.transaction():
        known = {row["provider"] for row in _sources(connection) if row["contract"] == "costs"}
        if provider not in known:
            raise NotFound("provider of costs", provider, known)
        version = {"provider": provider, "unit": unit, "valid_from": valid_from}
        version |= {"unit_cost": unit_cost, "currency": currency}
        action, _ = put(connection, FILE, "put_provider_unit_cost", version)
    return Change(what, action)


def coverage(connection: Connection) -> list[Row]:
    """All versions of what is on whose bill, with the day on which each ends."""
    return rows(connection, FILE, "coverage")


def _require_component(connection: Connection, coverage: Coverage) -> None:
    known = {row["source"]: row for row in _sources(connection)}
    calls = sorted(name for name, row in known.items() if row["contract"] == "calls")
    if coverage.source not in calls:
        raise NotFound("source of calls", coverage.source, calls)
    components = known[coverage.source]["components"]
    if coverage.component not in components:
        raise NotFound(f"component of {coverage.source}", coverage.component, components)
    costs = sorted(name for name, row in known.items() if row["contract"] == "costs" and not row["details_calls"])
    if coverage.cost_source is None:
        return
    if coverage.cost_source not in costs:
        raise NotFound("daily bill", coverage.cost_source, costs)
    # Both the price of a call and a share of the bill that it is on would count.
    carriers = {row["provider"] for row in known.values() if row["details_calls"]}
    provider = known[coverage.cost_source]["provider"]
    if components[coverage.component] == "telephony" and provider in carriers:
        raise Refused(f"{coverage.what}: {provider} has a price for each call, which is found by the call's id")


def _sources(connection: Connection) -> list[Row]:
    return rows(connection, FILE, "sources")
