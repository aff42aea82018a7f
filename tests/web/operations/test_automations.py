"""The page of automations: where each run stands, in words, and what a person may do about it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from orchestration.web.operations.automations import Standing, standing
from tests.web.signing import form_token

Visit = Callable[[str], httpx.Client]
NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
RUN = {"state": "open", "due_at": None, "attempts": 0, "fault": None, "begun_at": NOW, "ended_at": None}
SOON, LATER = NOW + timedelta(minutes=19), NOW + timedelta(days=2)
ASKS = "acme-dental/follow-up/acme-dental/vapi/acme-dental-call-88"
SLEEPS = "acme-dental/drip/acme-dental/vapi/acme-dental-call-88"


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"begun_at": None}, Standing("not begun", "", "within a minute or two", None, "")),
        ({"due_at": NOW}, Standing("due", "", "within a minute or two", None, "")),
        ({"due_at": SOON}, Standing("under way, or asleep for minutes", "", "by", SOON, "")),
        ({"due_at": LATER}, Standing("asleep", "", "at", LATER, "")),
        ({"due_at": SOON, "attempts": 2, "fault": "TimeoutError"},
         Standing("is tried again", "incomplete", "by", SOON, "attempt 2 of 5: it raised TimeoutError")),
        ({"state": "failed", "attempts": 5, "fault": "its process was ended"},
         Standing("failed", "failed", "not by itself", None, "after 5 attempts: its process was ended")),
        ({"state": "asks"}, Standing("asks a person", "incomplete", "once it is answered", None, "")),
        ({"state": "done", "ended_at": NOW}, Standing("done", "good", "it is over", NOW, "")),
        ({"state": "ended", "ended_at": NOW, "fault": "its call was forgotten"},
         Standing("ended", "", "it is over", NOW, "its call was forgotten")),
    ],
)  # fmt: skip
def test_a_run_stands_in_words(run: dict[str, Any], words: Standing) -> None:
    assert standing({**RUN, **run}, NOW) == words


def test_runs_are_listed_answered_taken_on_again_and_ended(visit: Visit, story_url: str) -> None:
    otto = visit("otto")
    page = otto.get("/automations").text
    assert "May this go to &lt;b&gt;Ann&lt;/b&gt;?" in page
    assert "5 Nov 2099, 09:00" in page
    assert "attempt 3 of 5: it raised TimeoutError" in page
    assert "After 5 attempts: its process could not begin" in page
    of_call = "/tenants/acme-dental/calls/2026-10-30/vapi/acme-dental-call-88"
    assert f'href="{of_call}"' in page
    assert otto.get(of_call).status_code == 200
    own = {"form_token": form_token(page)}

    def act(**fields: str) -> int:
        return otto.post("/automations/act", data={**own, **fields}).status_code

    assert act(act="answer", run=ASKS, answer=" ") == 409
    assert act(act="answer", run=ASKS, answer="yes") == 303
    assert act(act="retry", tenant="corner-vet", automation="follow-up") == 303
    assert act(act="end", run=SLEEPS) == 303
    assert (act(act="end", run=SLEEPS), act(act="answer", run=ASKS, answer="no"), act(act="odd")) == (409, 409, 409)
    with psycopg.connect(story_url) as connection:
        found = connection.execute(
            "select automation || ' of ' || tenant_id, state, answer, due_at > 'epoch' from ledger.automation_runs"
            " where tenant_id in ('acme-dental', 'corner-vet') order by thread_id"
        ).fetchall()
    assert found == [
        ("drip of acme-dental", "ended", None, None),
        ("follow-up of acme-dental", "open", "yes", True),
        ("follow-up of corner-vet", "open", None, True),
    ]


def test_one_tenants_runs_are_found_and_their_absence_is_said(visit: Visit, story_url: str) -> None:
    otto = visit("otto")
    page = otto.get("/automations?tenant=bright-smiles").text
    assert re.findall("<bdi[^>]*>(.*?)</bdi>", page) == ["Bright Smiles"] * 2
    assert "There is no run of" in otto.get("/automations?tenant=nobody").text
    with psycopg.connect(story_url) as connection:
        connection.execute("delete from ledger.automation_runs")
    assert "No run yet." in otto.get("/automations").text


def test_finance_reads_and_does_nothing(visit: Visit) -> None:
    ana = visit("ana")
    page = ana.get("/automations").text
    assert "May this go to" in page
    assert "/automations/act" not in page
    token = form_token(ana.get("/credits").text)
    asked = {"form_token": token, "act": "end", "run": SLEEPS}
    assert ana.post("/automations/act", data=asked).status_code == 403
