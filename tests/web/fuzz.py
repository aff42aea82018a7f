"""A seeded fuzzer over every route, header, form and webhook: no error of ours, and 503 says when to come again.

python -m tests.web.fuzz [--requests 100000] [--seed 1]
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import quote_from_bytes

import httpx
import stripe
from starlette.routing import Route

from orchestration.installing import install as migrate
from orchestration.settings import Settings
from orchestration.stripe_billing.webhooks import webhook_app
from orchestration.web import application
from tests.web import world
from tests.web.conftest import add_staff, signed_in, start_session
from tests.web.server import serving
from tests.web.signing import form_token
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.database.embedded import running
from warehouse.security import web_logins

SECRET = "whsec_" + "f" * 32
LOGINS = ("", "ana", "otto", "tina")
FIELDS = (
    "form_token", "login", "password", "next", "code", "session", "reason", "seen", "tenant", "amount", "currency",
    "credit", "expires", "from", "to", "month", "page", "q", "show", "which", "period", "agent", "number", "meter",
    "status", "after",
)  # fmt: skip
SOUND = (
    "acme-dental", "bright-smiles", "2026-10-01", "2026-10", "2026-10-30", "fct_statements", "csv", "json", "approve",
    "1", "2", "ready", "blocked", "vapi", "acme-dental-call-88", "voice_minutes", "acme-dental-desk", "connected",
    "2026-10-30~2026-10-30T09:00:00+00:00~vapi~acme-dental-call-88",
    "acme-dental/2026-10-01", "ana", "USD", "a long and boring password",
)  # fmt: skip
ODD = (
    "", " ", "0", "-1", "00", "9" * 18, "9" * 40, "1e30", "1e400", "NaN", "-0", "1.5", "0x10", "١", "null", "true",
    "0000-00-00", "0001-01-01", "9999-12-31", "9999-12", "0001-01", "2026-02-30", "2026-13", "+2026-10", "2026-W01-1",
    "20261001", "2026-10-01T00:00", "\x01", "\x1b[2J", "\u202e", "\ufffd", "\ufffe", "😀", "'", "';--", '"', "<b>",
    "%", "%%s", "{0}",
    "{{7*7}}", "..", "../../etc/passwd", "..\\", "//evil.example", "javascript:1", "pg_authid", "a" * 300, "a" * 1500,
    "[]", "{}", "*", "\\", "/", "\n", "\r\nX: y", "\t", "null\x7f",
)  # fmt: skip
RAW = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"%", b"%u0000", b"\xf4\x90\x80\x80")
ODD_JSON: tuple[object, ...] = (
    None, True, [], {}, [1], {"id": "x"}, {"id": {}}, -1, 10**30, 1e30, "\0", "\ud800", "x" * 9000, "",
)  # fmt: skip
HEADERS = (
    "accept", "accept-encoding", "accept-language", "content-type", "cookie", "expect", "forwarded", "if-none-match",
    "if-modified-since", "origin", "range", "referer", "sec-fetch-site", "stripe-signature", "te", "transfer-encoding",
    "upgrade", "user-agent", "x-forwarded-for", "x-forwarded-proto", "x-http-method-override", "host",
)  # fmt: skip
TYPES = (None, "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", "\x7f")


@dataclass
class Outcome:
    """How often each status came, and the requests that were answered as they must not be."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass
