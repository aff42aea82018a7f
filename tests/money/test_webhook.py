"""An alert reaches a webhook over real HTTP, as JSON, with a key that tells a repetition."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import pytest

from orchestration.alerting import to_webhook
from orchestration.settings import SettingsError
from warehouse.quotas import Alert

ALERT = Alert(
    7, "acme", "Acme", date(2026, 1, 1), "scans", 80, "crossed", Decimal("80"), Decimal("100"), "scan",
    datetime(2026, 1, 5, 3, tzinfo=UTC),
)  # fmt: skip


class Receiver(HTTPServer):
    """Answers each alert with `status` and keeps what came."""

    status = 204

    def __init__(self) -> None:
        self.received: list[tuple[str | None, dict[str, object]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.headers["Idempotency-Key"], json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_alert_is_posted_as_json_with_its_key(receiver: Receiver) -> None:
    to_webhook(f"http://127.0.0.1:{receiver.server_port}/hook")(ALERT)
    ((key, body),) = receiver.received
    assert key == "quota-alert-7"
    assert (body["tenant_id"], body["threshold_percent"], body["used"], body["allowed"]) == ("acme", 80, "80", "100")
    assert body["text"] == str(ALERT)


def test_a_webhook_that_fails_is_a_failure(receiver: Receiver) -> None:
    receiver.status = 500
    with pytest.raises(httpx.HTTPStatusError):
        to_webhook(f"http://127.0.0.1:{receiver.server_port}/hook")(ALERT)


def test_an_address_that_is_no_url_is_refused() -> None:
    with pytest.raises(SettingsError, match="MINUTEBOOK_ALERT_WEBHOOK_URL"):
        to_webhook("file:///etc/passwd")
