"""Days come back by themselves until they are whole: incomplete, failed in passing, never pulled; and no others."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import psycopg
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.defs.ingestion.jobs import pull_days_again
from orchestration.defs.ingestion.sensors import pull_days_again_when_due
from orchestration.ingestion import PullTrigger, pull_again
from orchestration.resources import Minutebook
from orchestration.settings import Settings
from sources.registry import all_sources, horizons
from tests.ingestion.house import House, call, states
from tests.ingestion.test_ingest_runs import materialised
from tests.ingestion.test_transcripts import served
from tests.sandbox.faults import FOREVER, Fault, cut_body, ok_with, status
from tests.sandbox.usage_database import TABLE
from tests.sandbox.world import VapiAccount, in_memory
from warehouse.database.connect import Role, connect
from warehouse.ingestion import retry_schedule
from warehouse.ingestion.pulls import PullKey, claim, open_attempt
from warehouse.words import moment

NOW = datetime.now(UTC)
DAY = NOW.date() - timedelta(days=2)
TALKING = call("c1", DAY) | {"status": "in-progress", "endedAt": None, "cost": 0}
LATER = "update ledger.pulls set opened_at = opened_at - %s, closed_at = closed_at - %s"


@pytest.fixture
def acme(house: House) -> House:
    """A tenant whose account is read from DAY on; yesterday is pulled and whole."""
    house.tenant("acme", since=DAY)
    house.own_vapi("acme", [call("c1", DAY)])
    house.pull(["acme"], [NOW.date() - timedelta(days=1)])
    return house


def waiting(house: House, at: datetime | None = None) -> dict[tuple[str, date], tuple[str, int, bool]]:
    """Each day that will come back: why, after how many tries, and whether it is due already."""
    at = at or datetime.now(UTC)
    with connect(house.url, Role.LOADER) as connection:
        return {
            (day.key.account, day.key.usage_date): (day.status, day.tries, day.due_at <= at)
            for day in retry_schedule.account_days(connection, at, horizons())
        }


def passes(house: House, minutes: float) -> None:
    gone = timedelta(minutes=minutes)
    house.execute(LATER, gone, gone)


def again(house: House) -> dict[tuple[str | None, date], str]:
    return states(pull_again(house.url, house.settings))


def test_a_day_with_a_call_in_progress_is_pulled_again_until_the_call_has_ended(acme: House) -> None:
    acme.sandbox.world.vapi["private-key-of-acme-at-vapi"] = VapiAccount(in_memory([TALKING]))
    acme.pull(["acme"], [DAY])
    assert waiting(acme) == {("acme", DAY): ("incomplete", 1, False)}
    assert again(acme) == {}
    passes(acme, 16)
    assert again(acme) == {("acme", DAY): "unchanged"}
    assert waiting(acme) == {("acme", DAY): ("incomplete", 2, False)}
    passes(acme, 16)
    assert waiting(acme) == {("acme", DAY): ("incomplete", 2, False)}  # the second time it waits twice as long
    acme.sandbox.world.vapi["private-key-of-acme-at-vapi"] = VapiAccount(in_memory([call("c1", DAY)]))
    passes(acme, 16)
    assert again(acme) == {("acme", DAY): "published"}
    assert waiting(acme) == {}


def test_a_day_that_failed_in_passing_comes_back_and_waits_longer_each_time(
    acme: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.http.ATTEMPTS", 1)
    monkeypatch.setattr("sources.http.budget.time.sleep", lambda seconds: None)
    acme.sandbox.faults.script("/vapi/call", cut_body(), times=FOREVER)
    monkeypatch.setattr("sources.http.LONGEST_WAIT", 0.0)
    acme.pull(["acme"], [DAY])
    waits = []
    for _ in range(8):
        with connect(acme.url, Role.LOADER) as connection:
            (day,) = retry_schedule.account_days(connection, NOW, horizons())
        ended = acme.execute("select max(closed_at) as at from ledger.pulls where usage_date = %s", DAY)[0]["at"]
        waits.append((day.due_at - ended) / timedelta(minutes=1))
        acme.execute(
            "insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, cause, is_permanent,"
            " closed_at)"
            " select attempt_id, source, account, tenant_id, usage_date, state, cause, is_permanent, closed_at"
            " from ledger.pulls where usage_date = %s order by pull_id desc limit 1",
            DAY,
        )
    assert waits == [15, 30, 60, 120, 240, 480, 720, 720]
    acme.sandbox.faults.clear()
    passes(acme, 721)
    assert again(acme) == {("acme", DAY): "published"}
    assert waiting(acme) == {}


def test_a_day_that_was_never_pulled_comes_once_the_night_should_have_been_there(house: House) -> None:
    house.tenant("acme", since=DAY)
    house.own_vapi("acme", [call("c1", DAY)])
    midnight = datetime.combine(NOW.date(), datetime.min.time(), UTC)
    found = waiting(house, midnight + timedelta(hours=11))
    assert found == {
        ("acme", DAY): ("never pulled", 0, True),
        ("acme", NOW.date() - timedelta(days=1)): ("never pulled", 0, False),
    }
    pull_again(house.url, house.settings, now=midnight + timedelta(hours=13))
    assert waiting(house) == {}
    assert house.current_calls() == {"c1"}


def test_a_rejected_key_comes_back_after_an_hour_and_a_new_key_ends_the_wait(acme: House) -> None:
    acme.execute("update control.credentials set created_at = created_at - interval '30 days'")
    acme.sandbox.world.vapi["private-key-of-acme-at-vapi"].is_rejected = True
    acme.pull(["acme"], [DAY])
    passes(acme, 50)
    assert waiting(acme) == {("acme", DAY): ("failed", 1, False)}
    passes(acme, 11)
    assert waiting(acme) == {("acme", DAY): ("failed", 1, True)}
    assert again(acme) == {("acme", DAY): "failed"}
    passes(acme, 61)
    assert waiting(acme) == {("acme", DAY): ("failed", 2, False)}
    acme.sandbox.world.vapi["new-key-of-acme-at-vapi"] = VapiAccount(in_memory([call("c1", DAY)]))
    acme.credential("acme", "vapi", "new-key-of-acme-at-vapi")
    assert waiting(acme) == {("acme", DAY): ("failed", 2, True)}
    assert again(acme) == {("acme", DAY): "published"}


def test_a_key_that_is_replaced_before_the_former_one_is_refused_ends_the_wait_too(acme: House) -> None:
    acme.sandbox.world.vapi["private-key-of-acme-at-vapi"].is_rejected = True
    acme.pull(["acme"], [DAY])
    acme.sandbox.world.vapi["new-key-of-acme-at-vapi"] = VapiAccount(in_memory([call("c1", DAY)]))
    acme.credential("acme", "vapi", "new-key-of-acme-at-vapi")
    acme.execute(
        "update control.credentials set created_at = (select max(started_at) from ledger.attempts) + interval '1 us'"
        " where retired_at is null"
    )
    assert waiting(acme) == {("acme", DAY): ("failed", 1, True)}
    assert again(acme) == {("acme", DAY): "published"}


@pytest.mark.parametrize(
    "fault",
    [
        status(404),
        status(400),
        status(402),
        ok_with({"answers": []}),
        status(403),
        status(403, body=b"<html></html>"),
        ok_with({}),
        ok_with({"message": "no", "statusCode": 429}),
    ],
)
def test_whatever_fails_comes_back_by_itself_at_growing_distances_and_heals(
    acme: House, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.http.wait_random_exponential", lambda **bounds: lambda state: 0.0)
    acme.sandbox.faults.script("/vapi/call", fault, times=FOREVER)
    acme.pull(["acme"], [DAY])
    distances = []
    for _ in range(3):
        with connect(acme.url, Role.LOADER) as connection:
            (day,) = retry_schedule.account_days(connection, NOW, horizons())
        ended = acme.execute("select max(closed_at) as at from ledger.pulls where usage_date = %s", DAY)[0]["at"]
        distances.append(day.due_at - ended)
        passes(acme, distances[-1] / timedelta(minutes=1) + 1)
        assert again(acme) == {("acme", DAY): "failed"}
    assert distances[0] * 4 == distances[1] * 2 == distances[2]
    acme.sandbox.faults.clear()
    passes(acme, 9999)
    assert again(acme) == {("acme", DAY): "published"}
    assert waiting(acme) == {}


def test_a_day_read_by_a_live_attempt_is_left_alone_and_one_of_the_dead_is_not(acme: House) -> None:
    key = PullKey("vapi", "acme", "acme", DAY)
    with open_attempt(acme.url, "cli") as attempt, connect(acme.url, Role.LOADER, autocommit=True) as loader:
        claim(loader, attempt, [key])
        passes(acme, 9999)
        assert waiting(acme) == {}
    acme.execute("update ledger.pulls set state = 'reading', closed_at = null, cause = null where usage_date = %s", DAY)
    assert waiting(acme) == {("acme", DAY): ("died", 1, True)}  # its attempt holds no lock any more
    assert again(acme) == {("acme", DAY): "published"}


def test_days_past_the_horizon_and_of_tenants_that_are_not_active_do_not_come_back(house: House) -> None:
    house.tenant("acme", since=NOW.date() - timedelta(days=30))
    house.tenant("idle", status="paused", since=NOW.date() - timedelta(days=30))
    for tenant in ("acme", "idle"):
        house.own_vapi(tenant, [])
    found = waiting(house)
    assert {account for account, _ in found} == {"acme"}
    assert min(day for _, day in found) == NOW.date() - timedelta(days=14)


def test_a_shared_account_without_tenants_comes_back_too(house: House) -> None:
    house.own_vapi(None, [TALKING])
    house.tenant("acme", since=NOW.date())
    house.pull(["acme"], [DAY], trigger=PullTrigger.SCHEDULE)
    passes(house, 16)
    assert waiting(house) == {("platform", DAY): ("incomplete", 1, True)}
    assert again(house) == {(None, DAY): "unchanged"}


def test_the_sensor_asks_once_and_the_run_marks_the_day(acme: House, instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("tenant", ["acme"])

    def tick() -> dg.RunRequest | dg.SkipReason:
        with dg.build_sensor_context(instance=instance, resources={"minutebook": Minutebook()}) as context:
            answer = pull_days_again_when_due(context)
        assert isinstance(answer, dg.RunRequest | dg.SkipReason)
        return answer

    assert isinstance(tick(), dg.SkipReason)  # people pull here: no night has been yet
    acme.execute("insert into ledger.attempts (trigger) values ('schedule')")
    asked = tick()
    assert isinstance(asked, dg.RunRequest)
    assert asked.tags["minutebook/because"] == "1 day: never pulled vapi"
    queued = instance.create_run_for_job(pull_days_again, status=dg.DagsterRunStatus.STARTED)
    assert isinstance(tick(), dg.SkipReason)
    instance.report_run_canceled(queued)
    run = pull_days_again.execute_in_process(instance=instance, resources={"minutebook": Minutebook()})
    assert run.success
    assert materialised(instance) == {f"acme|{DAY}"}
    assert isinstance(tick(), dg.SkipReason)


def test_the_command_shows_what_comes_back_and_pulls_it(acme: House) -> None:
    def run(line: str) -> str:
        result = CliRunner().invoke(app, line.split(), terminal_width=200)
        assert result.exit_code == 0, result.output
        return result.output

    (row,) = json.loads(run("pull again --dry-run --json"))
    assert (row["account"], row["usage_date"], row["status"], row["due_at"]) == (
        "acme",
        str(DAY),
        "never pulled",
        "now",
    )
    assert "published" in run("pull again")
    assert "no day is due" in run("pull again")
    assert "no day is pulled again by itself" in run("pull again --dry-run")


def test_status_and_doctor_say_when_a_failed_day_is_pulled_next(acme: House) -> None:
    acme.sandbox.world.vapi["private-key-of-acme-at-vapi"].is_rejected = True
    acme.execute("update control.credentials set created_at = created_at - interval '30 days'")
    acme.pull(["acme"], [DAY])
    with connect(acme.url, Role.LOADER) as connection:
        (day,) = retry_schedule.account_days(connection, datetime.now(UTC), horizons())
    at = f"{day.due_at:%Y-%m-%d %H:%M} UTC"
    (row,) = json.loads(CliRunner().invoke(app, ["status", "--json"]).output)
    assert (row["usage_date"], row["status"], row["next_pull"]) == (str(DAY), "failed", at)
    reported = CliRunner().invoke(app, ["doctor", "--json"]).stdout
    assert f"1 of them come back by themselves, the first on {moment(day.due_at)}" in reported


def test_after_a_long_outage_each_source_comes_back_as_far_as_its_provider_remembers(house: House) -> None:
    """Forty days without a night: days before the first one are a person's to load."""
    house.tenant("acme", since=NOW.date() - timedelta(days=200))
    house.own_vapi("acme", [])
    house.attach("acme", "usage_agent", "u1", since=NOW.date() - timedelta(days=200))

    def oldest() -> dict[str, int]:
        with connect(house.url, Role.LOADER) as connection:
            days = retry_schedule.account_days(connection, NOW, horizons())
        first = {}
        for day in days:
            first[day.key.source] = min(first.get(day.key.source, day.key.usage_date), day.key.usage_date)
        return {source: (NOW.date() - usage_date).days for source, usage_date in first.items()}

    assert oldest() == {"vapi": 14, "usage_metrics": 14}
    house.execute("insert into ledger.attempts (trigger, started_at) values ('schedule', %s)", NOW - timedelta(days=40))
    assert oldest() == {"vapi": 14, "usage_metrics": 54}
    house.execute("update ledger.attempts set started_at = %s", NOW - timedelta(days=900))
    house.execute("update control.tenant_statuses set valid_from = valid_from - 900")
    house.execute("update control.agent_attachments set valid_from = valid_from - 900")
    assert oldest() == {"vapi": 14, "usage_metrics": 400}