class Fuzzer:
    """Requests made of the routes' own parts, whole or odd; the same for the same seed."""

    random: Random
    routes: Sequence[Route]

    def run(self, clients: Sequence[httpx.Client], tokens: Sequence[str], requests: int) -> Outcome:
        """Send so many requests, each as one of the clients; interrupted, what came of those until then."""
        outcome = Outcome()
        with suppress(KeyboardInterrupt):
            self._send(clients, tokens, requests, outcome)
        return outcome

    def _send(self, clients: Sequence[httpx.Client], tokens: Sequence[str], requests: int, outcome: Outcome) -> None:
        for number in range(requests):
            at = self.random.randrange(len(clients))
            request = self.request(clients[at], tokens[at])
            try:
                answer = clients[at].send(request)
            except (httpx.LocalProtocolError, httpx.RemoteProtocolError, httpx.WriteError, httpx.ReadError):
                continue  # what is no HTTP is cut off
            outcome.statuses[answer.status_code] += 1
            is_wrong = answer.status_code >= 500 and answer.status_code != 503
            if is_wrong or (answer.status_code == 503 and "retry-after" not in answer.headers):
                outcome.faults.append(
                    f"{number}: {answer.status_code} {request.method} {request.url!s:.300}"
                    f" {dict(request.headers)!s:.500} {request.content[:500]!r}"
                )

    def request(self, client: httpx.Client, token: str) -> httpx.Request:
        """The next request."""
        route = self.random.choice(self.routes)
        if "webhook" in route.path and self.random.random() < 0.9:
            body = self.event()
            signed = {"stripe-signature": signature(body)}
            return client.build_request("POST", route.path, content=body, headers=signed)
        path = "/" + "/".join(self.part(part) for part in route.path.split("/")[1:])
        asked = [f"{self.random.choice(FIELDS)}={self.value()}" for _ in range(self.random.choice((0, 0, 1, 3)))]
        method = self.random.choice([*(route.methods or ()), "GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
        headers = {}
        for _ in range(self.random.choice((0, 0, 0, 1, 3))):
            headers[self.random.choice(HEADERS)] = self.text().encode(errors="replace").replace(b"\r\n", b"")
        content: bytes | None = None
        if method == "POST":
            fields = {name: self.value() for name in self.random.sample(FIELDS, self.random.randrange(6))}
            if self.random.random() < 0.8:
                fields["form_token"] = token
            content = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
            headers["content-type"] = (self.random.choice(TYPES) or "").encode()
        target = f"{path}?{'&'.join(asked)}" if asked else path
        url = client.base_url.copy_with(raw_path=target.encode("ascii", "replace"))
        return client.build_request(method, url, headers=headers, content=content)

    def part(self, part: str) -> str:
        """A part of a path: a parameter gets a value, anything else now and then."""
        while "{" in part:
            before, _, rest = part.partition("{")
            part = before + self.value() + rest.partition("}")[2]
        return self.value() if self.random.random() < 0.03 else part

    def value(self) -> str:
        """A value, percent-encoded or nearly."""
        if self.random.random() < 0.05:
            raw = self.random.choice(RAW)
            return raw.decode("latin-1") if raw[:1] == b"%" else quote_from_bytes(raw)
        text = self.text()
        return quote_from_bytes(text.encode(), safe=self.random.choice(("", "/", "/'<>{}:;,@")))

    def text(self) -> str:
        """A value as it is meant."""
        if self.random.random() < 0.5:
            return self.random.choice(SOUND)
        text = self.random.choice(ODD)
        return text if self.random.random() < 0.8 else text + self.random.choice(ODD) + self.random.choice(SOUND)

    def event(self) -> bytes:
        """An event that is signed and nearly one of Stripe's."""
        subject: dict[str, object] = {
            "id": "in_1", "object": "invoice", "customer": "cus_1", "total": 5, "status": "paid",
        }  # fmt: skip
        data: dict[str, object] = {"object": subject}
        event: dict[str, object] = {
            "id": f"evt_{self.random.random()}", "object": "event", "type": "invoice.paid", "created": 1_790_000_000,
            "data": data,
        }  # fmt: skip
        for _ in range(self.random.randrange(4)):
            place = self.random.choice((subject, subject, data, event))
            key = self.random.choice(sorted(place) or ["id"])
            place[key] = self.random.choice((*ODD_JSON, self.text()))
            if self.random.random() < 0.2:
                del place[key]
        text = json.dumps(event)
        if self.random.random() < 0.05:
            text = text.replace("5", self.random.choice(("1e400", "NaN", "-Infinity", "[" * 5000)))
        return text.encode()


def signature(body: bytes) -> str:
    """As Stripe signs."""
    at = int(clock.now().timestamp())
    return f"t={at},v1={stripe.WebhookSignature._compute_signature(f'{at}.{body.decode()}', SECRET)}"


@contextmanager
def fuzzed(url: str, home: Path, seed: int) -> Iterator[tuple[Fuzzer, list[httpx.Client], list[str]]]:
    """Pages and webhooks over a world with staff, clients of every role, and the tokens of their forms."""
    beside = webhook_app(lambda: connect(url, Role.BILLING, autocommit=True), [SECRET]).routes
    routes = application(Settings(Path("nowhere")), beside=beside).routes
    # Whoever signs out has little left to try.
    tried = [route for route in routes if isinstance(route, Route) and route.path != "/sign-out"]
    with serving(url, home, world.TODAY, beside=beside) as address, ExitStack() as stack:
        clients = [signed_in(stack, address, login) for login in LOGINS]
        shown = zip(clients, LOGINS, strict=True)
        tokens = [form_token(client.get("/tables" if login else "/sign-in").text) for client, login in shown]
        yield Fuzzer(Random(seed), tried), clients, tokens


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as url:
        migrate(url)
        tenants = world.build(url, 7, (*world.NAMES[:4], *world.UNFRIENDLY[:3]))
        with connect(url, Role.SERVER) as connection:
            add_staff(connection)
            web_logins.add_login(connection, "tina", "tenant", tenants[0])
            start_session(connection, "tina")
        with fuzzed(url, Path(folder), asked.seed) as (fuzzer, clients, tokens):
            outcome = fuzzer.run(clients, tokens, asked.requests)
    print("\n".join(outcome.faults[:20]))
    print(
        f"{sum(outcome.statuses.values()):,} answers to {asked.requests:,} requests,"
        f" {len(outcome.faults)} faults; statuses: {dict(sorted(outcome.statuses.items()))}"
    )
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
