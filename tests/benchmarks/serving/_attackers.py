"""Who does their worst: one tenant, strangers, logins of the database, and whoever kills what runs."""

import contextlib
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from orchestration.web.access.auth import SESSION, VISIT, form_token_of
from tests.web.signing import sent
from warehouse.database import lifetime

ATTACKER = "tina"
MINUTEBOOK = [sys.executable, "-c", "from orchestration.cli import main; main()"]
TLS = httpx.create_ssl_context()  # made once: making it takes longer than any page


@dataclass
class Scene:
    """What an attacker knows: the address, its own session, and SQL logins that it was given."""

    address: str
    sql: dict[str, str] = field(default_factory=dict)
    home: str = ""
    tenant: str = ""

    def client(self) -> httpx.Client:
        """As the tenant that attacks."""
        return httpx.Client(
            base_url=self.address, timeout=30, verify=TLS, cookies={SESSION: f"a-session-of-{ATTACKER}"}
        )

    def stranger(self) -> httpx.Client:
        """As nobody, from another address each time."""
        transport = httpx.HTTPTransport(verify=TLS, local_address=somewhere())
        return httpx.Client(base_url=self.address, timeout=30, transport=transport)

    def connected(self, own: str = "127.0.0.1") -> socket.socket:
        """A bare connection from an address."""
        host, _, port = self.address.removeprefix("http://").partition(":")
        return socket.create_connection((host, int(port)), timeout=10, source_address=(own, 0))

    def ask(self, path: str) -> socket.socket:
        """A request of the attacker's own on a connection whose answer waits."""
        opened = self.connected()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        cookie = f"{SESSION}=a-session-of-{ATTACKER}"
        opened.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode())
        return opened


def somewhere() -> str:
    """One of a few million addresses that are this machine's."""
    return f"127.{random.randrange(1, 200)}.{random.randrange(256)}.{random.randrange(1, 255)}"


def broken_off_downloads(scene: Scene) -> None:
    with scene.ask("/tables/fct_calls.csv") as opened:
        opened.recv(100)


def stalled_downloads(scene: Scene) -> None:
    with contextlib.ExitStack() as stalled:
        for _ in range(8):
            stalled.enter_context(scene.ask("/tables/fct_calls.csv")).recv(100)
        time.sleep(5)


def hammered_pages(scene: Scene) -> None:
    with scene.client() as client:
        for path in ("/usage", "/tables", "/usage/2026-10-01"):
            client.get(path)


def whole_downloads(scene: Scene) -> None:
    with scene.client() as client:
        for path in (f"/tenants/{scene.tenant}/calls.csv", "/tables/fct_calls.csv", "/tables/fct_usage_daily.xlsx"):
            client.get(path)


def hard_searches(scene: Scene) -> None:
    """Words that match much, little, or nothing at the price of much, and what is no query at all."""
    common = " or ".join(f"w{number}" for number in range(40))
    with scene.client() as client:
        for words in (common, "call -call", "-a " * 60, '"' + "the " * 40 + '"', "(" * 190, "é" * 190, "a:*&" * 40):
            client.get(f"/tenants/{scene.tenant}/calls", params={"words": words})


def wrong_passwords(scene: Scene) -> None:
    with httpx.Client(base_url=scene.address, timeout=30, verify=TLS) as client:
        page = client.get("/sign-in")
        if page.status_code == 200:
            sent(client, page, "ana", "wrong password!")


def wrong_passwords_from_everywhere(scene: Scene) -> None:
    """Of known logins and of those that nobody has."""
    with scene.stranger() as client:
        page = client.get("/sign-in")
        if page.status_code == 200:
            sent(client, page, random.choice(("ana", "otto", secrets.token_hex(4))), "wrong password!")


def guessed_links(scene: Scene) -> None:
    """Of an invitation, and a new one for whoever forgot a password."""
    with scene.stranger() as client:
        page = client.get(f"/password/{secrets.token_urlsafe(32)}")
        form = {"login": "ana", "form_token": form_token_of(client.cookies.get(VISIT, ""))}
        client.post("/forgotten", data=form)
        client.post(page.url.path, data={**form, "password": "long enough to be one", "again": "long enough to be one"})


