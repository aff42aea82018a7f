"""Somebody else's package: its calls are billed and its bill is in the margin, with no SQL, in
a warehouse that stood before it was installed."""

import json
from collections.abc import Iterator
from decimal import Decimal
from importlib import invalidate_caches
from pathlib import Path

import pytest

from sources.registry import registry
from tests.ingestion.conftest import Minutebook
from tests.ingestion.house import House
from tests.sources import toy
from tests.sources.toy.server import KEY, Days, toy_server

DAY = "2026-10-05"
DISTRIBUTION = {
    "METADATA": "Metadata-Version: 2.1\nName: minutebook-toy\nVersion: 1.0\n",
    "entry_points.txt": "[minutebook.sources]\ntoy = minutebook_toy:SOURCES\nbroken = minutebook_toy:NOTHING\n",
}


def call(minute: int, seconds: int, **said: object) -> dict[str, object]:
    created = f"{DAY}T10:0{minute}:00+00:00"
    return {
        "id": f"call-{minute}",
        "number": "n1",
        "state": "done",
        "created": created,
        "started": created,
        "ended": f"{DAY}T10:0{minute + seconds // 60}:{seconds % 60:02}+00:00",
        "dollars": "0.10",
        "parts": [{"what": "model", "dollars": "0.04"}, {"what": "platform", "dollars": "0.06"}],
        "caller": "+15550001234",
        "tea": "green",
    } | said


@pytest.fixture
def package(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Days]:
    """The package, installed after the warehouse was made, and what its provider answers."""
    installed = tmp_path / "site-packages"
    (installed / "minutebook_toy").mkdir(parents=True)
    (installed / "minutebook_toy" / "__init__.py").write_text(Path(toy.__file__).read_text())
    (installed / "minutebook_toy-1.0.dist-info").mkdir()
    for name, text in DISTRIBUTION.items():
        (installed / "minutebook_toy-1.0.dist-info" / name).write_text(text)
    days: Days = {
        "/calls": {DAY: [call(1, 61), call(2, 30), call(3, 59, number="n9")]},
        "/bill": {
            DAY: [
                {"workspace": "w1", "what": "tokens in", "dollars": "0.250000001"},
                {"workspace": "w1", "what": "tokens out", "dollars": "0.50"},
                {"workspace": None, "what": "seats", "dollars": "9.00"},
            ]
        },
    }
    with toy_server(days) as address:
        monkeypatch.syspath_prepend(str(installed))
        monkeypatch.setenv("MINUTEBOOK_TOY_URL", address)
        invalidate_caches()
        registry.cache_clear()
        yield days
    registry.cache_clear()


def test_the_package_is_short_and_holds_no_sql() -> None:
    text = Path(toy.__file__).read_text()
    assert len(text.splitlines()) < 150
    assert "select" not in text.lower()


def test_calls_of_a_package_are_billed_and_its_bill_is_in_the_margin(
    package: Days, minutebook: Minutebook, house: House
) -> None:
    minutebook("init")
    listed = minutebook("source list")
    assert "toy_calls" in listed
    assert "refused: broken = minutebook_toy:NOTHING" in listed
    minutebook("tenant create acme --name Acme --currency USD --activated-on 2026-10-01")
    minutebook("agent create acme acme-desk --name Desk")
    minutebook("credential set toy", secret=KEY)
    assert "accepts" in minutebook("credential verify toy")
    minutebook("agent attach acme acme-desk toy_number n1 --from 2026-10-01")
    minutebook("agent attach acme acme-desk toy_workspace w1 --from 2026-10-01")
    minutebook("meter create toy_minutes --name Minutes --unit minute --source toy_calls")
    minutebook("plan create toy --name Toy --currency USD")
    minutebook("plan terms toy --from 2026-10-01 --subscription-fee 10 --voice-meter toy_minutes")
    minutebook("tenant plan acme toy --from 2026-10-01")
    minutebook("price set --plan toy --meter toy_minutes --from 2026-10-01 --amount 0.50")
    minutebook(f"pull --from {DAY} --to {DAY} --source toy_calls --source toy_bill")
    minutebook("build")
    (statement,) = [one for one in json.loads(minutebook("review 2026-10 --json")) if one["tenant_id"] == "acme"]
    assert Decimal(statement["overage"]) == Decimal("1.50")  # 2 started minutes, and 1
    costs = house.execute(
        "select tenant_id, source, component, basis, amount from marts.fct_costs_daily"
        " where tenant_id is null or tenant_id = 'acme' order by source, component, tenant_id"
    )
    assert [tuple(row.values()) for row in costs] == [
        ("acme", "toy_bill", "llm", "reported_by_provider", Decimal("0.750000001")),
        (None, "toy_bill", "llm", "reported_by_provider", Decimal("9.00")),
        ("acme", "toy_calls", "model", "reported_by_voice", Decimal("0.08")),
        (None, "toy_calls", "model", "reported_by_voice", Decimal("0.04")),
        ("acme", "toy_calls", "platform", "reported_by_voice", Decimal("0.12")),
        (None, "toy_calls", "platform", "reported_by_voice", Decimal("0.06")),
    ]
    blocks = " ".join(one["what"] for one in statement["blockers"])
    assert "call-3" in blocks
    assert "toy number n9" in blocks
    assert house.execute("select field from ledger.new_fields") == [{"field": "tea"}]
    stored = house.execute("select payload::text as payload from raw_toy.calls where call_id = 'call-3'")
    assert "5550001234" not in stored[0]["payload"]  # nobody's yet, so nobody chose to keep it

    package["/bill"][DAY][0]["dollars"] = "0.30"
    minutebook(f"pull --from {DAY} --to {DAY} --source toy_bill")
    assert "0.30" in minutebook(f"pull diff --tenant acme --on {DAY} --source toy_bill")
