"""Each kind of trouble is brought about and ends: one alert for each, said once, whoever looks and wherever it dies."""

import os
import shutil
import signal
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orchestration.alerts.looking import Seen, look
from orchestration.outgoing.delivering import Sending, deliver
from orchestration.outgoing.forms import ALERTS
from orchestration.settings import Settings
from tests.intake.served import key
from tests.marts.warehouse_of_one import Warehouse, opened
from tests.outgoing.conftest import LOOPBACK
from tests.outgoing.receiver import Receiver, receiving
from warehouse.database import backup
from warehouse.database.backup import Archiver, Base
from warehouse.database.connect import Role, connect
from warehouse.operations import alerts, troubles
from warehouse.outgoing import endpoints
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

NOON = datetime(2026, 1, 20, 12, tzinfo=UTC)
YESTERDAY = date(2026, 1, 19)
Usage = namedtuple("Usage", "total used free")


@dataclass
class Watched:
    """A deployment with a tenant that has an account of its own since 2026-01-18, and the moment it is."""

    warehouse: Warehouse
    settings: Settings
    now: datetime = NOON
    vault: Vault = field(default_factory=lambda: Vault([MasterKey.generate()]))

    def look(self) -> list[tuple[str, str]]:
        """What became of alerts at one look; a second one changes nothing."""
        seen = self.seen()
        assert self.seen().changes == []
        return [(one.change, one.title) for one in seen.changes]

    def seen(self) -> Seen:
        seen = look(self.warehouse.url, self.settings, self.now)
        assert seen.unknown == []
        return seen

    def run(self, statement: str, *values: Any) -> None:
        self.warehouse.connection.execute("select set_config('minutebook.actor', 'test', false)")
        self.warehouse.connection.execute(statement, values)

    def pull(self, day: date, state: str, *, cause: str = "", is_permanent: bool = False, minutes_ago: int = 0) -> None:
        """One more pull of acme's day."""
        at = self.now - timedelta(minutes=minutes_ago)
        self.run("update ledger.pulls set state = 'superseded' where state = 'published' and usage_date = %s", day)
        self.run("insert into ledger.attempts (trigger, started_at) values ('schedule', %s)", at)
        is_failed = state == "failed"
        self.run(
            "insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, opened_at, closed_at,"
            " cause_code, cause, is_permanent) select max(attempt_id), 'vapi', 'acme', 'acme', %s, %s, %s, %s, %s, %s,"
            " %s from ledger.attempts",
            day, state, at, at, "credential_rejected" if is_permanent else "timeout" if is_failed else None,
            cause if is_failed else None, is_permanent if is_failed else None,
        )  # fmt: skip

    def listen(self, receiver: Receiver, tenant_id: str | None = None) -> None:
        with connect(self.warehouse.url, Role.OPERATOR, actor="otto") as operator:
            endpoints.create(self.vault, operator, receiver.address, ALERTS, self.now, tenant_id=tenant_id)

    def send(self) -> None:
        deliver(self.warehouse.url, Sending(self.vault, allowed=LOOPBACK), lambda: self.now, seconds=60)


@pytest.fixture
def watched(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 50, 50))
    warehouse = opened(database_url, tmp_path)
    with warehouse.connection:
        warehouse.tenant("acme", "2026-01-18")
        made = Watched(warehouse, Settings(tmp_path, database_url=database_url))
        with connect(database_url, Role.OPERATOR, actor="otto") as operator:
            made.vault.set_credential(operator, "acme", "vapi", "a key", {})
        made.run("insert into ledger.attempts (trigger, started_at) values ('schedule', %s)", NOON)
        made.pull(date(2026, 1, 18), "published")
        made.pull(YESTERDAY, "published")
        assert made.look() == []
        yield made


