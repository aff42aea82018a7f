"""Wrong passwords and codes of the last quarter of an hour: who goes on waits, and makes nobody else wait.

A stranger is held to a few tries by address, and by address and login. A device that signed in as a login before is
held to its own tries only. However many strangers try a login, each address keeps its first try: no lock-out.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from orchestration.web.server.turns import Crowded

WINDOW_SECONDS = 15 * 60
ALLOWED = 5
ALLOWED_OF_AN_ADDRESS = 20
# Beyond so many wrong tries of one login by strangers, an address has one instead of ALLOWED.
SUSPICIOUS = 50
_MOST_KEYS = 100_000
Key = tuple[str, ...]


@dataclass(frozen=True)
class Trying:
    """Who tries to be whom; device is set where it signed in as this login before."""

    client: str
    login_id: str
    device: str = ""


class Tries:
    """Counts in memory, bounded; clock gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[Key, tuple[int, float]] = OrderedDict()

    def require(self, trying: Trying) -> None:
        """Raise Crowded (429) where too many wrong tries came before."""
        for key, allowed in self._limits(trying):
            count, begun = self._found(key)
            if count >= allowed:
                seconds = int(begun + WINDOW_SECONDS - self._clock()) + 1
                minutes = -(-seconds // 60)
                said = f"Too many wrong tries: wait {minutes} minutes, or use a browser that you signed in with before."
                raise Crowded(429, said, seconds)

    def failed(self, trying: Trying) -> None:
        """Count a wrong one."""
        keys = [key for key, _ in self._limits(trying)]
        if not trying.device:
            keys.append(("login", trying.login_id))
        for key in keys:
            count, begun = self._found(key)
            self._failures[key] = (count + 1, begun)
            self._failures.move_to_end(key)
        while len(self._failures) > _MOST_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, trying: Trying) -> None:
        """Forget the wrong ones of this client, or device, and login."""
        for key, _ in self._limits(trying):
            if key[0] != "client":
                self._failures.pop(key, None)

    def _limits(self, trying: Trying) -> Iterator[tuple[Key, int]]:
        if trying.device:
            yield ("device", trying.device, trying.login_id), ALLOWED
            return
        client = _network(trying.client)
        is_suspicious = self._found(("login", trying.login_id))[0] >= SUSPICIOUS
        yield ("client and login", client, trying.login_id), 1 if is_suspicious else ALLOWED
        yield ("client", client), ALLOWED_OF_AN_ADDRESS

    def _found(self, key: Key) -> tuple[int, float]:
        now = self._clock()
        count, begun = self._failures.get(key, (0, now))
        return (count, begun) if begun + WINDOW_SECONDS > now else (0, now)


def _network(client: str) -> str:
    """One subscriber: an address of IPv4, the /64 of one of IPv6."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return client if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
