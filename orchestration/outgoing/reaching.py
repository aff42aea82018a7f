"""One POST to an address that a tenant gave: to the public internet, or to networks that the deployment allows.

The name is resolved once, every address it has is judged, and the connection goes to one of these and no other; TLS is
verified for the name. No redirect is followed, no proxy asked, nothing of the answer but its status is read, and all of
it together takes no longer than SECONDS: https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html
"""

import io
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

SECONDS = 15.0
_NAT64 = IPv6Network("64:ff9b::/96")
_LONGEST_URL = 2_000
Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


class NotReached(Exception):
    """No answer came; the message says why in few words and names neither address nor key."""


class NotAllowed(NotReached):
    """It leads to where nothing is sent."""


@dataclass(frozen=True)
class Received:
    """An answer's status, and how long it asks to wait: the text of Retry-After."""

    status: int
    retry_after: str | None


def fault_of_url(url: str, allowed: Sequence[Network] = ()) -> str | None:
    """What is wrong with an address, in words; None for one that can be sent to. Nothing is resolved."""
    if len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return f"an address has at most {_LONGEST_URL} printable ASCII characters and no spaces"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        return "it is no URL of https://…"
    if parts.username or parts.password:
        return "it names a user: events are signed, and need no password"
    if parts.fragment or port == 0:
        return "it has a fragment or port 0"
    if parts.scheme == "http" and not allowed:
        return "it is not encrypted: write https://… (http:// goes to networks of MINUTEBOOK_ENDPOINT_NETWORKS alone)"
    try:
        if not _may_be_reached(ip_address(parts.hostname), allowed):
            return "its address is private: allow its network by MINUTEBOOK_ENDPOINT_NETWORKS"
    except ValueError:
        pass  # a name
    return None


def networks(text: str) -> tuple[Network, ...]:
    """Networks as CIDR, comma-separated. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def post(
    url: str, body: bytes, headers: Mapping[str, str], allowed: Sequence[Network] = (), seconds: float = SECONDS
) -> Received:
    """Send a body and give the status of the answer. Raises NotReached, NotAllowed."""
    if fault := fault_of_url(url, allowed):
        raise NotAllowed(fault)
    parts, ends_at = urlsplit(url), time.monotonic() + seconds
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = HTTPConnection(str(parts.hostname), parts.port)
    connection.default_port = 443 if parts.scheme == "https" else 80  # which the header Host leaves out
    try:
        with _connected(parts, allowed, ends_at) as connected:
            connection.sock = _Timed(connected, ends_at)
            connection.request("POST", path, body, {"User-Agent": "Minutebook", "Connection": "close", **headers})
            answer = connection.getresponse()
            return Received(answer.status, answer.headers.get("Retry-After"))
    except TimeoutError:
        raise NotReached(f"no answer within {seconds:.0f} s") from None
    except ssl.SSLCertVerificationError as error:
        raise NotReached(f"its certificate is not good: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise NotReached(f"TLS failed ({error.reason or 'no reason'})") from None
    except (HTTPException, UnicodeError) as error:
        raise NotReached(f"what it answered is no HTTP ({type(error).__name__})") from None
    except OSError as error:
        raise NotReached(f"no connection ({error.strerror or type(error).__name__})") from None


def _connected(parts: SplitResult, allowed: Sequence[Network], ends_at: float) -> socket.socket:
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotReached("its name has no address") from None
    for *_, place in found:
        address = ip_address(str(place[0]).partition("%")[0])
        is_allowed = _is_in(address, allowed)
        if not (is_allowed or (parts.scheme == "https" and _is_public(address))):
            raise NotAllowed("it leads to a private network" if not is_allowed else "it is not encrypted")
    failure: OSError = OSError("its name has no address")
    for family, kind, protocol, _, place in found:
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(_left(ends_at))
            plain.connect(place)
            if parts.scheme == "http":
                return plain
            plain.settimeout(_left(ends_at))
            return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        except ssl.SSLError:
            plain.close()
            raise
        except OSError as error:
            plain.close()
            failure = error
    raise failure


def _may_be_reached(address: Address, allowed: Sequence[Network]) -> bool:
    return _is_public(address) or _is_in(address, allowed)


def _is_in(address: Address, allowed: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in allowed)


def _is_public(address: Address) -> bool:
    """Whether it, and each address of another kind that it stands for, is of the public internet."""
    if isinstance(address, IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
        if any(one is not None and not _is_public(one) for one in inner):
            return False
        if address.ipv4_mapped is not None:
            return True
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Timed:
    """A connected socket, as http.client uses one, whose every wait ends at one moment: a receiver that sends a byte
    now and then would otherwise be waited for without end.
    """

    def __init__(self, connected: socket.socket, ends_at: float) -> None:
        self._connected = connected
        self._ends_at = ends_at

    def sendall(self, data: Any) -> None:
        self._connected.settimeout(_left(self._ends_at))
        self._connected.sendall(data)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(_Reading(self._connected, self._ends_at))

    def close(self) -> None:
        self._connected.close()


class _Reading(io.RawIOBase):
    def __init__(self, connected: socket.socket, ends_at: float) -> None:
        super().__init__()
        self._connected = connected
        self._ends_at = ends_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connected.settimeout(_left(self._ends_at))
        return self._connected.recv_into(buffer)
