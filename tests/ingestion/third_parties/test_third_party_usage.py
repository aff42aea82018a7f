"""Somebody else's usage: tokens by model, and messages, counted by meters and paid like any other usage."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from importlib import invalidate_caches
from pathlib import Path

import pytest

from sources.registry import registry
from tests.ingestion.conftest import Minutebook
from tests.ingestion.house import House
from tests.sandbox.stripe import StripeSandbox
from tests.sources.toy import usage
from tests.sources.toy.server import KEY, Days, toy_server

DAY = "2026-11-02"
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
DISTRIBUTION = {
    "METADATA": "Metadata-Version: 2.1\nName: minutebook-toymodel\nVersion: 1.0\n",
    "entry_points.txt": "[minutebook.sources]\ntoymodel = minutebook_toymodel:SOURCES\n",
}


def used(what: str, count: int, model: str | None = None, hour: int = 9, **other: object) -> dict[str, object]:
    at = f"{DAY}T{hour:02}:00:00+00:00"
    named = {
        "key": "k1",
        "what": what,
        "model": model,
        "count": str(count),
        "at": at,
        "cents": None,
        "user": "+15550001",
    }
    return named | other


@pytest.fixture
def answers(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Days]:
    """The package, installed after the warehouse was made, and what its provider answers."""
    installed = tmp_path / "site-packages"
    (installed / "minutebook_toymodel").mkdir(parents=True)
    (installed / "minutebook_toymodel" / "__init__.py").write_text(Path(usage.__file__).read_text())
    (installed / "minutebook_toymodel-1.0.dist-info").mkdir()
    for name, text in DISTRIBUTION.items():
        (installed / "minutebook_toymodel-1.0.dist-info" / name).write_text(text)
    days: Days = {
        "/usage": {
            DAY: [
                used("token", 900, "large", cents="30"),
                used("token", 700, "larger", hour=10, cents="20"),
                used("token", 5_000, "small"),
                used("message", 120),
                used("message", 80, hour=11),
                used("message", 40, hour=12),
                used("message", 7, key="k9"),
            ]
        }
    }
    with toy_server(days) as address:
        monkeypatch.syspath_prepend(str(installed))
        monkeypatch.setenv("MINUTEBOOK_TOYMODEL_URL", address)
        invalidate_caches()
        registry.cache_clear()
        yield days
    registry.cache_clear()


@pytest.fixture
def priced(answers: Days, minutebook: Minutebook) -> Minutebook:
    """Acme pays for tokens of two models above 1,000, and for messages by the row; other models have no meter yet."""
    for line in (
        "init",
        "tenant create acme --name Acme --currency USD --activated-on 2026-11-01",
        "agent create acme acme-chat --name Chat",
        "agent attach acme acme-chat toymodel_key k1 --from 2026-11-01",
        'meter create large_tokens --name "Tokens of large models" --unit token --source toymodel --item tokens'
        " --filter model=large,larger --stripe-event-name mb_tokens",
        "meter create messages --name Messages --unit message --source toymodel --item messages --count"
        " --stripe-event-name mb_messages",
        "plan create chat --name Chat --currency USD",
        "plan terms chat --from 2026-11-01 --subscription-fee 10",
        "plan allowance chat large_tokens 1000 --from 2026-11-01",
        "price set --plan chat --meter large_tokens --from 2026-11-01 --amount 0.002",
        "price set --plan chat --meter messages --from 2026-11-01 --amount 0.25",
        "tenant plan acme chat --from 2026-11-01",
    ):
        minutebook(line)
    return minutebook


@pytest.fixture
def metered(priced: Minutebook) -> Minutebook:
    """The day is pulled and built."""
    priced("credential set toymodel", secret=KEY)
    priced(f"pull --from 2026-11-01 --to {DAY} --source toymodel")
    priced("build")
    return priced


def statement(minutebook: Minutebook) -> dict[str, object]:
    (found,) = [one for one in json.loads(minutebook("review 2026-11 --json")) if one["tenant_id"] == "acme"]
    assert isinstance(found, dict)
    return found


def to_be_posted(metered: Minutebook, house: House, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What a dry run shows, once Acme has a subscription at Stripe: meter, day and value."""
    with StripeSandbox(NOW.timestamp()) as stripe:
        monkeypatch.setenv("MINUTEBOOK_STRIPE_URL", stripe.url)
        monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", "sk_test_sandbox")
        monkeypatch.setenv("MINUTEBOOK_STRIPE_GRACE_HOURS", "72")
        metered("stripe sync --apply")
        customer = stripe.catalogue.create_customer({"name": "Acme"})["id"]
        stripe.catalogue.create_subscription(
            {
                "customer": customer,
                "items": [{"price": price} for price in stripe.catalogue.prices],
                "billing_cycle_anchor_config": {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0},
            }
        )
        house.execute(
            "update control.tenants set stripe_customer_id = %s, feature_flags = '{\"stripe_posting\": true}'"
            " where tenant_id = 'acme'",
            customer,
        )
        events = json.loads(metered("post --dry-run --json"))["events"]
        return [(one["meter_id"], one["usage_date"], one["value"]) for one in events]


def test_tokens_by_model_and_messages_are_on_the_statement_and_posted(
    metered: Minutebook, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = house.execute(
        "select meter_id, quantity, unit, amount from marts.fct_statement_lines where line_kind = 'overage' order by 1"
    )
    assert [tuple(row.values()) for row in lines] == [
        ("large_tokens", 600, "token", Decimal("1.20")),  # 900 and 700, less 1,000
        ("messages", 3, "message", Decimal("0.75")),  # rows, not what they hold
    ]
    explained = json.loads(metered("explain acme/2026-11-01/overage/messages --json"))
    assert len(explained["objects"]) == 3
    costs = house.execute(
        "select component, basis, sum(amount) as amount from marts.fct_costs_daily where tenant_id = 'acme'"
        " and source = 'toymodel' group by component, basis order by component, basis"
    )
    assert [tuple(row.values()) for row in costs] == [
        ("messages", "unknown", None),
        ("tokens", "reported_by_provider", Decimal("0.50")),
        ("tokens", "unknown", None),
    ]
    assert sorted(to_be_posted(metered, house, monkeypatch)) == [("large_tokens", DAY, "600"), ("messages", DAY, "3")]


def test_what_no_meter_counts_is_reported_with_the_command_that_counts_it(metered: Minutebook) -> None:
    for blocked, command in (("no meter", "meter create"), ("unpriced", "price set"), ("unattributed", "agent attach")):
        (found,) = [one for one in statement(metered)["blockers"] if blocked in one["what"]]  # type: ignore[attr-defined]
        assert command in found["fix"], found
        if blocked == "no meter":
            assert "tokens model=small of toymodel" in found["what"]
            assert "--filter model=small" in found["fix"]
        if blocked == "unattributed":
            assert "toymodel key k9" in found["what"]
        for line in found["fix"].replace("AMOUNT", "0").split(" && "):
            metered(line)
        assert blocked not in str(statement(metered)["blockers"])


def test_two_meters_never_count_the_same_row(priced: Minutebook, house: House) -> None:
    line = "meter create all_tokens --name All --unit token --source toymodel --item tokens"
    priced(f"{line} --filter model=small,large", code=1)
    priced(line, code=1)
    priced(f"{line} --filter user=me", code=1)
    priced(f"{line} --filter model=small")
    with pytest.raises(Exception, match="would count the same rows"):
        house.execute(
            "insert into control.meters (meter_id, name, unit, source, item)"
            " values ('x', 'x', 'x', 'toymodel', 'tokens')"
        )
