"""Asking the right provider account for one day, with the stored credential and what control says of that day."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from types import TracebackType
from typing import Any, Self

import psycopg

from orchestration.ingestion.outcomes import AccountDay
from orchestration.ingestion.routing import Routing
from orchestration.operations import tracing
from orchestration.settings import Settings, SettingsError
from sources.day import Access, Day
from sources.errors import CredentialRejected, SourceFailure
from sources.http import characters_replaced, requests_made
from sources.personal import NOBODYS
from sources.reading import REPLACED, Reading
from sources.registry import source_named
from sources.source import Account, Client, Counts, Recount, Source, Updates
from sources.source.discovery import Campaign
from sources.window import Window
from warehouse import clock
from warehouse.database.errors import CredentialMissing, MasterKeyMissing, VaultError, WarehouseError
from warehouse.intake import hooks
from warehouse.intake.stored import Pushed
from warehouse.security.vault import Credential
from warehouse.sources.rate_limits import Pacing


@dataclass(frozen=True)
class Failure:
    """Why an account-day could not be read or landed: what the ledger and the operator see. Never holds a
    secret."""

    code: str
    cause: str
    is_permanent: bool
    requests: int = 0
    evidence: str | None = None


class Readers:
    """The provider clients of one run, opened once per key and closed together; accounts of one key share its budget,
    and other runs that ask with it its pace.

    `prepare` belongs to the thread that owns the connection; the others may be called from any thread afterwards.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], settings: Settings, routing: Routing, pacing: Pacing, url: str
    ) -> None:
        self._connection = connection
        self._url = url
        self._pacing = pacing
        self._settings = settings
        self._routing = routing
        self._clients: dict[tuple[str, str], Client | Failure] = {}
        self._of_keys: dict[tuple[str, bytes], Client] = {}
        self._adopted: dict[AccountDay, Mapping[str, str]] = {}
        self._stored: dict[AccountDay, Reading] = {}

    def prepare(self, day: AccountDay) -> Failure | None:
        """Open the account's client if it is not open yet, and look up what was adopted of its day; a Failure where it
        cannot be opened, or was refused before.
        """
        self._adopted[day] = self.adopted(day)
        opened = self._clients.get((day.source, day.account))
        if opened is None:
            opened = self._clients[day.source, day.account] = self._open(day, source_named(day.source))
        return opened if isinstance(opened, Failure) else None

    def refuse(self, day: AccountDay, failure: Failure) -> None:
        """Remember that the account's key is not accepted: its other days fail with the same cause, unasked."""
        self._clients[day.source, day.account] = failure

    def read(self, day: AccountDay) -> Reading:
        """The account's whole day, or what there is of it while it is not over. Raises SourceFailure. Either names the
        requests it took, repeated ones too.
        """
        with tracing.span("read", tenant=day.tenant_id, source=day.source, day=day.usage_date):
            reading = self._read(day)
            tracing.tell(rows=reading.table.num_rows, requests=reading.requests)
        return reading

    def _read(self, day: AccountDay) -> Reading:
        before, replaced, adopted = requests_made(), characters_replaced(), self._adopted.pop(day, {})
        is_over = day.usage_date < clock.today()
        try:
            reading = source_named(day.source).read(self._client(day), self._day(day))
        except SourceFailure as error:
            error.requests = requests_made() - before
            raise
        if characters_replaced() > replaced:
            reading.totals[REPLACED] = Decimal(characters_replaced() - replaced)
        reading = replace(reading, requests=max(reading.requests, requests_made() - before))
        return self.with_adopted(day, reading, adopted) if is_over else reading.of_a_day_in_progress

    def adopted(self, day: AccountDay) -> Mapping[str, str]:
        """Reported rows of the day that a person adopted, by id. Of the thread that owns the connection."""
        hook = source_named(day.source).hook
        if hook is None or hook.rows is None:
            return {}
        return hooks.adopted(self._connection, day.source, day.account, day.usage_date)

    def with_adopted(self, day: AccountDay, reading: Reading, adopted: Mapping[str, str]) -> Reading:
        """The reading with those adopted rows that it does not list: what is listed is the record."""
        hook = source_named(day.source).hook
        reported = [row for row_id, row in adopted.items() if row_id not in reading.keys]
        if not reported or hook is None or hook.rows is None:
            return reading
        return reading.with_adopted(hook.rows(reported, self._day(day)))

    def changed_days(self, day: AccountDay, updates: Updates, updated: Window, before: date) -> frozenset[date]:
        """Days of the account before `before` that its provider changed within the window. Raises SourceFailure."""
        return updates.changed_days(self._client(day), updated, before)

    def daily_totals(self, day: AccountDay, updates: Updates, window: Window) -> Counts | None:
        """What the provider counts by UTC day of the window; None where it will not say."""
        return updates.daily_totals(self._client(day), window)

    def counts(self, day: AccountDay, recount: Recount, window: Window) -> Counts:
        """By UTC day, what the account's source counts now of what a reading's totals name. Raises SourceFailure."""
        return recount.counts(self._client(day), self._day(day), window)

    def campaigns(self, day: AccountDay) -> list[Campaign]:
        """The campaigns of the account, where its source lists any. Raises SourceFailure."""
        listed = source_named(day.source).campaigns
        return [] if listed is None else listed(self._client(day))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for client in self._of_keys.values():
            client.close()

    def _open(self, day: AccountDay, source: Source) -> Client | Failure:
        """A client, the same for all sources and accounts of one provider that are opened alike."""
        try:
            credential = None
            if source.needs_credential:
                credential = self._settings.vault().secret(self._connection, day.tenant_id, source.provider)
            access = access_of(source, self._settings, credential, self._pacing)
            if source.account is Account.PUSHED:
                access = replace(access, pushed=Pushed(self._url))
            opened_by = repr((sorted(access.settings.items()), access.secret))
            key = (source.provider, sha256(opened_by.encode()).digest())
            if key not in self._of_keys:
                self._of_keys[key] = source.connect(access)
            return self._of_keys[key]
        except (VaultError, SettingsError, SourceFailure) as error:
            return failure_of(error)

    def _client(self, day: AccountDay) -> Client:
        client = self._clients[day.source, day.account]
        if isinstance(client, Failure):  # refused by another day of this account while this one waited for a thread
            raise CredentialRejected(client.cause)
        return client

    def _day(self, day: AccountDay) -> Day:
        """What control says of the day."""
        tenant_id = day.tenant_id
        return Day(
            day.usage_date,
            tenant_id,
            self._routing.scopes_of(source_named(day.source), tenant_id),
            NOBODYS if tenant_id is None else self._routing.choices_of_tenant(tenant_id),
            self._routing.choices_of(day.account, day.usage_date),
        )


def access_of(
    source: Source, settings: Settings, credential: Credential | None = None, pacing: Pacing | None = None
) -> Access:
    """How a source is opened in this deployment, with this credential and in step with whoever else asks with it."""
    address = settings.addresses.get(source.address)
    if credential is None:
        return Access(address=address)
    secret = credential.secret.reveal()
    pace = pacing.of(source.provider, secret) if pacing is not None else None
    return Access(secret, credential.settings, address, pace)


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
