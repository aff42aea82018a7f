"""A migrated database with two tenants, and what it takes to listen and to send."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from orchestration.outgoing.contract import EVENTS
from orchestration.outgoing.delivering import Result, Sending, deliver
from orchestration.outgoing.reaching import networks
from tests.intake.served import add_tenants
from tests.outgoing.receiver import Receiver
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.outgoing import endpoints
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

LOOPBACK = networks("127.0.0.0/8")


@dataclass
class Outbox:
    """A database, a clock that a test moves, and the operator's connection."""

    url: str
    connection: psycopg.Connection[Any]
    vault: Vault = field(default_factory=lambda: Vault([MasterKey.generate()]))
    later: timedelta = timedelta()
    public_url: str | None = None

    def now(self) -> datetime:
        """The moment it is."""
        return clock.now() + self.later

    def listen(self, receiver: Receiver, *types: str, tenant_id: str | None = None, has_content: bool = False) -> str:
        """An endpoint at a receiver, which learns its secret; of all events unless some are named."""
        secret, made = endpoints.create(
            self.vault, self.connection, receiver.address, types or tuple(EVENTS), self.now(),
            tenant_id=tenant_id, has_content=has_content,
        )  # fmt: skip
        self.connection.commit()
        receiver.secret = secret.reveal()
        return str(made["endpoint_id"])

    def deliver(self) -> Result:
        """One pass."""
        sending = Sending(self.vault, self.public_url, LOOPBACK)
        return deliver(self.url, sending, self.now, seconds=120)

    def rows(self, query: str, asked: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of a query, read in a transaction of its own, past all policies."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(query, asked).fetchall()  # type: ignore[call-overload, no-any-return]

    def states(self) -> dict[str, str]:
        """State of each delivery by its subject and number."""
        found = self.rows("select subject, event_number, state from ledger.deliveries order by event_number")
        return {f"{row['subject']} {row['event_number']}": row["state"] for row in found}


@pytest.fixture
def outbox(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outbox]:
    """Nobody listens yet. The receivers' clock is the test's."""
    with connect(database_url, Role.OPERATOR, actor="otto") as operator:
        add_tenants(operator, "acme", "birch")
        operator.commit()
        made = Outbox(database_url, operator)

        class OurTime(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return made.now()

        monkeypatch.setattr("standardwebhooks.webhooks.datetime", OurTime)
        yield made


@pytest.fixture
def tell(outbox: Outbox) -> Callable[..., None]:
    """Tells a fact in a transaction of its own: tell(subject) or tell(subject, tenant_id)."""

    def told(subject: str, tenant_id: str | None = "acme", number: int = 0) -> None:
        from warehouse.outgoing import outbox as door

        data = {"alert_id": subject, "rule": str(number)}
        door.tell(outbox.connection, "alert.opened", tenant_id, subject, data)
        outbox.connection.commit()

    return told
