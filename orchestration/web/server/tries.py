"""Wrong passwords and codes of the last quarter of an hour: who goes on waits, and makes nobody else wait.

A stranger is held to a few tries by address, and by address and login. A device that signed in as a login before is
held to its own tries only. However many strangers try a login, each address keeps its first try: no lock-out. A try
counts before it is looked at, in the database: many at once, in many processes, are no more than one after the other.
"""

import ipaddress
from dataclasses import dataclass

from orchestration.web.server.turns import Crowded
from warehouse.security import wrong_tries
from warehouse.security.wrong_tries import Connection, Key
from warehouse.words import counted

ALLOWED = 5
ALLOWED_OF_AN_ADDRESS = 20
# Beyond so many wrong tries of one login by strangers, an address has one instead of ALLOWED.
SUSPICIOUS = 50


@dataclass(frozen=True)
class Trying:
    """Who tries to be whom; device is set where it signed in as this login before."""

    client: str
    login_id: str
    device: str = ""

    @property
    def own(self) -> Key:
        """What is forgotten once they were right."""
        if self.device:
            return "device", self.device, self.login_id
        return "client and login", _network(self.client), self.login_id

    @property
    def shared(self) -> tuple[Key, ...]:
        """What counts together with others."""
        return () if self.device else (("client", _network(self.client)), ("login", self.login_id))


def begin(connection: Connection, trying: Trying) -> None:
    """Count a try, which is wrong until `succeeded`. Raise Crowded (429) where too many wrong ones came before."""
    found = wrong_tries.counted(connection, (trying.own, *trying.shared))
    allowed = {trying.own: ALLOWED}
    if not trying.device:
        client, login = trying.shared
        is_suspicious = found.get(login, (0, 0))[0] >= SUSPICIOUS
        allowed = {trying.own: 1 if is_suspicious else ALLOWED, client: ALLOWED_OF_AN_ADDRESS}
    for key, most in allowed.items():
        failures, seconds = found.get(key, (0, 0))
        if failures >= most:
            minutes = -(-seconds // 60)
            wait = f"wait {counted(minutes, 'minute')}, or use a browser that you signed in with before"
            said = f"Too many wrong tries: {wait}."
            raise Crowded(429, said, seconds)
    wrong_tries.count(connection, (trying.own, *trying.shared))


def succeeded(connection: Connection, trying: Trying) -> None:
    """They were right: forget their own wrong tries, and this one of those they share."""
    wrong_tries.forget(connection, (trying.own,))
    wrong_tries.take_back(connection, trying.shared)


def not_made(connection: Connection, trying: Trying) -> None:
    """There was no turn to look at it."""
    wrong_tries.take_back(connection, (trying.own, *trying.shared))


def _network(client: str) -> str:
    """One subscriber: an address of IPv4, the /64 of one of IPv6."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return client if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
