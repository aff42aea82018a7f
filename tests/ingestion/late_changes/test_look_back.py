"""A source whose days are final later than those of the night is read further back by it."""

from dataclasses import replace
from datetime import date

import pytest

from orchestration import ingestion
from orchestration.ingestion.outcomes import AccountDay
from sources import vapi

TODAY = date(2026, 10, 20)
DAYS = [
    AccountDay("vapi", account, date(2026, 10, day), ()) for account in ("platform", "acme") for day in (17, 18, 19)
]


def test_the_night_reads_no_further_than_its_own_days_by_itself() -> None:
    assert ingestion.looked_back(DAYS, TODAY) == frozenset()


def test_a_declared_look_back_adds_each_accounts_days_before_those(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingestion, "source_named", lambda name: replace(vapi.CALLS, look_back_days=5))
    dates = {date(2026, 10, 15), date(2026, 10, 16)}
    assert ingestion.looked_back(DAYS, TODAY) == {("vapi", a, d) for a in ("platform", "acme") for d in dates}