def test_days_that_fail_are_one_alert_until_all_are_whole(watched: Watched) -> None:
    for day in (date(2026, 1, 18), YESTERDAY):
        watched.pull(day, "failed", cause="401: Invalid Key", is_permanent=True)
    title = "2 days of vapi of acme failed, 18 Jan 2026 to 19 Jan 2026: 401: Invalid Key"
    assert watched.look() == [("opened", title)]
    watched.pull(YESTERDAY, "published")
    assert watched.look() == []  # one day is left: no news
    (alert,) = listed(watched)
    assert alert["title"].startswith("1 day of vapi of acme failed, on 18 Jan 2026")
    assert alert["fix"] == (
        "minutebook credential set vapi --tenant acme && minutebook pull --tenant acme --source vapi"
        " --from 2026-01-18 --to 2026-01-18"
    )
    watched.pull(date(2026, 1, 18), "published")
    assert watched.look() == [("resolved", alert["title"])]
    assert listed(watched) == []


def test_what_is_tried_again_by_itself_is_said_after_an_hour_and_again_when_a_person_is_needed(
    watched: Watched,
) -> None:
    watched.pull(YESTERDAY, "failed", cause="timed out")
    assert watched.look() == []
    watched.now += timedelta(hours=1, minutes=1)
    watched.pull(YESTERDAY, "failed", cause="timed out")
    assert watched.look() == [("opened", "1 day of vapi of acme failed, on 19 Jan 2026: timed out")]
    watched.pull(YESTERDAY, "failed", cause="401", is_permanent=True)
    assert watched.look() == [("worse", "1 day of vapi of acme failed, on 19 Jan 2026: 401")]
    watched.pull(YESTERDAY, "failed", cause="timed out")  # no better, and never said a third time
    assert watched.look() == []
    watched.pull(YESTERDAY, "failed", cause="401", is_permanent=True)
    assert watched.look() == []


def test_a_day_that_no_night_read_is_said_in_the_morning(watched: Watched) -> None:
    watched.run("insert into ledger.attempts (trigger, started_at) values ('schedule', %s)", NOON + timedelta(hours=15))
    watched.now = datetime(2026, 1, 21, 5, tzinfo=UTC)
    assert watched.look() == []
    watched.now = datetime(2026, 1, 21, 6, tzinfo=UTC)
    assert watched.look() == [("opened", "1 day of vapi of acme not pulled, on 20 Jan 2026")]
    watched.pull(date(2026, 1, 20), "published")
    assert [change for change, _ in watched.look()] == ["resolved"]


def test_a_night_that_did_not_run(watched: Watched) -> None:
    watched.now = datetime(2026, 1, 21, 15, tzinfo=UTC)
    assert ("opened", "no schedule has begun to pull since 20 Jan 2026, 12:00 UTC") in watched.look()
    watched.run("insert into ledger.attempts (trigger, started_at) values ('schedule', %s)", watched.now)
    assert "no schedule" in next(title for change, title in watched.look() if change == "resolved")


def test_a_build_that_fails_and_one_that_is_old(watched: Watched) -> None:
    build = "insert into ledger.builds (as_of, started_at, ended_at, fault, models_digest) values (%s, %s, %s, %s, '')"
    watched.run(build, YESTERDAY, NOON, NOON, None)
    assert watched.look() == []
    watched.run(build, YESTERDAY, NOON, NOON, "model fct_calls")
    title = "the last build of the marts failed, and readers see the one before: model fct_calls"
    assert watched.look() == [("opened", title)]
    watched.run(build, YESTERDAY, NOON, NOON, None)
    assert watched.look() == [("resolved", title)]
    watched.now += timedelta(hours=26, minutes=1)
    assert ("opened", "the marts were last built at 20 Jan 2026, 12:00 UTC") in watched.look()
    watched.run(build, YESTERDAY, watched.now, watched.now, None)
    assert ("resolved", "the marts were last built at 20 Jan 2026, 12:00 UTC") in watched.look()


