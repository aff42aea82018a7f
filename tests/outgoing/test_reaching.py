"""What is sent reaches the public internet and what a deployment allows, and nothing else; it never waits for long."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from orchestration.outgoing.reaching import NotAllowed, NotReached, fault_of_url, networks, post
from tests.outgoing.certificates import certificate
from tests.outgoing.conftest import LOOPBACK
from tests.outgoing.receiver import receiving

PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
    "0.0.0.0",  # noqa: S104
    "255.255.255.255", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]", "[ff02::1]", "[fec0::1]",
)  # fmt: skip


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_address_is_refused_however_it_is_written(host: str) -> None:
    assert (
        fault_of_url(f"https://{host}/hook")
        == "its address is private: allow its network by MINUTEBOOK_ENDPOINT_NETWORKS"
    )
    with pytest.raises(NotAllowed):
        post(f"https://{host}/hook", b"{}", {})


@pytest.mark.parametrize("host", PRIVATE)
def test_a_name_that_leads_to_a_private_address_is_refused_where_it_is_resolved(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One public address among them does not help, and nothing is connected to."""
    resolved = []

    def getaddrinfo(name: str, port: int, **_: Any) -> list[Any]:
        resolved.append(name)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", port)),
            (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 6, "", (host.strip("[]"), port)),
        ]

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    monkeypatch.setattr("socket.socket", lambda *_: pytest.fail("it was connected to"))
    with pytest.raises(NotAllowed, match="private network"):
        post("https://hooks.example.com/", b"{}", {})
    assert resolved == ["hooks.example.com"]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.com", "no URL of https"),
        ("https://", "no URL of https"),
        ("https://user:word@example.com", "names a user"),
        ("https://example.com/#x", "fragment"),
        ("https://example.com:0/", "port 0"),
        ("https://example.com:99999/", "no URL"),
        ("http://example.com/", "not encrypted"),
        ("https://example.com/a b", "printable"),
        ("https://exämple.com/", "printable"),
        ("https://example.com/\r\nX: y", "printable"),
        ("https://example.com/" + "a" * 2000, "2000"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_one_is_refused_in_words(url: str, why: str) -> None:
    assert why in str(fault_of_url(url))


def test_a_public_address_is_none_of_these() -> None:
    assert fault_of_url("https://hooks.slack.com/services/T/B/x?y=1") is None
    assert fault_of_url("https://93.184.215.14:8443/hook") is None
    assert fault_of_url("https://[2606:4700::1111]/hook") is None
    assert fault_of_url("http://10.1.2.3/hook", networks("10.1.0.0/16")) is None


def test_unencrypted_goes_to_allowed_networks_alone() -> None:
    with receiving() as receiver:
        with pytest.raises(NotAllowed):
            post(receiver.address, b"{}", {"webhook-id": "1"}, networks("10.0.0.0/8"))
        assert post(receiver.address, b"{}", {"webhook-id": "1"}, LOOPBACK).status == 204


def test_no_redirect_is_followed_and_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with receiving() as elsewhere, receiving(lambda _: 307) as receiver:
        receiver.headers_of_answers = {"Location": elsewhere.address}
        assert post(receiver.address, b"{}", {"webhook-id": "1"}, LOOPBACK).status == 307
    assert elsewhere.requests == 0


def test_the_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere at the second look gains nothing: there is none."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(name: str, port: int, **more: Any) -> Any:
        asked.append(name)
        assert len(asked) == 1
        return real("127.0.0.1", port, **more)

    with receiving() as receiver:
        port = receiver.address.split(":")[2].split("/")[0]
        monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
        post(f"http://hooks.example.com:{port}/x", b"{}", {"webhook-id": "1"}, LOOPBACK)
    assert receiver.taken[0].headers["host"] == f"hooks.example.com:{port}"


@contextmanager
def speaking(speak: Callable[[socket.socket], None]) -> Iterator[str]:
    """Somebody at a socket who does as told with the first connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: speak(server.accept()[0]), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(10)


def test_a_receiver_that_drips_is_left_at_the_deadline() -> None:
    def drip(connected: socket.socket) -> None:
        with connected:
            try:
                for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
                    connected.sendall(bytes([byte]))
                    time.sleep(0.05)
            except OSError:
                pass

    began = time.monotonic()
    with speaking(drip) as address, pytest.raises(NotReached, match="no answer within 1 s"):
        post(address, b"{}", {}, LOOPBACK, seconds=1)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x00\xff" * 9, b"HTTP/1.1 999999 x\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300, b"x" * 99_999],
)
def test_what_is_no_http_is_a_fault_and_nothing_more(answer: bytes) -> None:
    def say(connected: socket.socket) -> None:
        with connected:
            connected.recv(65536)
            connected.sendall(answer)

    with speaking(say) as address, pytest.raises(NotReached):
        post(address, b"{}", {}, LOOPBACK, seconds=5)


def test_nobody_there_is_a_fault_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotReached, match="no connection"):
        post(f"http://127.0.0.1:{port}/", b"{}", {}, LOOPBACK)
    with pytest.raises(NotReached, match="its name has no address"):
        post("https://nobody.invalid/", b"{}", {})


@pytest.mark.parametrize(("name", "is_trusted", "why"), [
    ("localhost", True, None),
    ("elsewhere.example", True, "certificate is not good"),
    ("localhost", False, "certificate is not good"),
])  # fmt: skip
def test_tls_is_verified_for_the_name(
    name: str, is_trusted: bool, why: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, made = certificate(tmp_path, name)
    assert isinstance(made, x509.Certificate)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(chain)

    def say(connected: socket.socket) -> None:
        try:
            with ours.wrap_socket(connected, server_side=True) as sealed:
                # Closed before all was read, the connection would be reset, answer and all.
                while (asked := sealed.recv(65536)) and not asked.endswith(b"{}"):
                    pass
                sealed.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        except OSError:
            pass

    with speaking(say) as address:
        url = address.replace("http://127.0.0.1", "https://localhost")
        if why is None:
            assert post(url, b"{}", {}, (*LOOPBACK, *networks("::1/128")), seconds=10).status == 200
        else:
            with pytest.raises(NotReached, match=why):
                post(url, b"{}", {}, (*LOOPBACK, *networks("::1/128")), seconds=10)
