"""Published answers of real accounts, and those that Twilio prints: each is read as it must be.

Built rows of the same shape are read by the tests beside this one, where no published file is.
"""

import math
from collections import Counter
from datetime import date
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sources import twilio
from sources.day import Access, Day
from sources.errors import ContractBroken, NotYetReported
from sources.reading import Reading
from sources.testing import KEPT, Request, serving
from tests.sources.twilio.conftest import KEY

PAYLOADS = Path(__file__).parents[4] / "shared/payloads/twilio"
pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the published payloads are not here")
OFFICIAL = "AC" + "a" * 32
REAL = "ACdade166c12e160e9ed0a6088226718fb"
NAMES = {"Calls": "calls", "Recordings": "recordings", "Messages": "messages", "Daily": "usage_records"}


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((PAYLOADS / f"{name}.json").read_bytes())
    return found


def read(pages: dict[str, dict[str, Any]], account: str, day: date) -> tuple[Reading, list[Request]]:
    """The day from an account that answers with these pages, by the last part of their path; else with none."""
    asked: list[Request] = []

    def answer(request: Request) -> tuple[int, bytes]:
        asked.append(request)
        name = request.path.rpartition("/")[2].removesuffix(".json")
        page = pages.get(f"{name}?{request.query}") or pages.get(name) or {NAMES[name]: [], "next_page_uri": None}
        return 200, msgspec.json.encode(page)

    with serving(answer) as address:
        client = twilio.connect(Access("secret-of-the-key", {"account_sid": account, "api_key_sid": KEY}, address))
        reads = twilio.read_bill if "Daily" in pages else twilio.read_details
        return reads(client, Day(day, "acme", choices_of=lambda _: KEPT)), asked


def amounts(reading: Reading) -> list[Decimal]:
    return [Decimal(row["amount"]) for row in reading.table.to_pylist() if row["amount"] is not None]


def by_day(rows: list[dict[str, Any]]) -> dict[date, list[dict[str, Any]]]:
    found: dict[date, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(parsedate_to_datetime(row["start_time"]).date(), []).append(row)
    return found


def test_each_real_call_costs_its_whole_minutes() -> None:
    page = sample("calls_priced_real")
    total, seconds, minutes = Decimal(0), 0, 0
    for day, calls in by_day(page["calls"]).items():
        reading, _ = read({"Calls": page}, REAL, day)
        assert reading.table.num_rows == len(calls), "of the page only the day's calls are taken"
        total += sum(amounts(reading))
        for row in reading.table.to_pylist():
            seconds += int(row["quantity"])
            minutes += math.ceil(int(row["quantity"]) / 60)
            assert Decimal(row["amount"]) == math.ceil(int(row["quantity"]) / 60) * Decimal("0.0085")
    assert (total, minutes, seconds) == (Decimal("0.1360"), 16, 439)


def test_the_recordings_of_a_real_call_are_more_than_the_call() -> None:
    day = date(2022, 6, 17)
    pages = {"Calls": sample("calls_priced_real"), "Recordings": sample("recordings_of_one_call_real")}
    found = read(pages, REAL, day)[0].table.to_pylist()
    (call,) = [row for row in found if row["call_ref"] == "CAe71d3c7533543b5c81b1be3fc5affa2b"]
    recordings = [Decimal(row["amount"]) for row in found if row["parent_ref"] == call["call_ref"]]
    assert sum(recordings) == Decimal("0.0425")
    assert sum(recordings) + Decimal(call["amount"]) == Decimal("0.0595")


def test_real_busy_calls_without_a_price_cost_0_and_are_not_pending() -> None:
    reading, _ = read({"Calls": sample("calls_busy_null_price_real")}, REAL, date(2023, 3, 15))
    assert amounts(reading) == [0] * 4
    assert not any(row["is_pending"] for row in reading.table.to_pylist())


def test_a_real_message_is_read_without_its_words() -> None:
    reading, _ = read({"Messages": sample("messages_inbound_real")}, REAL, date(2022, 3, 17))
    assert amounts(reading) == [Decimal("0.0075")]
    assert "text removed" not in str(reading.table.to_pylist())


def test_the_official_pages_are_followed_as_they_stand_and_their_currencies_kept_apart() -> None:
    first, second = sample("calls_page1_official"), sample("calls_page2_official")
    query = first["next_page_uri"].partition("?")[2]
    pages = {"Calls": first, f"Calls?{query}": second | {"next_page_uri": None}}
    both = [*first["calls"], *second["calls"]]
    if any(count > 1 for count in Counter(row["sid"] for row in both).values()):
        for number, row in enumerate(both):  # the examples name one call on both pages
            row["sid"] = f"CA{number:032x}"
    reading, asked = read(pages, OFFICIAL, date(2019, 10, 18))
    assert asked[1].query == query
    currencies = Counter(row["currency"] for row in reading.table.to_pylist())
    assert currencies.keys() == {"USD", "JPY"}
    assert reading.table.num_rows == len(both)


@pytest.mark.parametrize(
    ("name", "kind", "day"),
    [
        ("messages_page1_official", "Messages", date(2019, 5, 24)),
        ("recordings_official", "Recordings", date(2016, 10, 14)),
    ],
)
def test_the_official_messages_and_recordings_are_read(name: str, kind: str, day: date) -> None:
    page = sample(name) | {"next_page_uri": None}
    reading, _ = read({kind: page}, OFFICIAL, day)
    assert reading.table.num_rows == len(page[kind.lower()])
    assert reading.quarantined == ()
    assert reading.new_fields == frozenset()
    assert all(amount > 0 for amount in amounts(reading))


def test_the_official_empty_page_is_unknown() -> None:
    with pytest.raises(NotYetReported):
        read({"Daily": sample("usage_records_daily_empty_official")}, OFFICIAL, date(2026, 3, 2))


def test_the_official_total_alone_is_a_day_of_one_other_line() -> None:
    page = sample("usage_records_totalprice_official")
    for row in page["usage_records"]:
        row["start_date"] = row["end_date"] = "2026-03-02"
    reading, _ = read({"Daily": page}, OFFICIAL, date(2026, 3, 2))
    assert [(row["line_item"], row["amount"]) for row in reading.table.to_pylist()] == [("other", "2192.84855")]
    assert reading.new_fields == frozenset()


def test_the_official_record_without_a_total_is_no_bill() -> None:
    page = sample("usage_records_daily_official")
    for row in page["usage_records"]:
        row["start_date"] = row["end_date"] = "2026-03-02"
    with pytest.raises(ContractBroken, match="no totalprice"):
        read({"Daily": page}, OFFICIAL, date(2026, 3, 2))
