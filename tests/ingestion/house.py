"""A small deployment for the tests of runs: a database, the sandbox's providers, and tenants made in a line each."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from orchestration.ingestion import PullOutcome, PullTrigger, TenantDay, pull
from orchestration.settings import Settings
from tests.sandbox.server import Sandbox
from tests.sandbox.vapi.calls import CallSpec, exact_costs, render
from tests.sandbox.world import VapiAccount, in_memory
from warehouse.database.connect import Role, connect

LONG_AGO = date(2025, 1, 1)
PLATFORM_KEY = "platform-private-key-of-vapi"


def written(payload: dict[str, Any]) -> str:
    """As JSON, digit for digit: what is read from the database has decimals."""
    return msgspec.json.Encoder(decimal_format="number").encode(payload).decode()


def call(
    call_id: str,
    day: date,
    *,
    seconds: int | None = 61,
    phone_number_id: str = "",
    assistant_id: str = "",
    **fields: Any,
) -> dict[str, Any]:
    """A call as Vapi returns it, created at noon of the day; `fields` replace what it says."""
    length = None if seconds is None else Decimal(seconds)
    spec = CallSpec(
        call_id=call_id,
        created_at=datetime.combine(day, time(12), tzinfo=UTC),
        ring=2.0,
        seconds=length,
        reason="customer-ended-call",
        assistant_id=assistant_id or f"assistant-{call_id}",
        phone_number_id=phone_number_id or f"number-{call_id}",
        costs=() if length is None else exact_costs(length, Decimal("0.15")),
        tenant_id=None,
    )
    return render(spec, "org") | fields


@dataclass(frozen=True)
class House:
    """One deployment on a migrated database of its own, asking the sandbox."""

    url: str
    settings: Settings
    sandbox: Sandbox

    def execute(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        """Run one statement as the owner of everything; rows as dictionaries."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, parameters)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def tenant(self, tenant_id: str, *, status: str = "active", since: date = LONG_AGO) -> None:
        """A tenant and its one agent."""
        self.execute(
            "insert into control.tenants (tenant_id, name, currency) values (%s, %s, 'USD')", tenant_id, tenant_id
        )
        self.execute("insert into control.tenant_statuses values (%s, %s, %s)", tenant_id, since, status)
        self.execute(
            "insert into control.agents (agent_id, tenant_id, name) values (%s, %s, 'Agent')",
            f"{tenant_id}-agent",
            tenant_id,
        )

    def attach(self, tenant_id: str | None, kind: str, value: str, since: date = LONG_AGO) -> None:
        """Attach a provider's object to the tenant's agent from a day on; None detaches it."""
        agent_id = tenant_id and f"{tenant_id}-agent"
        self.execute(
            "insert into control.agent_attachments (kind, value, valid_from, tenant_id, agent_id)"
            " values (%s, %s, %s, %s, %s)",
            kind, value, since, tenant_id, agent_id,
        )  # fmt: skip

    def own_vapi(self, tenant_id: str | None, calls: list[dict[str, Any]], *, is_rejected: bool = False) -> str:
        """A Vapi account of the tenant's own (None: the platform's) that holds these calls; gives its key."""
        key = PLATFORM_KEY if tenant_id is None else f"private-key-of-{tenant_id}-at-vapi"
        self.sandbox.world.vapi[key] = VapiAccount(in_memory(calls), is_rejected=is_rejected)
        self.credential(tenant_id, "vapi", key)
        return key

    def credential(self, tenant_id: str | None, provider: str, secret: str, **settings: object) -> None:
        """Store a key in the vault, as `credential set` does."""
        with connect(self.url, Role.OPERATOR) as connection:
            self.settings.vault().set_credential(connection, tenant_id, provider, secret, settings, LONG_AGO)

    def pull(
        self, tenants: Collection[str], days: Iterable[date], sources: Collection[str] = ("vapi",), **options: Any
    ) -> list[PullOutcome]:
        """What `minutebook pull` does."""
        options = {"trigger": PullTrigger.CLI, **options}
        wanted = [TenantDay(tenant, day) for day in days for tenant in tenants]
        return pull(self.url, self.settings, wanted, sources, **options)

    def ledger(self) -> list[dict[str, Any]]:
        """Every pull, in the order it was opened."""
        return self.execute("select * from ledger.pulls order by pull_id")

    def current_calls(self) -> set[str]:
        """Ids of the calls of published pulls: what anybody reads."""
        rows = self.execute(
            "select call_id from raw_vapi.calls join ledger.pulls using (pull_id) where state = 'published'"
        )
        return {row["call_id"] for row in rows}


def states(outcomes: Iterable[PullOutcome]) -> dict[tuple[str | None, date], str]:
    """How each tenant-day ended."""
    return {(outcome.tenant_id, outcome.usage_date): outcome.state.value for outcome in outcomes}
