"""Declarations are checked when they are made; a wrong one of somebody else's is refused alone."""

from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.metadata import EntryPoint
from typing import Any

import psycopg
import pytest

from orchestration.installing import ensure_registered
from sources import vapi, voiceflow
from sources.checks.allowed import Allowed, fields
from sources.contracts import Column, Kind
from sources.registry import GROUP, all_sources, registered, registry
from sources.source import Account, InvalidSource, ScopeKind, Source

WRONG: dict[str, dict[str, Any]] = {
    "is no name": {"name": "Vapi calls"},
    "there is no contract 'call'": {"contract": "call"},
    "which is no column of it": {"key": ("id",)},
    "it declares no key": {"key": ()},
    "is of every raw table": {"columns": (Column("payload", Kind.JSON),)},
    "a column is declared twice": {"columns": (Column("call_id", Kind.TEXT),) * 2},
    "which is none of its columns": {"scope_kinds": (ScopeKind("vapi_x", column="x"),)},
    "names neither a column nor a field": {"scope_kinds": (ScopeKind("vapi_x"),)},
    "it declares no scope kind": {"scope_kinds": (), "account": Account.OWN},
    "a source of costs bills nothing": {"contract": "costs", "components": {}},
    "components are of a source of calls": {"contract": "costs", "bills": False},
    "is no number of 1 or more": {"horizon_days": 0},
    "is no day of every month": {"settles_on": 29},
    "that it does not declare": {"enabled_by": ("calls", "yes")},
    "every credential may carry": {"settings": {"requests_per_second": ()}},
    "cannot be called": {"read": None},
}


@pytest.mark.parametrize("words", WRONG)
def test_a_declaration_that_cannot_be_right_is_refused_in_words(words: str) -> None:
    with pytest.raises(InvalidSource, match=words):
        replace(vapi.CALLS, **WRONG[words])


TOY = replace(vapi.CALLS, name="toy", provider="toy", scope_kinds=(), address="TOY_URL")
NOT_A_SOURCE = "toy"
SAME_NAME = replace(TOY, name="vapi")
TAKEN_KIND = replace(vapi.CALLS, name="other", provider="other", address="OTHER_URL")
BOTH = (TOY, replace(TOY, name="toy_too"))


def test_what_a_package_declares_wrongly_is_refused_alone_and_named() -> None:
    named = ("TOY", "NOT_A_SOURCE", "SAME_NAME", "TAKEN_KIND", "MISSING")
    others = [EntryPoint(name.lower(), f"{__name__}:{name}", GROUP) for name in named]
    found = registered([*vapi.SOURCES, *voiceflow.SOURCES], others)
    assert list(found.sources) == ["vapi", "voiceflow", "voiceflow_transcripts", "toy"]
    refused = {one.name.split()[0]: one.why for one in found.refused}
    assert refused.keys() == {"not_a_source", "same_name", "taken_kind", "missing"}
    assert "there is one of that name already" in refused["same_name"]
    assert "scope kind 'vapi_assistant' is of provider vapi" in refused["taken_kind"]


def test_of_a_package_with_a_wrong_source_none_is_taken() -> None:
    found = registered([], [EntryPoint("both", f"{__name__}:BOTH", GROUP)])
    assert (found.sources, len(found.refused)) == ({}, 1)


def test_every_folder_exports_its_sources_and_nothing_is_refused_here() -> None:
    assert set(all_sources()) >= {"vapi", "voiceflow", "voiceflow_transcripts", "usage_metrics"}
    assert registry().refused == ()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Source:
    """A source whose package is installed beside a warehouse that stands."""
    source = Source(
        name="later",
        provider="later",
        table="bills",
        contract="costs",
        bills=False,
        read=print,  # type: ignore[arg-type] # never called
        connect=print,
        verify=print,
        stored=Allowed(fields("what")),
        facts=("what",),
    )
    monkeypatch.setattr("orchestration.installing.all_sources", lambda: {**all_sources(), "later": source})
    return source


def test_a_source_that_is_registered_later_gets_its_table_in_a_warehouse_that_stands(
    database_url: str, later: Source
) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        before = owner.execute("select source from control.sources order by 1").fetchall()
        ensure_registered(database_url)
        ensure_registered(database_url)
        after = owner.execute("select source from control.sources order by 1").fetchall()
        assert {name for (name,) in after} - {name for (name,) in before} == {"later"}
        owner.execute("set role minutebook_loader")
        owner.execute(
            "insert into raw_later.bills_landing (account, usage_date, pull_id, grain, service, line_item, payer,"
            " amount, currency, payload) values ('platform', '2026-10-01', 1, 'day', 'llm', 'tokens',"
            " 'provider_account', '0.12345678901234567890123', 'USD', '{}')"
        )
        owner.execute("set role minutebook_transformer")
        (row,) = owner.execute("select source, amount::text from contracts.costs").fetchall()
        assert row == ("later", "0.12345678901234567890123")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute("delete from raw_later.bills")


def test_a_day_is_final_once_it_was_looked_back_at_and_its_month_is_settled() -> None:
    source = replace(vapi.CALLS, look_back_days=3)
    assert source.final_after(date(2026, 2, 27)) == datetime(2026, 3, 3, tzinfo=UTC)
    settled = replace(source, settles_on=3)
    assert settled.final_after(date(2026, 2, 1)) == datetime(2026, 3, 3, tzinfo=UTC)
    assert settled.final_after(date(2026, 2, 28)) == datetime(2026, 3, 4, tzinfo=UTC), "looked back at for longer"
    assert settled.final_after(date(2026, 12, 31)) == datetime(2027, 1, 4, tzinfo=UTC)
    assert settled.final_after(date(2026, 12, 1)) == datetime(2027, 1, 3, tzinfo=UTC)
