"""Asking the right provider account for one day, with the stored credential and what control says of that day."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from threading import Lock
from types import TracebackType
from typing import Any, Self

import psycopg
from sqlalchemy import Engine

from orchestration.ingestion.outcomes import AccountDay
from orchestration.ingestion.routing import Routing
from orchestration.settings import Settings, SettingsError
from sources import SOURCES, usage_metrics, vapi, voiceflow
from sources.budget import Pace
from sources.errors import CredentialRejected, SourceFailure
from sources.http import ProviderClient, characters_replaced, requests_made
from sources.reading import REPLACED, Reading
from sources.window import Window
from warehouse.database.errors import CredentialMissing, MasterKeyMissing, VaultError, WarehouseError
from warehouse.ingestion.rate_limits import Pacing
from warehouse.security.vault import Credential


@dataclass(frozen=True)
class Failure:
    """Why an account-day could not be read or landed: what the ledger and the operator are told. Never holds a
    secret."""

    code: str
    cause: str
    is_permanent: bool
    requests: int = 0


class Readers:
    """The provider clients of one run, opened once per key and closed together; accounts of one key share its budget,
    and other runs that ask with it its pace.

    `prepare` belongs to the thread that owns the connection; `read` may be called from any thread afterwards.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], settings: Settings, routing: Routing, pacing: Pacing
    ) -> None:
        self._connection = connection
        self._pacing = pacing
        self._settings = settings
        self._routing = routing
        self._clients: dict[tuple[str, str], ProviderClient | Failure] = {}
        self._of_keys: dict[tuple[str, bytes], ProviderClient] = {}
        self._engine: Engine | None = None
        self._usage: dict[Window, dict[tuple[date, str], dict[str, Decimal]]] = {}
        self._counting = Lock()

    def prepare(self, day: AccountDay) -> Failure | None:
        """Open the account's client if it is not open yet; a Failure where it cannot be, or was refused before."""
        provider = SOURCES[day.source].key_of
        if provider is None:
            return self._open_usage_database()
        opened = self._clients.get((day.source, day.account))
        if opened is None:
            opened = self._clients[day.source, day.account] = self._open(day, provider)
        return opened if isinstance(opened, Failure) else None

    def refuse(self, day: AccountDay, failure: Failure) -> None:
        """Remember that the account's key is not accepted: its other days fail with the same cause, unasked."""
        self._clients[day.source, day.account] = failure

    def read(self, day: AccountDay) -> Reading:
        """The account's whole day. Raises SourceFailure. Either tells the requests it took, repeated ones too."""
        before, replaced = requests_made(), characters_replaced()
        try:
            reading = READERS[day.source](self, day)
        except SourceFailure as error:
            error.requests = requests_made() - before
            raise
        if characters_replaced() > replaced:
            reading.totals[REPLACED] = Decimal(characters_replaced() - replaced)
        return replace(reading, requests=max(reading.requests, requests_made() - before))

    def changed_days(self, day: AccountDay, updated: Window, before: date) -> frozenset[date]:
        """Days of the account before `before` that Vapi changed within the window. Raises SourceFailure."""
        return vapi.changed_days(self._client(day), updated, before)

    def daily_totals(self, day: AccountDay, window: Window) -> dict[date, dict[str, Decimal]] | None:
        """Calls and their cost by UTC day of the window, as Vapi counts them; None where it will not say."""
        return vapi.daily_totals(self._client(day), window)

    def counts(self, day: AccountDay, window: Window) -> dict[date, dict[str, Decimal]]:
        """By UTC day, what the account's source counts now of what a reading's totals name. Raises SourceFailure."""
        if day.source == "usage_metrics":
            return self._usage_counts(day, window)
        client = self._voiceflow_client(day)
        counts: dict[date, dict[str, Decimal]] = {}
        for project in self._routing.ever_projects_of(day.account):
            for usage_date, count in voiceflow.daily_counts(client, project, window).items():
                if project in self._routing.projects_of(day.account, usage_date):
                    known = counts.setdefault(usage_date, {"interactions": Decimal(0)})
                    known["interactions"] += count
        return counts

    def _usage_counts(self, day: AccountDay, window: Window) -> dict[date, dict[str, Decimal]]:
        counts: dict[date, dict[str, Decimal]] = {}
        for (usage_date, agent), told in self._counted_usage(window).items():
            is_known = agent in self._routing.usage_agents(usage_date, day.tenant_id)
            if is_known is (day.tenant_id is not None):
                known = counts.setdefault(usage_date, dict.fromkeys(told, Decimal(0)))
                for name, value in told.items():
                    known[name] += value
        return counts

    def _counted_usage(self, window: Window) -> dict[tuple[date, str], dict[str, Decimal]]:
        """Asked once for all accounts of a window."""
        with self._counting:
            if self._engine is None:
                raise RuntimeError("the usage database was counted before it was opened")
            if window not in self._usage:
                self._usage[window] = usage_metrics.daily_counts(self._engine, window)
            return self._usage[window]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for client in self._of_keys.values():
            client.close()
        if self._engine is not None:
            self._engine.dispose()

    def _open_usage_database(self) -> Failure | None:
        if self._engine is None:
            if not self._settings.usage_database_url:
                return Failure("not_configured", "MINUTEBOOK_USAGE_DATABASE_URL is not set", is_permanent=True)
            try:
                self._engine = usage_metrics.open_engine(self._settings.usage_database_url)
            except SourceFailure as error:
                return failure_of(error)
        return None

    def _open(self, day: AccountDay, provider: str) -> ProviderClient | Failure:
        try:
            credential = self._settings.vault().secret(self._connection, day.tenant_id, provider)
            told = f"{credential.settings.get('generation')}/{credential.secret.reveal()}"
            key = (provider, sha256(told.encode()).digest())
            if key not in self._of_keys:
                pace = self._pacing.of(provider, credential.secret.reveal())
                self._of_keys[key] = CLIENTS[provider](credential, self._settings, pace)
            return self._of_keys[key]
        except (VaultError, SettingsError, SourceFailure) as error:
            return failure_of(error)

    def _client(self, day: AccountDay) -> ProviderClient:
        client = self._clients[day.source, day.account]
        if isinstance(client, Failure):  # refused by another day of this account while this one waited for a thread
            raise CredentialRejected(client.cause)
        return client

    def _vapi(self, day: AccountDay) -> Reading:
        choices_of = self._routing.choices_of(day.account, day.usage_date)
        return vapi.read_day(self._client(day), day.usage_date, choices_of=choices_of)

    def _voiceflow(self, day: AccountDay) -> Reading:
        projects = self._routing.projects_of(day.account, day.usage_date)
        return voiceflow.read_day(self._voiceflow_client(day), day.usage_date, projects)

    def _voiceflow_transcripts(self, day: AccountDay) -> Reading:
        projects = self._routing.projects_of(day.account, day.usage_date)
        choices = self._routing.choices_of_tenant(day.account)
        return voiceflow.read_transcripts_day(self._voiceflow_client(day), day.usage_date, projects, choices)

    def _voiceflow_client(self, day: AccountDay) -> voiceflow.VoiceflowClient:
        client = self._client(day)
        if not isinstance(client, voiceflow.VoiceflowClient):
            raise TypeError(f"{day} is read by a client of {client.provider}")
        return client

    def _usage_metrics(self, day: AccountDay) -> Reading:
        if self._engine is None:
            raise RuntimeError(f"{day} was read before it was prepared")
        if day.tenant_id is None:
            known_agents = self._routing.usage_agents(day.usage_date)
            return usage_metrics.read_unrouted_day(self._engine, day.usage_date, known_agents)
        agents = self._routing.usage_agents(day.usage_date, day.tenant_id)
        choices = self._routing.choices_of_tenant(day.tenant_id)
        return usage_metrics.read_day(self._engine, day.usage_date, agents, choices)


