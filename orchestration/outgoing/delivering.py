"""Sending what is due, from as many processes as like: each delivery is claimed, tried, and settled by itself.

Nobody waits for an endpoint that hangs: it has AT_ONCE of the threads, and a single one as soon as it fails.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, cast

import msgspec

from orchestration.mail import Mailer, NotSent
from orchestration.outgoing import signing
from orchestration.outgoing.contract import Alert, body, read
from orchestration.outgoing.forms import Message
from orchestration.outgoing.reaching import Network, NotReached, post
from orchestration.settings import Settings
from warehouse.database.connect import Role, connect
from warehouse.database.errors import VaultError
from warehouse.database.queries import Connection
from warehouse.outgoing import deliveries, endpoints
from warehouse.outgoing.deliveries import Answer, Due
from warehouse.outgoing.endpoints import Opened
from warehouse.security.vault import Vault

THREADS = 16
AT_ONCE = 4
_OF_ENDPOINT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
_LONGEST_WAIT_SECONDS = int(deliveries.LONGEST.total_seconds())
_SOON_SECONDS = 0.5
"""Where nothing is due this moment but something is under way, so long until it is looked again."""


@dataclass
class Result:
    """What one pass did. failed: attempts that will be made again; dead: deliveries given up."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    faults: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Sending:
    """How this deployment sends: its vault, the address of its pages, networks that may be reached besides."""

    vault: Vault
    public_url: str | None = None
    allowed: Sequence[Network] = ()
    mailer: Mailer | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Sending":
        """As a deployment is set up."""
        return cls(settings.vault(), settings.public_url, settings.endpoint_networks, settings.mailer)

    def answer(self, due: Due, to: Opened | VaultError, content: Mapping[str, Any] | None, now: datetime) -> Answer:
        """Try one delivery."""
        if isinstance(to, VaultError):
            return Answer(
                fault="its secret does not open under the master keys that are configured", is_of_endpoint=True
            )
        try:
            if to.form != "event":
                alert = read(due.type, due.tenant_id, due.data, public_url=self.public_url)
                return self._in_words(due, to, Message.of(due.type, cast(Alert, alert), due.happened_at))
            sent = body(due.type, due.tenant_id, due.happened_at, due.data, public_url=self.public_url, content=content)
        except msgspec.ValidationError as error:
            return Answer(fault=f"it is not of its type: {error}")
        return self._posted(to, sent, signing.headers(to.secrets(now), due.event_id, now, sent))

    def _in_words(self, due: Due, to: Opened, message: Message) -> Answer:
        """Send an alert as a person reads it."""
        if to.form != "mail":
            return self._posted(to, message.slack() if to.form == "slack" else message.teams(), {})
        if self.mailer is None:
            return Answer(fault="MINUTEBOOK_SMTP_URL is not set", is_of_endpoint=True)
        try:
            self.mailer.send(to.url.reveal(), message.subject, message.text, key=due.event_id)
        except NotSent as error:
            return Answer(fault=str(error), is_of_endpoint=not error.is_permanent)
        return Answer()

    def _posted(self, to: Opened, sent: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            received = post(to.url.reveal(), sent, {"Content-Type": "application/json", **headers}, self.allowed)
        except NotReached as error:
            return Answer(fault=str(error), is_of_endpoint=True)
        status = received.status
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return Answer(status)
        return Answer(
            status,
            f"it answered {status}",
            is_of_endpoint=status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _OF_ENDPOINT,
            is_gone=status == HTTPStatus.GONE,
            wait=_seconds(received.retry_after),
        )


def deliver(url: str, sending: Sending, clock: Callable[[], datetime], *, seconds: float) -> Result:
    """Send what is due, for at most so long and what is then under way; returns when nothing is due.

    Killed anywhere, it leaves what it had claimed to whoever is next, a minute later.
    """
    ends_at, result, lock = time.monotonic() + seconds, Result(), threading.Lock()
    under_way: dict[Future[None], str] = {}
    with (
        connect(url, Role.OPERATOR, actor="deliver") as connection,
        ThreadPoolExecutor(THREADS, "delivering") as pool,
        _Settling(url) as settling,
    ):
        while True:
            due: list[Due] = []
            if len(under_way) < THREADS and time.monotonic() < ends_at:
                counted = Counter(under_way.values())
                due = deliveries.claim(connection, clock(), counted, AT_ONCE, THREADS - len(under_way))
                opened = endpoints.opened(sending.vault, connection, [one.endpoint_id for one in due]) if due else {}
                contents = [_content(connection, one, opened.get(one.endpoint_id)) for one in due]
                connection.commit()
                for one, content in zip(due, contents, strict=True):
                    if to := opened.get(one.endpoint_id):
                        task = pool.submit(_one, sending, settling, one, to, content, clock, result, lock)
                        under_way[task] = one.endpoint_id
            if not under_way:
                return result
            done = wait(under_way, None if due else _SOON_SECONDS, FIRST_COMPLETED).done
            for task in done:
                del under_way[task]
                task.result()


class _Settling:
    """A connection on which results are recorded, one thread's at a time, each committed by itself."""

    def __init__(self, url: str) -> None:
        self._open = connect(url, Role.OPERATOR, actor="deliver", autocommit=True)
        self._lock = threading.Lock()

    def __enter__(self) -> "_Settling":
        self._connection = self._open.__enter__()
        return self

    def __exit__(self, *failure: Any) -> None:
        self._open.__exit__(*failure)

    def settle(self, due: Due, answer: Answer, now: datetime) -> bool:
        with self._lock:
            return deliveries.settle(self._connection, due, answer, now)


def _one(
    sending: Sending,
    settling: _Settling,
    due: Due,
    to: Opened | VaultError,
    content: Mapping[str, Any] | None,
    clock: Callable[[], datetime],
    result: Result,
    lock: threading.Lock,
) -> None:
    answer = sending.answer(due, to, content, clock())
    is_over = settling.settle(due, answer, clock())
    with lock:
        if answer.fault is None:
            result.delivered += 1
            return
        result.faults[f"{due.endpoint_id}: {answer.fault}"] += 1
        if is_over:
            result.dead += 1
        else:
            result.failed += 1


def _content(connection: Connection, due: Due, to: Opened | VaultError | None) -> Mapping[str, Any] | None:
    if not isinstance(to, Opened) or not to.has_content or due.type != "call.completed" or due.tenant_id is None:
        return None
    return deliveries.call_facts(connection, due.tenant_id, due.data)


def _seconds(retry_after: str | None) -> timedelta | None:
    """Of Retry-After only the number of seconds is heard; a date is left aside."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit() or len(retry_after) > 20:
        return None
    return timedelta(seconds=min(int(retry_after), _LONGEST_WAIT_SECONDS))