def test_overage_that_stripe_refuses_or_does_not_answer_for(watched: Watched) -> None:
    watched.warehouse.put("control.meters", {"meter_id": "scans", "name": "Scans", "unit": "scan",
                                             "source": "usage_metrics", "item": "ocr"})  # fmt: skip
    posting = {"tenant_id": "acme", "meter_id": "scans", "usage_date": YESTERDAY, "version": 1, "value": 3,
               "stripe_customer_id": "cus_1", "event_name": "scans", "identifier": "a",
               "committed_at": NOON}  # fmt: skip
    watched.warehouse.put("ledger.postings", posting)
    assert watched.look() == []
    watched.now += timedelta(hours=1)
    title = "Stripe did not answer for the overage of 1 day of acme, on 19 Jan 2026"
    assert watched.look() == [("opened", title)]
    watched.run("update ledger.postings set state = 'refused', cause_code = 'c', cause = 'no such meter',"
                " resolved_at = committed_at")  # fmt: skip
    title = "Stripe refused the overage of 1 day of acme, on 19 Jan 2026: no such meter"
    assert watched.look() == [("worse", title)]
    watched.warehouse.put(
        "ledger.postings",
        posting | {"version": 2, "identifier": "b", "state": "accepted", "posted_at": NOON, "resolved_at": NOON},
    )
    assert watched.look() == [("resolved", title)]


def test_a_final_invoice_that_differs_until_it_was_compared_again(watched: Watched) -> None:
    for line, code in (("subscription", "stripe_more"), ("scans", "stripe_more"), ("calls", None)):
        watched.run(
            "insert into ledger.final_lines values"
            " ('acme', '2025-12-01', %s, 1, 2, 0, 'USD', '{}', null, %s, %s, %s, now())",
            line, code, code and "Stripe billed more", code and "look",
        )  # fmt: skip
    title = "2 lines of final invoices of acme differ from its statement of December 2025: Stripe billed more"
    assert watched.look() == [("opened", title)]
    assert listed(watched)[0]["path"] == "/invoices?month=2025-12"
    watched.run("update ledger.final_lines set code = null, what = null, what_to_do = null")
    assert watched.look() == [("resolved", title)]


def test_a_way_past_the_isolation_of_tenants(watched: Watched) -> None:
    watched.run("create view public.everything as select * from control.tenants")
    watched.run("grant select on public.everything to minutebook_tenant")
    try:
        ((change, title),) = watched.look()
    finally:
        watched.run("drop view public.everything")
    assert change == "opened"
    assert title.endswith("past the isolation of tenants, so no page is served")
    assert [change for change, _ in watched.look()] == ["resolved"]