def strangers(scene: Scene) -> None:
    with httpx.Client(base_url=scene.address, timeout=30, verify=TLS) as client:
        for _ in range(50):
            client.get("/periods", headers={"cookie": f"{SESSION}={random.random()}"})


def half_sent_requests(scene: Scene) -> None:
    with contextlib.ExitStack() as opened:
        for _ in range(100):
            opened.enter_context(scene.connected()).sendall(b"POST /sign-in HTTP/1.1\r\nHost: loc")
        time.sleep(1)


def slow_bodies(scene: Scene) -> None:
    """More than there are connections: forms and what providers report, which come a byte a second."""
    targets = ("/sign-in", f"/v1/hooks/vapi/{secrets.token_hex(16)}", "/stripe/webhook")
    with contextlib.ExitStack() as opened:
        held = []
        for number in range(200):
            one = opened.enter_context(scene.connected(somewhere()))
            one.sendall(
                f"POST {targets[number % 3]} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999\r\n\r\n".encode()
            )
            held.append(one)
        for _ in range(15):
            for one in held:
                with contextlib.suppress(OSError):
                    one.sendall(b"a")
            time.sleep(1)


def silent_connections(scene: Scene) -> None:
    with contextlib.ExitStack() as opened:
        for _ in range(300):
            opened.enter_context(scene.connected(somewhere()))
        time.sleep(1)


def odd_heads(scene: Scene) -> None:
    """Names of other hosts, and as many cookies as a head may hold."""
    cookies = "; ".join(f"{SESSION}={number}" for number in range(500))
    with scene.stranger() as client:
        for number in range(100):
            client.get("/periods", headers={"host": f"{number}.example"})
            client.get("/usage", headers={"cookie": cookies})


def endless_heads(scene: Scene) -> None:
    with scene.connected() as opened:
        opened.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        for _ in range(1600):
            opened.sendall(b"x" * 65_536)


def odd_webhooks(scene: Scene) -> None:
    with httpx.Client(base_url=scene.address, timeout=30, verify=TLS) as client:
        for body in (b"[" * 50_000, b"\0" * 400_000, b'{"created": 1e30}'):
            client.post("/stripe/webhook", content=body, headers={"stripe-signature": "t=1,v1=00"})


def wrong_keys(scene: Scene) -> None:
    """Each key and hook another one, so that each has to be looked for."""
    with scene.stranger() as client:
        for _ in range(100):
            key = f"mbk_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
            client.post("/v1/events", content=b"[" * 9_000, headers={"authorization": f"Bearer {key}"})
            client.post(f"/v1/hooks/vapi/{secrets.token_hex(16)}", content=b"{}" * 9_000)
            client.get("/metrics", headers={"authorization": f"Bearer {key}"})


def all_connections(scene: Scene) -> None:
    for address in scene.sql.values():
        with contextlib.ExitStack() as opened, contextlib.suppress(psycopg.Error):
            for _ in range(60):
                opened.enter_context(psycopg.connect(address, connect_timeout=5))
            time.sleep(2)


def open_transactions(scene: Scene) -> None:
    """Each login reads something and then says nothing more: as a client does whose user went to lunch."""
    with contextlib.ExitStack() as opened:
        for address in scene.sql.values():
            connection = opened.enter_context(psycopg.connect(address, connect_timeout=5))
            connection.execute("select count(*) from marts.fct_statements")
        time.sleep(8)


def advisory_locks(scene: Scene) -> None:
    with psycopg.connect(scene.sql["analyst"], connect_timeout=5) as connection:
        for key in range(7700, 7800):
            connection.execute("select pg_advisory_xact_lock(%s)", [key])
        time.sleep(5)


def what_is_refused(scene: Scene) -> None:
    """Each login tries what others own: locks of processes, the disk, raw rows, sessions, and its own limits."""
    for login, statements in REFUSED.items():
        with psycopg.connect(scene.sql[login], connect_timeout=5, autocommit=True) as connection:
            for statement in statements:
                with contextlib.suppress(psycopg.Error):
                    connection.execute(statement)  # type: ignore[call-overload]


def restarted_database(scene: Scene) -> None:
    """The server is killed, as by a machine that runs out of memory; whoever holds the home starts it again."""
    postmaster = Path(scene.home, "postgres", "data", "postmaster.pid")
    with contextlib.suppress(OSError, ValueError, IndexError):
        os.kill(int(postmaster.read_text().split()[0]), signal.SIGKILL)
    time.sleep(20)


