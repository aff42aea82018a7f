"""POST /v1/hooks/{provider}/{hook}: what a provider tells us of its rows as they happen.

    whose hook is it ─▶ body, bounded ─▶ proven on the raw body ─▶ read, without secrets ─▶ committed ─▶ 200 {}

200 kept, known before, or nothing of use · 401 not proven · 404 no such hook, in the same time and words
413 too large · 503 not committed: the provider repeats. What waits for an answer has an empty one at once.
"""

import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from anyio import to_thread
from psycopg import OperationalError
from starlette.requests import Request
from starlette.responses import Response

from orchestration.intake.admission import Known
from orchestration.intake.answers import answered, problem, show_away
from orchestration.intake.limits import Limits
from orchestration.settings import SettingsError
from orchestration.web.server.readers import Readers
from sources.hooks import Delivery, Hook, Method, NoMessage, Report
from sources.registry import registry
from warehouse import clock
from warehouse.database.errors import VaultError, WarehouseError
from warehouse.intake import hooks as kept
from warehouse.security.vault import Secret, Vault

LARGEST_BODY_BYTES = 5 * 2**20
_HOOK_ID = re.compile(r"[0-9a-f]{32}")
_NOTED_EVERY = timedelta(minutes=1)
_UNPROVEN = "This delivery is not taken: its address, its secret or its time is not right."
_NOBODYS = Secret(secrets.token_urlsafe(32))
_LOG = structlog.get_logger(__name__)
Opened = tuple[kept.Hook, Secret]


class Hooks:
    """The endpoint. vault: what opens the hooks' secrets; asked when one is needed, since the pages need none."""

    def __init__(
        self,
        readers: Readers,
        limits: Limits,
        vault: Callable[[], Vault],
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._readers = readers
        self._limits = limits
        self._vault = vault
        self._now = now
        self._hooks: Known[str, Opened | None] = Known(self._opened)
        self._noted: dict[tuple[str, bool], datetime] = {}

    async def take(self, request: Request) -> Response:
        """Keep what a delivery reports; 200 once that is committed."""
        provider, hook_id = request.path_params["provider"], request.path_params["hook"]
        of_provider = registry().hooks.get(provider)
        try:
            found = await to_thread.run_sync(self._hooks.get, hook_id) if _HOOK_ID.fullmatch(hook_id) else None
            if found is not None and (found[0].provider != provider or found[0].revoked_at is not None):
                found = None
            body = await self._body(request, hook_id if found else "")
            delivery = Delivery(request.method, str(request.url), request.headers, body, self._now())
            if of_provider is None or found is None:
                return await to_thread.run_sync(_unknown, delivery)
            return await to_thread.run_sync(self._kept, hook_id, found, *of_provider, delivery)
        except (WarehouseError, SettingsError, OperationalError) as away:
            if isinstance(away, VaultError | SettingsError):
                _LOG.error("a hook's secret does not open", hook_id=hook_id, problem=type(away).__name__)
            return show_away(request, away)

    async def _body(self, request: Request, whose: str) -> bytes:
        with self._limits.room(whose) as body:
            async for part in request.stream():
                self._limits.grow(whose, body, part, LARGEST_BODY_BYTES)
            return bytes(body)

    def _kept(self, hook_id: str, found: Opened, source: str, hook: Hook, delivery: Delivery) -> Response:
        known, secret = found
        if not hook.is_genuine(delivery, secret.reveal(), Method(known.method), known.settings):
            self._note_use(hook_id, delivery.at, is_taken=False)
            return problem(_UNPROVEN, 401)
        try:
            message = hook.read(delivery.body)
        except NoMessage as error:
            return problem(f"This is no message: {error}.", 400)
        with self._readers.intake() as connection:
            if message.report is not None:
                kept.take(connection, hook_id, _reported(source, message.report))
            if message.notice is not None:
                kept.notice(connection, hook_id, *message.notice)
        self._note_use(hook_id, delivery.at, is_taken=True)
        return answered(200, {})

    def _note_use(self, hook_id: str, now: datetime, *, is_taken: bool) -> None:
        noted = self._noted.get((hook_id, is_taken))
        if noted is None or now - noted >= _NOTED_EVERY:
            self._noted[hook_id, is_taken] = now
            with self._readers.intake() as connection:
                kept.used(connection, hook_id, now, is_taken=is_taken)

    def _opened(self, hook_id: str) -> Opened | None:
        with self._readers.intake() as connection:
            found = kept.hook_of(connection, hook_id)
        return None if found is None else (found, found.secret(self._vault(), hook_id))


def _unknown(delivery: Delivery) -> Response:
    """Nobody's, after as much work as one that is somebody's."""
    for _, hook in registry().hooks.values():
        hook.is_genuine(delivery, _NOBODYS.reveal(), hook.methods[0], {})
    return problem(_UNPROVEN, 404)


def _reported(source: str, report: Report) -> kept.Reported:
    return kept.Reported(
        of_source=source,
        of_row=report.row_id,
        kind=report.kind,
        status=report.status,
        created_at=report.created_at,
        ended_at=report.ended_at,
        cost=report.cost,
        is_final=report.is_final,
        is_gone=report.is_gone,
        content_hash=report.hash,
        payload=report.row,
    )
