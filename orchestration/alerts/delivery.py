"""Alerts that a quota was reached: crossings are recorded, and sent to a webhook or the log.

Owns delivery. What a crossing is, is `warehouse.statements.quotas`' business; when to look, a sensor's.
"""

from collections.abc import Callable

import httpx
import structlog

from warehouse.database.queries import Connection
from warehouse.statements import quotas
from warehouse.statements.quotas import Alert

TIMEOUT_SECONDS = 10.0
log = structlog.get_logger(__name__)


def to_webhook(url: str) -> Callable[[Alert], None]:
    """Posts each alert as JSON; `Idempotency-Key` shows one that comes twice. Raises httpx.HTTPError."""

    def deliver(alert: Alert) -> None:
        body = {
            "alert_id": alert.alert_id,
            "tenant_id": alert.tenant_id,
            "period_start": alert.period_start.isoformat(),
            "quota": alert.quota,
            "threshold_percent": alert.threshold,
            "event": alert.event,
            "used": f"{alert.used:f}",
            "allowed": f"{alert.allowed:f}",
            "unit": alert.unit,
            "happened_at": alert.happened_at.isoformat(),
            "text": str(alert),
        }
        key = {"Idempotency-Key": f"quota-alert-{alert.alert_id}"}
        httpx.post(url, json=body, headers=key, timeout=TIMEOUT_SECONDS).raise_for_status()

    return deliver


def to_log(alert: Alert) -> None:
    """Where no webhook is set: the log of whoever delivers."""
    log.warning("quota alert", tenant_id=alert.tenant_id, quota=alert.quota, event=alert.event, text=str(alert))


def delivery(webhook_url: str | None) -> Callable[[Alert], None]:
    """To the webhook, else to the log."""
    return to_webhook(webhook_url) if webhook_url else to_log


def deliver(connection: Connection, hand_on: Callable[[Alert], None]) -> tuple[list[Alert], list[str]]:
    """Send what was not sent yet, each alone; returns those delivered, and why others were not. Commits each.

    An alert is marked after it was handed on: a process that dies in between hands it on again.
    """
    done, failed = [], []
    for alert in quotas.undelivered(connection):
        try:
            hand_on(alert)
        except httpx.HTTPError as error:
            # Never the message: it names the URL, and a webhook's URL is a secret.
            failed.append(f"alert {alert.alert_id}: {_cause(error)}")
            continue
        quotas.mark_delivered(connection, alert)
        connection.commit()
        done.append(alert)
    return done, failed


def _cause(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"the webhook answered {error.response.status_code}"
    return f"the webhook could not be reached ({type(error).__name__})"