def test_a_key_about_to_expire_until_another_replaces_it(watched: Watched) -> None:
    watched.warehouse.tenant("birch", "2026-01-20")
    token = key(watched.warehouse.url, "birch", expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    watched.run("update control.api_keys set created_at = %s, expires_at = %s", NOON, NOON + timedelta(days=13))
    ((change, title),) = watched.look()
    assert (change, title) == (
        "opened",
        f"API key {token[4:12]} of birch expires at 2 Feb 2026, 12:00 UTC, and no other one replaces it",
    )
    assert listed(watched)[0]["fix"] == "minutebook key create --tenant birch --scope events"
    key(watched.warehouse.url, "birch")
    assert watched.look() == [("resolved", title)]


def test_an_endpoint_that_takes_nothing(watched: Watched) -> None:
    with receiving() as receiver:
        watched.listen(receiver)
    failing = "update ledger.endpoint_states set failing_since = %s, gone_at = %s"
    watched.run(failing, NOON - timedelta(hours=1), None)
    ((_, title),) = watched.look()
    assert title.startswith("127.0.0.1 (ep_")
    watched.run(failing, NOON - timedelta(hours=1), NOON)
    assert [change for change, _ in watched.look()] == ["worse"]
    watched.run(failing, None, None)
    assert [change for change, _ in watched.look()] == ["resolved"]


def test_a_disk_that_fills(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, became in ((14, "opened"), (13, ""), (4, "worse"), (40, "resolved")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: Usage(100 * 2**30, 0, free * 2**30))
        assert [change for change, _ in watched.look()] == ([became] if became else [])
    (ended,) = listed(watched, since=NOON)
    assert ended["title"] == "the disk of the home folder has 4.0 GiB left, 4 %"


def test_a_disk_that_is_filled_and_freed_in_turn_is_said_once_and_ends_when_enough_is_free(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    for free in (16, 14, 16, 14, 19, 14, 20, 16, 14):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: Usage(100 * 2**30, 0, free * 2**30))
        said += [(free, change) for change, _ in watched.look()]
    assert said == [(14, "opened"), (20, "resolved"), (14, "opened")]


def test_a_backup_that_is_old_or_whose_log_fails(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.settings = replace(watched.settings, backup_folder=watched.settings.home / "copies")
    monkeypatch.setattr(Settings, "is_embedded", True)
    log = "the server cannot archive its log, so nothing since the newest copy could be restored"
    copies = {"none": [], "old": [Base(Path("20260112T115959Z"))], "new": [Base(Path("20260119T013000Z"))]}
    for copy, is_failing, said in (
        ("none", False, [("opened", "there is no copy of the embedded server yet")]),
        ("old", False, []),
        ("new", True, [("worse", log)]),
        ("new", False, [("resolved", log)]),
    ):  # fmt: skip
        monkeypatch.setattr(backup, "bases", lambda _, copy=copy: copies[copy])
        monkeypatch.setattr(backup, "archiver", lambda _, failing=is_failing: Archiver(True, None, failing))
        assert watched.look() == said


def test_two_that_look_at_once_open_one_alert_and_tell_of_it_once(watched: Watched) -> None:
    with receiving() as receiver:
        watched.listen(receiver)
        watched.pull(YESTERDAY, "failed", cause="401", is_permanent=True)
        threads = [threading.Thread(target=watched.seen) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        watched.pull(YESTERDAY, "published")
        watched.seen()
        watched.send()
    assert [(told.body["type"], told.data["level"]) for told in receiver.taken] == [
        ("alert.opened", 2),
        ("alert.resolved", 2),
    ]
    assert {told.data["alert_id"] for told in receiver.taken} == {"1"}
    assert receiver.taken[0].data["link"] == "/days/acme/2026-01-19"


@pytest.mark.parametrize("is_committed", [False, True])
def test_killed_before_or_after_it_commits_an_alert_is_told_once(watched: Watched, is_committed: bool) -> None:
    with receiving() as receiver:
        watched.listen(receiver)
        watched.pull(YESTERDAY, "failed", cause="401", is_permanent=True)
        _in_a_process_that_dies(lambda: _look_and_die(watched, is_committed=is_committed))
        assert len(listed(watched)) == is_committed
        watched.seen()
        watched.send()
        watched.send()
    assert [told.body["type"] for told in receiver.taken] == ["alert.opened"]


def test_a_channel_that_fails_holds_up_no_look_and_hears_it_all_in_order_once_it_answers(watched: Watched) -> None:
    with receiving(lambda _: 500) as receiver, receiving() as other:
        watched.listen(receiver)
        watched.listen(other, "acme")
        watched.pull(YESTERDAY, "failed", cause="401", is_permanent=True)
        watched.look()
        watched.send()
        watched.pull(YESTERDAY, "published")
        watched.look()
        watched.send()
        assert [told.body["type"] for told in other.taken] == ["alert.opened", "alert.resolved"]
        assert receiver.taken == []
        receiver.behave = lambda _: 204
        for _ in range(3):
            watched.now += timedelta(hours=1)
            watched.send()
        assert [told.body["type"] for told in receiver.taken] == ["alert.opened", "alert.resolved"]


def test_what_cannot_be_looked_at_leaves_its_alerts_and_touches_no_others(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.pull(YESTERDAY, "failed", cause="401", is_permanent=True)
    watched.look()

    def broken(connection: psycopg.Connection[Any], _: datetime) -> Iterator[troubles.Wrong]:
        connection.execute("select 1 / 0")
        yield from ()

    monkeypatch.setattr(troubles, "LOOKS", {broken: (troubles.Trouble.DAYS,), troubles.keys: (troubles.Trouble.KEY,)})
    token = key(watched.warehouse.url, "acme", expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    watched.run("update control.api_keys set created_at = %s, expires_at = %s", NOON, NOON + timedelta(days=1))
    seen = look(watched.warehouse.url, watched.settings, watched.now)
    assert list(seen.unknown) == ["days_behind: DivisionByZero"]
    assert [change.title[:16] for change in seen.changes] == [f"API key {token[4:12]}"]
    assert {alert["rule"] for alert in listed(watched)} == {"days_behind", "key_expires"}


def test_one_tenants_channel_hears_of_no_other_and_not_of_the_platform(watched: Watched) -> None:
    with receiving() as acmes, receiving() as all_of_it:
        watched.warehouse.tenant("birch", "2026-01-18")
        watched.warehouse.attach("birch", "usage_agent", "bot", "2026-01-18")
        watched.listen(acmes, "acme")
        watched.listen(all_of_it)
        watched.pull(YESTERDAY, "failed", cause="401", is_permanent=True)
        watched.look()
        watched.send()
    assert [told.data["subject"] for told in acmes.taken] == ["vapi"]
    assert sorted(told.data["subject"] for told in all_of_it.taken) == ["usage_metrics", "vapi"]


def test_a_channel_made_while_something_is_wrong_hears_what_is_open_once_and_nobody_hears_it_again(
    watched: Watched,
) -> None:
    watched.warehouse.tenant("birch", "2026-01-20")
    with receiving() as former, receiving() as later, receiving() as others:
        watched.listen(former)
        watched.pull(YESTERDAY, "failed", cause="401", is_permanent=True)
        watched.look()
        watched.send()
        assert len(former.taken) == 1
        with connect(watched.warehouse.url, Role.OPERATOR, actor="otto") as operator:
            for receiver, tenant_id, count in ((later, None, 1), (others, "birch", 0)):
                _, made = endpoints.create(
                    watched.vault, operator, receiver.address, ALERTS, watched.now, tenant_id=tenant_id
                )
                assert alerts.tell_what_is_open(operator, made["endpoint_id"], tenant_id) == count
        watched.send()
        assert (len(former.taken), len(later.taken), len(others.taken)) == (1, 1, 0)
        watched.pull(YESTERDAY, "published")
        watched.look()
        watched.send()
        assert (len(former.taken), len(later.taken), len(others.taken)) == (2, 2, 0)


def test_an_alert_of_a_tenant_goes_when_it_is_erased(watched: Watched) -> None:
    watched.pull(YESTERDAY, "failed", cause="401", is_permanent=True)
    watched.look()
    watched.run("select ledger.erase_outgoing('acme')")
    assert listed(watched) == []


def listed(watched: Watched, since: datetime | None = None) -> list[dict[str, Any]]:
    """What is open, and what ended since."""
    with connect(watched.warehouse.url, Role.OPERATOR) as operator:
        return alerts.listed(operator, since or watched.now + timedelta(days=1))


def _in_a_process_that_dies(work: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _look_and_die(watched: Watched, *, is_committed: bool) -> None:
    def die(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if is_committed:
        look(watched.warehouse.url, watched.settings, watched.now)
        die()
    settle = alerts.settle
    alerts.settle = lambda *given: (settle(*given), die())  # type: ignore[assignment,func-returns-value,return-value]
    look(watched.warehouse.url, watched.settings, watched.now)
