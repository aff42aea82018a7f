"""Cartesia's credits: no money, by key, against the day's own total; a day without a bucket is unknown."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sources import cartesia
from sources.cartesia.client import CartesiaClient
from sources.day import Day
from sources.errors import AnswerMoved, ContractBroken, CredentialRejected, NotYetReported, ProviderRefused
from sources.reading import Reading
from tests.sandbox.cartesia import Account
from tests.sandbox.faults import FOREVER, altered, ok_with, status
from tests.sandbox.server import Sandbox
from tests.sources.access import UnhurriedAccess

KEY = "sk_car_admin_0123456789"
DAY = date(2026, 10, 5)
PATH = "/cartesia/usage/credits"
OFFICIAL = Path(__file__).parents[4] / "shared/payloads/cartesia/usage_credits_official.json"


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    sandbox.world.cartesia[KEY] = Account()
    return sandbox.world.cartesia[KEY]


@pytest.fixture
def client(sandbox: Sandbox, account: Account) -> Iterator[CartesiaClient]:
    with closing(cartesia.connect(UnhurriedAccess(KEY, {}, sandbox.url_of("cartesia")))) as client:
        yield client


def lines(reading: Reading) -> list[tuple[Any, ...]]:
    return [(one["scope_ref"], one["quantity"]) for one in reading.table.to_pylist()]


def test_credits_are_a_quantity_and_no_money(client: CartesiaClient, account: Account) -> None:
    account.used[DAY] = {"key-1": Decimal("123")}
    found = cartesia.read(client, Day(DAY))
    (one,) = found.table.to_pylist()
    assert (one["amount"], one["currency"]) == (None, None), "what a credit costs is the plan's, and not told"
    assert (one["quantity"], one["quantity_unit"]) == ("123", "credits")
    assert (one["amount_told"], one["amount_unit"]) == ("123", "credits")
    assert (one["scope_kind"], one["scope_ref"], one["service"]) == ("cartesia_key", "key-1", "tts")
    assert "amount" not in found.totals
    assert "who it is" not in str(one), "what a key is called may be a person"


def test_what_is_of_no_key_is_a_line_of_no_scope(client: CartesiaClient, account: Account) -> None:
    account.used[DAY] = {"key-1": Decimal(100), "key-2": Decimal(0), None: Decimal("20.5")}
    assert lines(cartesia.read(client, Day(DAY))) == [("key-1", "100"), (None, "20.5")]


def test_a_day_is_asked_whole_in_all_and_by_key(client: CartesiaClient, account: Account, sandbox: Sandbox) -> None:
    account.used = {DAY + timedelta(days=n): {"key-1": Decimal(n + 2)} for n in (-1, 0, 1)}
    assert lines(cartesia.read(client, Day(DAY))) == [("key-1", "2")]
    span = {"start_ts": "2026-10-05T00:00:00.000Z", "end_ts": "2026-10-06T00:00:00.000Z", "interval": "day"}
    assert [asked.params for asked in sandbox.asked(PATH)] == [span, span | {"group_by": "api_key"}]


def test_buckets_of_other_days_are_left_out(client: CartesiaClient, account: Account, sandbox: Sandbox) -> None:
    account.used[DAY] = {"key-1": Decimal(5)}
    other = {"start_ts": "2026-10-06T00:00:00.000Z", "end_ts": "2026-10-07T00:00:00.000Z", "credits": 9}

    def more(answer: Any) -> Any:
        (answer["data"][0]["buckets"] if "group_by" in answer else answer["data"]).append(other)
        return answer

    sandbox.faults.script(PATH, altered(more), times=FOREVER)
    assert lines(cartesia.read(client, Day(DAY))) == [("key-1", "5")]


def test_a_day_without_a_bucket_is_unknown_and_a_bucket_of_0_is_a_day_without_use(
    client: CartesiaClient, account: Account
) -> None:
    with pytest.raises(NotYetReported, match="unknown"):
        cartesia.read(client, Day(DAY))
    account.used[DAY] = {}
    assert cartesia.read(client, Day(DAY)).table.num_rows == 0


def test_keys_that_used_more_than_all_are_asked_again_later(
    client: CartesiaClient, account: Account, sandbox: Sandbox
) -> None:
    account.used[DAY] = {"key-1": Decimal(5)}

    def less(answer: Any) -> Any:
        if "group_by" not in answer:
            answer["data"][0]["credits"] = 4
        return answer

    sandbox.faults.script(PATH, altered(less), times=FOREVER)
    with pytest.raises(AnswerMoved):
        cartesia.read(client, Day(DAY))


def test_each_refusal_says_what_it_means(sandbox: Sandbox, client: CartesiaClient, account: Account) -> None:
    assert cartesia.verify(client, ()) == "the credits of the account can be read"
    other = cartesia.connect(UnhurriedAccess("sk_car_other_0123456789", {}, sandbox.url_of("cartesia")))
    with pytest.raises(CredentialRejected, match="401: Invalid API key; it takes an admin key"):
        cartesia.verify(other, ())
    account.is_admin = False
    with pytest.raises(CredentialRejected, match="403: An admin key is required; it takes an admin key"):
        cartesia.verify(client, ())
    account.is_admin = True
    with pytest.raises(ProviderRefused, match="Unknown parameter"):
        client.get("/usage/credits", lambda body: body, {"start": "2026-10-05"})


def test_another_shape_is_no_empty_day_and_what_passes_is_asked_again(
    client: CartesiaClient, account: Account, sandbox: Sandbox
) -> None:
    account.used[DAY] = {"key-1": Decimal(5)}
    sandbox.faults.script(PATH, status(429, retry_after=3), status(503))
    assert lines(cartesia.read(client, Day(DAY))) == [("key-1", "5")]
    sandbox.faults.script(PATH, ok_with({"buckets": []}), times=FOREVER)
    with pytest.raises(ContractBroken):
        cartesia.read(client, Day(DAY))


@pytest.mark.skipif(not OFFICIAL.is_file(), reason="the published payload is not here")
def test_the_official_answer_is_123_credits(client: CartesiaClient, account: Account, sandbox: Sandbox) -> None:
    account.used[DAY] = {}
    sandbox.faults.script(PATH, ok_with(msgspec.json.decode(OFFICIAL.read_bytes())))
    found = cartesia.read(client, Day(date(2026, 1, 1)))
    assert lines(found) == [(None, "123")]
    assert found.new_fields == frozenset()
