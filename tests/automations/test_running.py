"""Workflows go on once, whatever dies; one tenant's touch no other's; and nobody is followed who was not to be."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from orchestration.automations.running import run_due
from orchestration.remedies import word
from orchestration.settings import Settings, SettingsError
from sources.day import Access as Credential
from sources.day import Day
from sources.langgraph import WORKFLOWS
from sources.personal import Choices, Keep
from tests.automations.conftest import Works
from tests.intake.served import login_of
from tests.outgoing.receiver import until
from warehouse.automations import runs, threads
from warehouse.control.tenants import set_flag
from warehouse.database.connect import Role, connect
from warehouse.operations import troubles
from warehouse.security.database_logins import Access

ALL = Choices(Keep.KEPT, Keep.KEPT, Keep.KEPT)


def test_each_call_that_ended_is_followed_once_from_the_day_of_the_flag(works: Works) -> None:
    works.calls("acme", "before", days_ago=2)
    works.calls("acme", "old", days_ago=9)
    works.calls("acme", "going-on", outcome="in progress")
    works.calls("acme", "c1")
    works.calls("birch", "other")
    assert works.begin() == 0, "no flag, no run"
    works.follow("acme", steps=1)
    assert works.begin() == 1
    assert works.begin() == 0
    assert works.run_here().states == {"acme": {"done": 1}}
    works.monkeypatch.setenv("AUTOMATIONS_VERSION", "2")
    works.calls("acme", "c2")
    assert works.begin() == 1, "another version follows no call again"
    works.run_here()
    assert works.states() == {"c1": "done", "c2": "done"}
    assert works.effects("c1") == {"a": 1, "b": 1, "c": 1}
    assert {row["version"] for row in works.rows("select version from ledger.automation_runs")} == {"1", "2"}
    works.follow("acme", steps=30)
    assert works.begin() == 1, "three days back and no further: nobody is called back for a backfill"
    assert works.states()["before"] == "open"


@pytest.mark.parametrize("dies", ["a before", "b before", "b after", "c after"])
def test_a_process_that_is_killed_between_steps_is_resumed_once(works: Works, dies: str) -> None:
    works.fork()
    works.monkeypatch.setenv("AUTOMATIONS_DIES", dies)
    works.calls("acme", "c1")
    works.follow("acme", steps=0)
    works.begin()
    result = works.run()
    assert result.states == {"acme": {"failed": 1}}
    assert result.faults == {"acme": "its process ended with -9"}
    assert works.states() == {"c1": "open"}
    assert works.run().states == {}, "not at once"
    works.wait(minutes=2)
    assert works.run().states == {"acme": {"done": 1}}
    works.wait(days=1)
    assert works.run().states == {}
    node, when = dies.split()
    wanted = {"a": 1, "b": 1, "c": 1}
    if when == "after":
        wanted[node] = 2  # it had its effect, and the step was not stored: at least once, under the same key
    assert works.effects("c1") == wanted


def test_one_that_sleeps_goes_on_when_its_time_has_come_and_not_before(works: Works) -> None:
    works.calls("acme", "c1")
    works.follow("acme", drip=0)
    works.begin()
    assert works.run_here().states == {"acme": {"asleep": 1}}
    works.wait(days=1, hours=23)
    assert works.run_here().states == {}
    works.wait(hours=2)
    assert works.run_here().states == {"acme": {"done": 1}}
    assert works.effects("c1") == {"first": 1, "late": 1}


def test_a_person_is_asked_and_an_answer_is_of_one_question(works: Works) -> None:
    works.calls("acme", "c1")
    works.follow("acme", asking=0)
    works.begin()
    works.run_here()
    thread_id = "acme/asking/acme/vapi/c1"
    with connect(works.url, Role.OPERATOR, actor="otto", autocommit=True) as connection:
        (row,) = runs.listed(connection)
        assert (row["state"], row["question"]) == ("asks", '{"may": "it go on?"}')
        assert works.run_here().states == {}, "it waits for as long as it takes"
        runs.answer(connection, thread_id, "yes", works.now())
        with pytest.raises(runs.RunRefused, match="asks nothing"):
            runs.answer(connection, thread_id, "no", works.now())
        former = works.rows("select question_id from ledger.automation_runs")[0]["question_id"]
        assert works.run_here().states == {"acme": {"asks": 1}}
        # As if its process had died when it had reached the second question, before it could say so.
        works.rows("update ledger.automation_runs set question_id = %s, answer = 'yes', due_at = 'epoch'", former)
        assert works.run_here().states == {"acme": {"asks": 1}}
        runs.answer(connection, thread_id, "no", works.now())
        works.run_here()
    assert works.effects("c1") == {"yes": 1, "no": 1, "last": 1}


def test_what_fails_or_dies_for_one_tenant_touches_no_other(works: Works) -> None:
    works.calls("acme", "c1", "c2")
    works.calls("birch", "d1", "d2", "d3")
    works.follow("acme", steps=0)
    works.follow("birch", exits=0, fails=0)
    works.begin()
    result = works.run()
    assert result.states["acme"] == {"done": 2}
    assert result.states["birch"]["failed"] >= 1
    assert list(result.faults) == ["birch"]


def test_one_that_hangs_is_ended_when_its_time_is_over(works: Works) -> None:
    class Timer(threading.Thread):
        """Its time is over once it hangs."""

        def __init__(self, _: float, end: Callable[[int], None], arguments: list[int]) -> None:
            super().__init__(daemon=True)
            self.end, self.arguments = end, arguments

        def run(self) -> None:
            until(lambda: "hang" in works.effects("d1"), 300)
            self.end(*self.arguments)

        def cancel(self) -> None:
            pass

    works.monkeypatch.setattr("orchestration.automations.running.threading.Timer", Timer)
    works.calls("birch", "d1")
    works.follow("birch", hangs=0)
    works.begin()
    result = works.run()
    assert result.states == {"birch": {"failed": 1}}
    assert set(result.faults) == {"birch"}
    assert works.states() == {"d1": "open"}


def test_two_passes_at_once_take_each_run_once(works: Works) -> None:
    works.fork()
    names = [f"c{number}" for number in range(12)]
    works.calls("acme", *names[:6])
    works.calls("birch", *names[6:])
    for tenant in ("acme", "birch"):
        works.follow(tenant, steps=0)
    works.begin()
    with ThreadPoolExecutor(2) as both:
        results = list(both.map(lambda _: works.run(), range(2)))
    assert sum(states.get("done", 0) for one in results for states in one.states.values()) == 12
    assert set(works.states().values()) == {"done"}
    assert all(works.effects(name) == {"a": 1, "b": 1, "c": 1} for name in names)


def test_a_thread_that_another_process_has_is_left_to_it(works: Works) -> None:
    works.fork()
    works.calls("acme", "c1")
    works.follow("acme", steps=0)
    works.begin()
    with threads.opened(works.login, "acme") as other, threads.alone(other, "acme/steps/acme/vapi/c1") as is_ours:
        assert is_ours
        assert works.run().states == {"acme": {"busy": 1}}
    assert works.effects("c1") == {}
    works.wait(minutes=2)
    assert works.run().states == {"acme": {"done": 1}}


@pytest.mark.resolves("automation_fails")
def test_one_that_fails_for_good_is_found_and_taken_on_by_what_is_printed(works: Works) -> None:
    works.calls("acme", "c1")
    works.follow("acme", fails=0)
    works.begin()
    for _ in range(len(runs.DISTANCES) + 1):
        assert works.run_here().states == {"acme": {"failed": 1}}
        works.wait(hours=3)
    assert works.states() == {"c1": "failed"}
    assert works.run_here().states == {}

    def found() -> list[Any]:
        with connect(works.url, Role.OPERATOR, actor="otto") as connection:
            return list(troubles.automations(connection, works.now()))

    (wrong,) = found()
    words = word(wrong.finding)
    assert words.what == "1 run of fails of acme failed: TimeoutError", "and not what it said"
    assert "minutebook automation retry acme fails" in words.fix
    with connect(works.url, Role.OPERATOR, actor="otto") as connection:
        assert runs.retry(connection, "acme", "fails", works.now()) == 1
    assert found() == []
    works.wait(hours=2)
    (wrong,) = found()
    assert "nothing takes it on" in word(wrong.finding).what
    with connect(works.url, Role.OPERATOR, actor="otto") as connection:
        runs.end(connection, "acme/fails/acme/vapi/c1", works.now())
    assert found() == []


def test_a_flag_that_is_taken_away_and_a_tenant_that_is_closed_stop_what_sleeps(works: Works) -> None:
    works.calls("acme", "c1")
    works.calls("birch", "d1")
    for tenant in ("acme", "birch"):
        works.follow(tenant, drip=0)
    works.begin()
    works.run_here()
    with connect(works.url, Role.OPERATOR, actor="otto") as connection:
        set_flag(connection, "acme", "automations", False)
    works.rows(
        "insert into control.tenant_statuses (tenant_id, valid_from, status) values ('birch', %s, 'closed')",
        works.now().date(),
    )
    works.wait(days=3)
    assert works.run_here().states == {}
    assert works.effects("c1") == works.effects("d1") == {"first": 1}


def test_its_process_has_neither_our_keys_nor_our_addresses(works: Works, caplog: pytest.LogCaptureFixture) -> None:
    works.monkeypatch.setenv("STRIPE_SECRET", "no")
    works.monkeypatch.setenv("AUTOMATIONS_MODEL", "small")
    works.calls("acme", "c1")
    works.follow("acme", looks=0)
    works.begin()
    with caplog.at_level(logging.WARNING):
        assert works.run().states == {"acme": {"done": 1}}
    names = set(works.effects_file.read_text().split()[1:])
    assert {"AUTOMATIONS_MODEL", "AUTOMATIONS_EFFECTS"} <= names
    assert not {"STRIPE_SECRET", "AUTOMATIONS_DATABASE_URL"} & names
    assert {name for name in names if name.startswith("MINUTEBOOK_")} <= {"MINUTEBOOK_CLOCK_OFFSET"}
    assert "a word for the log" in caplog.text


def test_without_a_login_of_its_own_or_a_module_nothing_runs(works: Works) -> None:
    settings = Settings.from_environment()
    with settings.database() as url, pytest.raises(SettingsError, match="MINUTEBOOK_AUTOMATIONS is not set"):
        run_due(url, replace(settings, automations=None))
    bare = replace(settings, process_urls={})
    with bare.database() as url, pytest.raises(SettingsError, match="access grant --role automations"):
        run_due(url, bare)
    with settings.database() as url, pytest.raises(SettingsError, match="no name of a Python module"):
        run_due(url, replace(settings, automations="a b"))


def test_a_module_that_cannot_be_imported_fails_its_runs_and_says_so(works: Works) -> None:
    works.monkeypatch.setenv("MINUTEBOOK_AUTOMATIONS", "tests.automations.nowhere")
    works.calls("acme", "c1")
    works.follow("acme", steps=0)
    works.begin()
    assert works.run().states == {"acme": {"failed": 1}}
    assert works.rows("select fault from ledger.automation_runs") == [{"fault": "its process could not begin"}]


def test_its_runs_are_metered_like_any_workflow(works: Works) -> None:
    works.calls("acme", "c1", "c2")
    works.calls("birch", "d1")
    for tenant in ("acme", "birch"):
        works.follow(tenant, steps=0)
    works.begin()
    works.run_here()
    with login_of(works.url, Access.LOADER) as login:
        client = WORKFLOWS.connect(
            Credential(f"{login}?options=-c%20role%3Dminutebook_loader%20-c%20search_path%3Dautomations", {})
        )
        try:
            today = date.fromisoformat(
                works.rows("select max(left(checkpoint ->> 'ts', 10)) as day from automations.checkpoints")[0]["day"]
            )
            read = WORKFLOWS.read(client, Day(today, choices=ALL, choices_of=lambda scopes: ALL))
        finally:
            client.close()
    counted = {(row["scope_ref"], row["item"]): int(row["quantity"]) for row in read.table.to_pylist()}
    assert counted["acme", "invocations"] == 2
    assert counted["birch", "invocations"] == 1
    assert counted["acme", "supersteps"] == 6
