from collections.abc import Callable
from contextlib import closing
from datetime import date

import pytest

from sources import twilio
from sources.day import Access, Attachment, Day, Scope, Scopes
from sources.personal import NOBODYS, Choices
from sources.reading import Reading
from sources.twilio.client import TwilioClient
from tests.sandbox.fixture import sandbox
from tests.sandbox.server import Sandbox
from tests.sandbox.twilio.account import Key, TwilioAccount
from tests.sources.conftest import Clock, clock

__all__ = ["clock", "sandbox"]

DAY = date(2026, 3, 2)
ACCOUNT, CHILD, KEY = "AC" + "a" * 32, "AC" + "c" * 32, "SK" + "b" * 32
SECRET = "secret-of-a-restricted-key"
Read = Callable[..., Reading]


@pytest.fixture
def account(sandbox: Sandbox) -> TwilioAccount:
    """An account with a key, and nothing in it."""
    made = TwilioAccount(ACCOUNT, keys={KEY: Key(SECRET)})
    sandbox.world.twilio[ACCOUNT] = made
    return made


def opened(sandbox: Sandbox, clock: Clock, secret: str = SECRET, **settings: str) -> TwilioClient:
    """A client of the account's key, unless `settings` say otherwise; its waits pass at once."""
    known = {"account_sid": ACCOUNT} | ({} if settings.pop("is_token", "") else {"api_key_sid": KEY}) | settings
    client = twilio.connect(Access(secret, known, sandbox.url_of("twilio")))
    client._budget = clock.budget()
    return client


@pytest.fixture
def read(sandbox: Sandbox, clock: Clock) -> Read:
    """Reads a day of the account: its bill, or with `details` what single calls cost."""

    def read(
        day: date = DAY,
        *,
        details: bool = False,
        tenant: str | None = "acme",
        attached: tuple[str, ...] = (),
        choices: Choices = NOBODYS,
        **settings: str,
    ) -> Reading:
        scopes = Scopes(tuple(Attachment(Scope("twilio_account", sid), "acme", date(2026, 1, 1)) for sid in attached))
        with closing(opened(sandbox, clock, **settings)) as client:
            asked = Day(day, tenant, scopes, choices, lambda _: choices)
            return (twilio.read_details if details else twilio.read_bill)(client, asked)

    return read