def second_servers(scene: Scene) -> None:
    """Another `serve` on the same port, and two of `up` on the same home, of which one at most runs."""
    port, own = scene.address.rpartition(":")[2], {**os.environ, "MINUTEBOOK_HOME": scene.home}
    quiet = {"env": own, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with (
        lifetime.group([*MINUTEBOOK, "serve", "--port", port], **quiet),
        lifetime.group([*MINUTEBOOK, "up", "--port", "3999"], **quiet),
        lifetime.group([*MINUTEBOOK, "up", "--port", "3998"], **quiet),
    ):
        time.sleep(8)


def killed_commands(scene: Scene) -> None:
    """Commands are killed wherever they are; what they started goes with them."""
    own = {**os.environ, "MINUTEBOOK_HOME": scene.home}
    for command in (["status"], ["build"]):
        with subprocess.Popen(
            [*MINUTEBOOK, *command], env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            time.sleep(random.uniform(1, 6))
            process.kill()


READER = (
    "set default_transaction_read_only = off", "set statement_timeout = 0", "set transaction_timeout = 0",
    "select pg_advisory_lock(7734, 0)", "select lo_create(0)", "create temporary table t as select 1",
    "select pg_notify('x', 'y')", "listen x", "notify x, 'y'",
    "delete from raw_vapi.calls", "insert into control.sessions default values",
    "alter role current_user set statement_timeout = 0", "select pg_terminate_backend(pid) from pg_stat_activity",
    "select count(*) from marts.fct_usage_daily as a, marts.fct_usage_daily as b",
    "declare kept cursor with hold for select a.* from marts.fct_usage_daily as a, marts.fct_usage_daily as b",
)  # fmt: skip
REFUSED = {
    "tenant": READER,
    "analyst": READER,
    "operator": (
        "delete from raw_vapi.calls", "delete from ledger.pulls", "delete from ledger.audit_log",
        "select password_hash from control.login_passwords", "update control.second_factors set ciphertext = '\\x00'",
        "insert into control.sessions (token_hash, login_id, expires_at) values ('x', 'ana', now() + interval '1 day')",
        "update ledger.statement_lines set amount = 0", "truncate marts.fct_statements",
    ),
}  # fmt: skip
ATTACKS: dict[str, tuple[Callable[[Scene], None], int]] = {
    attack.__name__: (attack, at_once)
    for attack, at_once in (
        (broken_off_downloads, 4), (stalled_downloads, 2), (whole_downloads, 6), (hammered_pages, 8),
        (hard_searches, 4), (wrong_passwords, 30), (wrong_passwords_from_everywhere, 30), (guessed_links, 8),
        (strangers, 4), (half_sent_requests, 4), (slow_bodies, 4), (silent_connections, 4), (odd_heads, 4),
        (endless_heads, 4), (odd_webhooks, 4), (wrong_keys, 8), (all_connections, 2), (open_transactions, 1),
        (advisory_locks, 1), (what_is_refused, 2), (killed_commands, 1), (second_servers, 1), (restarted_database, 1),
    )
}  # fmt: skip
OUTAGES = {restarted_database.__name__}
"""What nobody can serve through: the others wait until it is over, and their errors count, not their time."""


def attack(name: str, scene: Scene, seconds: float) -> None:
    """Do it over and over; that it is refused is no fault of the attacker's."""
    what, at_once = ATTACKS[name]
    deadline = time.monotonic() + seconds

    def go_on(_: int) -> None:
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, httpx.HTTPError, psycopg.Error):
                what(scene)
            time.sleep(0.01)

    with ThreadPoolExecutor(at_once) as crowd:
        list(crowd.map(go_on, range(at_once)))


def main() -> None:
    """`python -m tests.benchmarks.serving._attackers NAME SECONDS`, what is known of the scene on standard input."""
    name, seconds = sys.argv[1:]
    os.nice(19)  # it attacks from elsewhere: what it takes of this machine itself is no part of it
    with contextlib.suppress(KeyboardInterrupt):  # the others have ended before a slow attack has
        attack(name, Scene(**json.load(sys.stdin)), float(seconds))


if __name__ == "__main__":
    main()