def vapi_client(credential: Credential, settings: Settings, pace: Pace | None = None) -> ProviderClient:
    """Vapi, asked with this key. Raises SourceFailure."""
    per_second = _per_second(credential)
    return vapi.client(credential.secret.reveal(), settings.vapi_url, per_second=per_second, pace=pace)


def voiceflow_client(credential: Credential, settings: Settings, pace: Pace | None = None) -> voiceflow.VoiceflowClient:
    """Voiceflow, asked in the generation of its API that the credential's setting `generation` names; without, v2.

    Raises SourceFailure.
    """
    generation = str(credential.settings.get("generation", "v2"))
    return voiceflow.client(
        credential.secret.reveal(),
        settings.voiceflow_url,
        generation=generation,
        per_second=_per_second(credential),
        pace=pace,
    )


def _per_second(credential: Credential) -> float | None:
    """What the account's owner was told it may ask, where the credential says it."""
    told = credential.settings.get("requests_per_second")
    return float(told) if isinstance(told, int | Decimal) else None


CLIENTS: dict[str, Callable[[Credential, Settings, Pace], ProviderClient]] = {
    "vapi": vapi_client,
    "voiceflow": voiceflow_client,
}
READERS: dict[str, Callable[[Readers, AccountDay], Reading]] = {
    "vapi": Readers._vapi,
    "voiceflow": Readers._voiceflow,
    "voiceflow_transcripts": Readers._voiceflow_transcripts,
    "usage_metrics": Readers._usage_metrics,
}


def failure_of(error: BaseException) -> Failure:
    """The ledger's words for what went wrong. Our own errors say it in one line; anything else is named by its type."""
    if isinstance(error, SourceFailure):
        return Failure(error.code, str(error), error.is_permanent, error.requests)
    if isinstance(error, CredentialMissing):
        return Failure("credential_missing", str(error), is_permanent=True)
    if isinstance(error, MasterKeyMissing | SettingsError):
        return Failure("master_key_missing", str(error), is_permanent=True)
    if isinstance(error, VaultError):
        return Failure("credential_unreadable", str(error), is_permanent=True)
    if isinstance(error, WarehouseError):
        return Failure("landing_failed", str(error), is_permanent=False)
    # Its text may quote what it was given, the key among it: the type is what is safe to keep.
    return Failure("unexpected", f"an unexpected {type(error).__name__}; the log of the run has it", is_permanent=False)
