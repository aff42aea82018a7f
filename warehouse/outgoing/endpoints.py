"""Endpoints: where a tenant's events are sent, or all tenants' for the platform's own.

Address and signing secret are sealed under their owner's data key. The secret is shown once, when it is made.
"""

import base64
import json
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from warehouse.database import queries
from warehouse.database.errors import VaultError, WarehouseError
from warehouse.database.queries import Connection, Row
from warehouse.security.encryption import seal, unseal
from warehouse.security.vault import Secret, Vault, endpoint_binding, one_at_a_time

FILE = "outgoing/endpoints"
_ALPHABET = string.ascii_letters + string.digits
_SECRET_BYTES = 32
OVERLAP = timedelta(hours=24)
"""How long the former secret signs beside a new one."""


class EndpointRefused(WarehouseError):
    """An endpoint cannot be made, or there is none; the message says why and what to do."""


@dataclass(frozen=True)
class Opened:
    """An endpoint with what it takes to send to it."""

    endpoint_id: str
    tenant_id: str | None
    form: str
    has_content: bool
    url: Secret
    secret: Secret
    former: Secret | None = None
    former_until: datetime | None = None

    def secrets(self, now: datetime) -> list[Secret]:
        """What signs at a moment, newest first."""
        has_former = self.former is not None and self.former_until is not None and now < self.former_until
        return [self.secret, self.former] if has_former and self.former else [self.secret]


@dataclass(frozen=True)
class _Sealed:
    endpoint_id: str
    tenant_id: str | None
    form: str
    has_content: bool
    ciphertext: bytes
    data_key_id: int
    master_key_id: str
    wrapped_key: bytes


def create(
    vault: Vault,
    connection: Connection,
    url: str,
    event_types: Sequence[str],
    now: datetime,
    *,
    tenant_id: str | None = None,
    form: str = "event",
    has_content: bool = False,
) -> tuple[Secret, Row]:
    """Make an endpoint; its signing secret (whsec_…), to be shown once, and what is known of it. As the operator.

    It hears what happens from now on; of calls, those created from now on. form: event, or how an alert is shown
    (slack, teams, mail); the url of a mail is a person's address.
    """
    endpoint_id = "ep_" + "".join(secrets.choice(_ALPHABET) for _ in range(12))
    secret = _new_secret()
    with connection.transaction():
        one_at_a_time(connection, tenant_id)
        data_key_id, data_key = vault.data_key(connection, tenant_id)
        sealed = seal(
            data_key,
            json.dumps({"url": url, "secret": secret.reveal()}).encode(),
            endpoint_binding(tenant_id, endpoint_id, data_key_id),
        )
        (made,) = queries.rows(
            connection,
            FILE,
            "create",
            endpoint_id=endpoint_id,
            tenant_id=tenant_id,
            host=url if form == "mail" else urlsplit(url).hostname,
            event_types=list(dict.fromkeys(event_types)),
            form=form,
            has_content=has_content,
            data_key_id=data_key_id,
            ciphertext=sealed,
            created_at=now,
        )
        queries.execute(connection, FILE, "create_state", endpoint_id=endpoint_id, tenant_id=tenant_id)
    return secret, made


def listed(connection: Connection, tenant_id: str | None = None) -> list[Row]:
    """Endpoints, all of them or a tenant's, revoked ones last, with how many deliveries stand how."""
    return queries.rows(connection, FILE, "listed", tenant_id=tenant_id, endpoint_id=None)


def hearing(connection: Connection, event_type: str, tenant_id: str | None = None) -> list[Row]:
    """Endpoints as in `listed` that are not revoked and hear of events of a type."""
    return [
        row for row in listed(connection, tenant_id) if row["state"] != "revoked" and event_type in row["event_types"]
    ]


def found(connection: Connection, endpoint_id: str) -> Row:
    """One endpoint as in `listed`. Raises EndpointRefused."""
    row = queries.first(connection, FILE, "listed", tenant_id=None, endpoint_id=endpoint_id)
    if row is None:
        raise EndpointRefused(f"There is no endpoint {endpoint_id}.")
    return row


def rotate(vault: Vault, connection: Connection, endpoint_id: str, now: datetime) -> Secret:
    """Give it another signing secret, to be shown once. The former one signs beside it for OVERLAP: what waits and what
    is sent again is verified by either. Raises EndpointRefused.
    """
    with connection.transaction():
        known = found(connection, endpoint_id)
        one_at_a_time(connection, known["tenant_id"])
        row = queries.first_typed(connection, _Sealed, FILE, "sealed", endpoint_ids=[endpoint_id])
        if row is None:
            raise EndpointRefused(f"{endpoint_id} is revoked: create another endpoint.")
        if row.form != "event":
            raise EndpointRefused(f"{endpoint_id} is told of alerts as {row.form}: that is not signed.")
        was, secret = _unsealed(vault, row), _new_secret()
        held = {
            "url": was.url.reveal(),
            "secret": secret.reveal(),
            "former": was.secret.reveal(),
            "former_until": (now + OVERLAP).isoformat(),
        }
        bound_to = endpoint_binding(row.tenant_id, endpoint_id, row.data_key_id)
        data_key = vault.unwrapped(row.tenant_id, row.data_key_id, row.master_key_id, row.wrapped_key)
        sealed = seal(data_key, json.dumps(held).encode(), bound_to)
        queries.execute(connection, FILE, "reseal", endpoint_id=endpoint_id, ciphertext=sealed)
    return secret


def revoke(connection: Connection, endpoint_id: str, now: datetime) -> bool:
    """Send nothing to it any more, and drop what waits; False when it was revoked before. Raises EndpointRefused."""
    with connection.transaction():
        found(connection, endpoint_id)
        if not queries.execute(connection, FILE, "revoke", endpoint_id=endpoint_id, now=now):
            return False
        queries.execute(connection, FILE, "drop_waiting", endpoint_id=endpoint_id, fault="the endpoint was revoked")
    return True


def opened(vault: Vault, connection: Connection, endpoint_ids: Sequence[str]) -> dict[str, Opened | VaultError]:
    """Endpoints by id, opened, or why one does not open; those that were revoked meanwhile are left out."""
    rows = queries.typed(connection, _Sealed, FILE, "sealed", endpoint_ids=list(endpoint_ids))
    return {row.endpoint_id: _open(vault, row) for row in rows}


def _open(vault: Vault, row: _Sealed) -> Opened | VaultError:
    try:
        return _unsealed(vault, row)
    except VaultError as error:
        return error


def _unsealed(vault: Vault, row: _Sealed) -> Opened:
    data_key = vault.unwrapped(row.tenant_id, row.data_key_id, row.master_key_id, row.wrapped_key)
    bound_to = endpoint_binding(row.tenant_id, row.endpoint_id, row.data_key_id)
    held = json.loads(unseal(data_key, row.ciphertext, bound_to))
    former, until = held.get("former"), held.get("former_until")
    return Opened(
        row.endpoint_id,
        row.tenant_id,
        row.form,
        row.has_content,
        Secret(held["url"]),
        Secret(held["secret"]),
        Secret(former) if former else None,
        datetime.fromisoformat(until) if until else None,
    )


def _new_secret() -> Secret:
    return Secret("whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode())
