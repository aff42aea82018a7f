"""Whose key we hold: nothing is posted to, and nothing read of, another account or mode than the adopted one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg
import stripe

from orchestration.stripe_billing.api.calls import StripeApi
from orchestration.stripe_billing.api.errors import AnotherAccount, StripeRefused
from orchestration.stripe_billing.posting.outcomes import explained
from warehouse.stripe.accounts import Account, account_of_key, adopt, adopted, remember_key


def account_of(connection: psycopg.Connection[Any], api: StripeApi, clock: Callable[[], datetime]) -> Account:
    """The account and mode of our key: Stripe is asked once for each key. Raises StripeUnavailable, StripeRefused."""
    known = account_of_key(connection, api.key_digest)
    if known:
        return known
    try:
        account = Account(api.account_id(), api.is_live)
    except stripe.PermissionError:
        raise StripeRefused(
            "The Stripe key may not read its own account: give the restricted key read permission for Accounts.",
            "not_permitted",
        ) from None
    except stripe.StripeError as error:
        raise explained(error) from None
    remember_key(connection, api.key_digest, account, clock())
    return account


def require_account(connection: psycopg.Connection[Any], api: StripeApi, clock: Callable[[], datetime]) -> Account:
    """The adopted account, which our key must be of; the first key adopts its own.

    Raises:
        AnotherAccount: a person says first that it is meant.
        StripeUnavailable, StripeRefused: whose key it is is not known yet, and Stripe does not tell.
    """
    ours = account_of(connection, api, clock)
    known = adopted(connection)
    if known is None:
        adopt(connection, ours, clock(), is_first=True)
        known = adopted(connection)
    if known != ours:
        raise AnotherAccount(
            f"MINUTEBOOK_STRIPE_API_KEY is a key of {ours}, and we bill in {known}: nothing was sent or read. Set a key"
            f" of {known}, or, where the change is meant: minutebook stripe adopt {ours.account_id} --{ours.mode}"
        )
    return ours
