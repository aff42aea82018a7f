"""An alert reaches a webhook over real HTTP, as JSON, with a key that tells a repetition."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import httpx
import pytest

from orchestration.alerts.delivery import to_webhook
from orchestration.settings import Settings, SettingsError
from tests.money.receiver import Receiver, listening
from warehouse.statements.quotas import Alert

ALERT = Alert(
    7, "acme", "Acme", date(2026, 1, 1), "scans", 80, "crossed", Decimal("80"), Decimal("100"), "scan",
    datetime(2026, 1, 5, 3, tzinfo=UTC),
)  # fmt: skip


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as server:
        yield server


def test_an_alert_is_posted_as_json_with_its_key(receiver: Receiver) -> None:
    to_webhook(receiver.url)(ALERT)
    ((key, body),) = receiver.received
    assert key == "quota-alert-7"
    assert (body["tenant_id"], body["threshold_percent"], body["used"], body["allowed"]) == ("acme", 80, "80", "100")
    assert body["text"] == str(ALERT)


def test_a_webhook_that_fails_is_a_failure(receiver: Receiver) -> None:
    receiver.status = 500
    with pytest.raises(httpx.HTTPStatusError):
        to_webhook(receiver.url)(ALERT)


def test_an_address_that_is_no_url_is_refused_without_telling_it() -> None:
    with pytest.raises(SettingsError, match="MINUTEBOOK_ALERT_WEBHOOK_URL") as refused:
        Settings.from_environment({"MINUTEBOOK_ALERT_WEBHOOK_URL": "file:///etc/secret"})
    assert "secret" not in str(refused.value)
