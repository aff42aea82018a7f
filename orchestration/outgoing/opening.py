"""Who is told: channels of alerts and endpoints of events, as the command line and the pages make and test them.

Owns what a person may give as an address. Does not own how it is kept: `warehouse.outgoing.endpoints` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestration.mail import fault_of_address
from orchestration.outgoing.contract import EVENTS
from orchestration.outgoing.delivering import Sending
from orchestration.outgoing.forms import ALERTS, FORMS
from orchestration.outgoing.reaching import fault_of_url
from orchestration.settings import Settings
from warehouse.control import tenants
from warehouse.database.errors import VaultError
from warehouse.database.queries import Connection, Row
from warehouse.operations import alerts
from warehouse.outgoing import endpoints
from warehouse.outgoing.deliveries import Due
from warehouse.outgoing.endpoints import EndpointRefused
from warehouse.security.vault import Secret

CHOSEN_FORMS = FORMS[:-1]
"""How alerts are shown to a webhook; a person's address is always sent mail."""


class AddressRefused(EndpointRefused):
    """What was given is no address that anything may be sent to; the message says why."""


@dataclass(frozen=True)
class Opened:
    """What was made. secret: what verifies its signatures, to be shown once; None where nothing is signed. waiting: how
    many alerts are open, which it hears first. is_new: not only its secret is."""

    row: Row
    form: str
    secret: Secret | None = None
    waiting: int = 0
    is_new: bool = True

    @property
    def endpoint_id(self) -> str:
        """Its id, ep_…."""
        return str(self.row["endpoint_id"])


@dataclass(frozen=True)
class Channel:
    """A channel of alerts with its address and secret open."""

    row: Row
    opened: endpoints.Opened | VaultError


@dataclass(frozen=True)
class Tested:
    """What a channel answered to a message that says it is a test; no fault where it took it."""

    endpoint_id: str
    host: str
    form: str
    fault: str | None


def open_channel(
    settings: Settings, connection: Connection, to: str, form: str, tenant_id: str | None, now: datetime
) -> Opened:
    """Tell somebody of alerts, as the operator: of those that are open, and of what opens or ends from now on.

    Raises AddressRefused, and NotFound for a tenant there is not.
    """
    is_mail = "@" in to and "://" not in to
    if fault := fault_of_address(to) if is_mail else fault_of_url(to, settings.endpoint_networks):
        raise AddressRefused(fault)
    if is_mail and settings.mailer is None:
        raise EndpointRefused("no mail is sent: set MINUTEBOOK_SMTP_URL and MINUTEBOOK_MAIL_FROM")
    if form not in CHOSEN_FORMS:
        raise AddressRefused(f"there is {', '.join(CHOSEN_FORMS)}; mail goes to who has an address")
    shown = "mail" if is_mail else form
    if tenant_id is not None:
        tenants.require_tenant(connection, tenant_id)
    secret, made = endpoints.create(settings.vault(), connection, to, ALERTS, now, tenant_id=tenant_id, form=shown)
    waiting = alerts.tell_what_is_open(connection, made["endpoint_id"], tenant_id)
    return Opened(made, shown, secret if shown == "event" else None, waiting)


def open_endpoint(
    settings: Settings, connection: Connection, url: str, types: Sequence[str], tenant_id: str | None, now: datetime,
    *, has_content: bool = False,
) -> Opened:  # fmt: skip
    """Send others what happens from now on, as signed events, as the operator.

    Raises AddressRefused, and NotFound for a tenant there is not.
    """
    if fault := fault_of_url(url, settings.endpoint_networks):
        raise AddressRefused(fault)
    if not types or any(name not in EVENTS for name in types):
        raise AddressRefused(f"name one at least of {', '.join(EVENTS)}")
    if tenant_id is not None:
        tenants.require_tenant(connection, tenant_id)
    secret, made = endpoints.create(
        settings.vault(), connection, url, types, now, tenant_id=tenant_id, has_content=has_content
    )
    return Opened(made, "event", secret)


def renew(settings: Settings, connection: Connection, endpoint_id: str, now: datetime) -> Opened:
    """Give an endpoint, or a channel that is sent signed events, another secret, as the operator; the former one signs
    beside it for a day. Raises EndpointRefused.
    """
    known = endpoints.found(connection, endpoint_id)
    secret = endpoints.rotate(settings.vault(), connection, endpoint_id, now)
    return Opened(known, "event", secret, is_new=False)


def channels_of(settings: Settings, connection: Connection, endpoint_id: str | None) -> list[Channel]:
    """A channel of alerts, or all of them, open to be tested. Raises EndpointRefused where there is none."""
    if endpoint_id is not None:
        endpoints.found(connection, endpoint_id)
    rows = [row for row in endpoints.hearing(connection, ALERTS[0]) if endpoint_id in (None, row["endpoint_id"])]
    opened = endpoints.opened(settings.vault(), connection, [row["endpoint_id"] for row in rows])
    return [Channel(row, opened[row["endpoint_id"]]) for row in rows]


def send_tests(settings: Settings, channels: Sequence[Channel], now: datetime) -> list[Tested]:
    """Send each channel a message that says it is a test. No connection waits for what they answer."""
    sending, results = Sending.of(settings), []
    data = {"alert_id": "test", "rule": "test", "title": "this is a test: nothing is wrong", "fix": ""}
    for row, opened in ((channel.row, channel.opened) for channel in channels):
        event_id = f"evt_test{int(now.timestamp())}{row['endpoint_id']}"
        due = Due(row["endpoint_id"], 0, event_id, ALERTS[0], row["tenant_id"], data, now, 0)
        answer = sending.answer(due, opened, None, now)
        results.append(Tested(row["endpoint_id"], row["host"], row["form"], answer.fault))
    return results
