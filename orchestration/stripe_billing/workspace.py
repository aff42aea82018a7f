"""Everything billing works with, opened from the settings: what the command line and Dagster's runs start from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import stripe

from orchestration.remedies import word
from orchestration.remedies.errors import with_next_step
from orchestration.settings import Settings
from orchestration.stripe_billing.api.account import require_account
from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.calls import StripeApi
from orchestration.stripe_billing.api.errors import StatementsUntrusted, StripeNotConfigured
from orchestration.stripe_billing.changes import Changes
from orchestration.stripe_billing.invoices.final import FinalInvoices
from orchestration.stripe_billing.invoices.items import Invoicer
from orchestration.stripe_billing.invoices.settling import Settling
from orchestration.stripe_billing.posting.outcomes import explained
from orchestration.stripe_billing.posting.readiness import Readiness
from orchestration.stripe_billing.posting.report import Limits
from orchestration.stripe_billing.posting.run import Poster
from orchestration.stripe_billing.setup import Setup
from warehouse import clock
from warehouse.database.connect import Role, connect
from warehouse.marts.freshness import MartsBehind
from warehouse.statements import balance, canary


@dataclass(frozen=True)
class Desk:
    """One connection as role billing in autocommit, Stripe, and what was read of it."""

    connection: psycopg.Connection[Any]
    api: StripeApi
    cache: StripeCache
    readiness: Readiness
    limits: Limits

    def poster(self) -> Poster:
        """A new posting run. Raises StatementsUntrusted."""
        held_back = self._tenants_held_back()
        return Poster(self.connection, self.api, self.readiness, clock.now, self.limits, held_back=held_back)

    def invoicer(self) -> Invoicer:
        """A new run of invoice items. Raises StatementsUntrusted."""
        held_back = self._tenants_held_back()
        return Invoicer(self.connection, self.api, self.cache, self.readiness, clock.now, held_back)

    def _tenants_held_back(self) -> dict[str, str]:
        """Tenants of whom nothing is posted, and why: their books do not balance."""
        if distrust := canary.verdict(self.connection).finding:
            raise StatementsUntrusted(f"nothing is posted: {word(distrust).in_a_line}")
        try:
            found = balance.imbalances(self.connection)
        except MartsBehind as error:
            raise StatementsUntrusted(f"nothing is posted: {with_next_step(error)}") from None
        return {one.tenant_id: word(one.finding()).in_a_line for one in found}

    def finals(self) -> FinalInvoices:
        return FinalInvoices(self.connection, self.api, self.cache, self.readiness, clock.now)

    def settling(self) -> Settling:
        """Raises StatementsUntrusted."""
        return Settling(self.connection, self.api, self.finals(), self.invoicer(), clock.now)

    def changes(self) -> Changes:
        return Changes(self.connection, self.api, self.cache, self.readiness, clock.now)

    def setup(self) -> Setup:
        return Setup(self.connection, self.api, self.cache, clock.now)


def api_of(settings: Settings) -> StripeApi:
    """Stripe with the key of the environment. Raises StripeNotConfigured, StripeRefused."""
    if not settings.stripe_api_key:
        raise StripeNotConfigured("No Stripe key: set MINUTEBOOK_STRIPE_API_KEY (sk_live_… or sk_test_…).")
    return StripeApi(settings.stripe_api_key, settings.stripe_url)


@contextmanager
def billing_desk(settings: Settings, url: str) -> Iterator[Desk]:
    """Open the desk on a server that is up; what Stripe answers is told as errors of ours.

    Raises:
        StripeNotConfigured: no API key in the environment.
        AnotherAccount: it is not the key of the account that we bill in.
        StripeUnavailable, StripeRefused: raised within, see `outcomes`.
        DatabaseUnreachable, DatabaseUnsuitable: see `connect`.
    """
    api = api_of(settings)
    with (
        connect(url, Role.BILLING, actor=settings.actor, autocommit=True) as connection,
        connect(url, Role.BILLING, actor=settings.actor, autocommit=True) as of_cache,
    ):
        require_account(connection, api, clock.now)
        cache = StripeCache(of_cache, api, clock.now)
        readiness = Readiness(cache, clock.now, settings.stripe_grace)
        try:
            yield Desk(connection, api, cache, readiness, Limits(per_second=settings.stripe_rate))
        except stripe.StripeError as error:
            raise explained(error) from None