def test_twenty_days_without_a_night_heal_by_themselves_for_every_source(
    house: House, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each source as far back as its provider remembers, and nothing is left to come back."""
    monkeypatch.setenv("MINUTEBOOK_USAGE_DATABASE_URL", empty_database_url)
    with psycopg.connect(empty_database_url) as usage:
        usage.execute(TABLE)
    served(house, "acme")
    house.own_vapi("acme", [])
    house.attach("acme", "usage_agent", "u1")
    noon = NOW.replace(hour=12)  # yesterday is due from the hour of the night on
    last_night = NOW.date() - timedelta(days=21)
    house.execute("insert into ledger.attempts (trigger, started_at) values ('schedule', %s)", NOW - timedelta(days=20))
    house.execute("update control.tenant_statuses set valid_from = %s", last_night)

    def left() -> dict[str, int]:
        with connect(house.url, Role.LOADER) as connection:
            return Counter(day.key.source for day in retry_schedule.account_days(connection, noon, horizons()))

    missed = left()
    assert missed == {"vapi": 14, "voiceflow": 21, "voiceflow_transcripts": 21, "usage_metrics": 21}
    healed = pull_again(house.url, Settings.from_environment(), now=noon)
    assert {one.state.value for one in healed} == {"published"}
    assert {one.source for one in healed} == set(missed)
    assert left() == {}
    examined = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    noticing = [one["what"] for one in examined if one["what"].startswith("late changes of ")]
    assert noticing == [
        f"late changes of {name} are noticed {all_sources()[name].late_changes}" for name in sorted(missed)
    ]
    assert "late changes of voiceflow_transcripts are noticed only on the last 3 days" in "\n".join(noticing)


def test_doctor_knows_a_key_that_was_rejected_and_one_that_took_its_place(acme: House) -> None:
    def doctor() -> str:
        return CliRunner().invoke(app, ["doctor", "--json"]).stdout

    acme.execute("update control.credentials set created_at = created_at - interval '30 days'")
    assert "vapi credential of acme was rejected" not in doctor()
    acme.sandbox.world.vapi["private-key-of-acme-at-vapi"].is_rejected = True
    acme.pull(["acme"], [DAY])
    reported = doctor()
    assert "vapi credential of acme was rejected when it was last used" in reported
    assert "minutebook credential set vapi --tenant acme" in reported
    acme.credential("acme", "vapi", "new-key-of-acme-at-vapi")
    assert "vapi credential of acme was rejected" not in doctor()
