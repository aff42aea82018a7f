"""What becomes an event, from the rows that the product writes; each payload holds to its schema."""

from datetime import date, timedelta
from typing import Any

import jsonschema
import msgspec
import psycopg
import pytest

from orchestration.marts.building import recorded
from orchestration.outgoing.contract import EVENTS, schemas
from tests.outgoing.conftest import Outbox
from tests.outgoing.receiver import Receiver, Told, receiving
from warehouse.outgoing import outbox as door

DAY = date(2025, 3, 4)
SCHEMAS = {name: msgspec.json.decode(schema) for name, schema in schemas().items()}


def heard(outbox: Outbox, receiver: Receiver) -> list[Told]:
    """What came since it was last asked, each of its schema."""
    outbox.deliver()
    told = list(receiver.taken)
    receiver.taken.clear()
    for one in told:
        jsonschema.validate(one.body, SCHEMAS[one.body["type"]], format_checker=jsonschema.FormatChecker())
    return told


def types(told: list[Told]) -> list[str]:
    return [one.body["type"] for one in told]


def owner(outbox: Outbox, statement: str, *values: Any) -> Any:
    """Run a statement as the owner of the database, and commit."""
    with psycopg.connect(outbox.url) as connection:
        connection.execute("select set_config('minutebook.actor', 'test', false)")
        answer = connection.execute(statement, values)  # type: ignore[call-overload]
        return answer.fetchone()[0] if answer.description else None


def pull(outbox: Outbox, state: str, *, cause_code: str = "", closed_at: str = "2025-03-06", hash_of: str = "a") -> int:
    """One more pull of acme's day, in that state; what was published before is superseded."""
    attempt = owner(outbox, "insert into ledger.attempts (trigger) values ('cli') returning attempt_id")
    made = owner(
        outbox,
        "insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date)"
        " values (%s, 'vapi', 'acme', 'acme', %s) returning pull_id",
        attempt,
        DAY,
    )
    with psycopg.connect(outbox.url) as connection:
        if state == "published":
            connection.execute("update ledger.pulls set state = 'superseded' where state = 'published'")
        cause = (cause_code, "it failed", False) if state == "failed" else (None, None, None)
        connection.execute(
            "update ledger.pulls set state = %s, closed_at = %s, cause_code = %s, cause = %s, is_permanent = %s,"
            " content_hash = %s, row_count = 0 where pull_id = %s",
            [state, closed_at, *cause, hash_of, made],
        )
    return int(made)


def test_a_day_that_fails_is_told_once_for_each_cause(outbox: Outbox) -> None:
    with receiving() as receiver:
        outbox.listen(receiver)
        first = pull(outbox, "failed", cause_code="unauthorized")
        pull(outbox, "failed", cause_code="unauthorized")
        pull(outbox, "failed", cause_code="timeout")
        told = heard(outbox, receiver)
    assert [(one.data["cause_code"], one.data["pull_id"]) for one in told] == [
        ("unauthorized", first),
        ("timeout", first + 2),
    ]
    assert told[0].data["link"] == "/days/acme/2025-03-04"
    assert types(told) == ["day.failed"] * 2


def test_a_day_is_restated_when_it_was_over_and_holds_something_else(outbox: Outbox) -> None:
    with receiving() as receiver:
        outbox.listen(receiver)
        pull(outbox, "published", closed_at="2025-03-04 11:00+00")
        pull(outbox, "published", closed_at="2025-03-05 01:00+00", hash_of="b")
        assert heard(outbox, receiver) == [], "while a day goes on it is not restated"
        newest = pull(outbox, "published", closed_at="2025-03-07 01:00+00", hash_of="c")
        (told,) = heard(outbox, receiver)
    assert told.body["type"] == "day.restated"
    assert told.data["pull_id"] == newest
    assert told.data["replaces_pull_id"] == newest - 1


def test_statements_are_told_in_the_transaction_that_approves_corrects_and_closes_them(outbox: Outbox) -> None:
    def period(start: str, state: str) -> str:
        return (
            f"insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
            f" values ('acme', '{start}', '{start[:8]}28', '{state}', "
            f" {'null' if state == 'in_review' else repr('f00')})"
            " on conflict (tenant_id, period_start) do update set state = excluded.state,"
            " manifest_hash = excluded.manifest_hash"
        )

    line = (
        "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, amount, currency,"
        " service_period_start, service_period_end, corrects_line_id, inputs)"
        " values ('acme/2025-02-01/adjustment/'||%s, 'acme', '2025-02-01', 'adjustment', 1, 'USD', '2025-01-01',"
        " '2025-02-01', 'acme/2025-01-01/overage/'||%s, '{}')"
    )
    with receiving() as receiver:
        outbox.listen(receiver)
        owner(outbox, period("2025-01-01", "in_review"))
        owner(outbox, period("2025-01-01", "approved"))
        owner(outbox, period("2025-01-01", "approved"))
        owner(outbox, period("2025-02-01", "in_review"))
        owner(outbox, line, "minutes", "minutes")
        owner(outbox, period("2025-01-01", "closed"))
        told = heard(outbox, receiver)
    assert types(told) == ["statement.approved", "statement.corrected", "statement.closed"]
    assert told[1].data["carried_by"] == "2025-02-01"
    assert {one.data["period_start"] for one in told} == {"2025-01-01"}
    assert told[0].data["link"] == "/periods/acme/2025-01-01"


def test_a_quota_that_is_crossed_is_told_and_one_that_recovers_is_not(outbox: Outbox) -> None:
    crossing = (
        "insert into ledger.quota_alerts (tenant_id, period_start, quota, threshold, event, used, allowed, unit)"
        " values ('acme', '2025-03-01', 'voice_minutes', 80, %s, 81, 100, 'minute')"
    )
    with receiving() as receiver:
        outbox.listen(receiver)
        owner(outbox, crossing, "crossed")
        owner(outbox, crossing, "recovered")
        (told,) = heard(outbox, receiver)
    assert (told.body["type"], told.data["quota"], told.data["threshold_percent"]) == (
        "quota.crossed",
        "voice_minutes",
        80,
    )


MARTS = """
create table marts.fct_calls (
    tenant_id text, agent_id text, call_id text, source text, account text, pull_id bigint, usage_date date,
    outcome text, direction text, ended_reason text, connected_seconds numeric, created_at timestamptz,
    started_at timestamptz, ended_at timestamptz
);
create table marts.fct_pulls_built (pull_id bigint, source text, account text, usage_date date, build_key text);
create table marts.fct_reconciliation (
    tenant_id text, meter_id text, usage_date date, is_equal boolean, finding text, difference numeric
);
grant select on all tables in schema marts to minutebook_operator;
"""


def built(outbox: Outbox, pull_id: int, key: str, *calls: tuple[str, str | None, str]) -> int:
    """The marts hold this pull of acme's and these calls (id, tenant, outcome) of just now; how many were told."""
    with psycopg.connect(outbox.url) as connection:
        connection.execute("truncate marts.fct_calls, marts.fct_pulls_built")
        today = outbox.now().date()
        connection.execute(
            "insert into marts.fct_pulls_built values (%s, 'vapi', 'acme', %s, %s)", [pull_id, today, key]
        )
        for call_id, tenant_id, outcome in calls:
            connection.execute(
                "insert into marts.fct_calls values (%s, 'front', %s, 'vapi', 'acme', %s, %s, %s, 'inbound', 'hangup',"
                " 61.5, %s)",
                [tenant_id, call_id, pull_id, today, outcome, outbox.now()],
            )
        return door.tell_of_build(connection, today)


def test_a_call_is_completed_once_whatever_is_pulled_and_built_again(outbox: Outbox) -> None:
    owner(outbox, MARTS)
    with receiving() as receiver, receiving() as wordy:
        outbox.listen(receiver, "call.completed")
        outbox.listen(wordy, "call.completed", tenant_id="acme", has_content=True)
        one, two, three = (pull(outbox, "published") for _ in range(3))
        assert built(outbox, one, "k", ("c1", "acme", "connected"), ("c2", "acme", "in progress")) == 1
        assert built(outbox, one, "k", ("c1", "acme", "connected"), ("c2", "acme", "in progress")) == 0
        assert built(outbox, two, "k", ("c2", "acme", "never connected"), ("c3", None, "connected")) == 1
        assert built(outbox, three, "k", ("c1", "acme", "connected"), ("c3", None, "connected")) == 0
        assert built(outbox, three, "attached", ("c1", "acme", "connected"), ("c3", "acme", "connected")) == 1
        told, with_content = heard(outbox, receiver), list(wordy.taken)
    assert sorted(one.data["call_id"] for one in told) == ["c1", "c2", "c3"]
    assert all("content" not in one.data or one.data["content"] is None for one in told)
    assert told[0].data["link"].startswith("/tenants/acme/calls/")
    contents = {one.data["call_id"]: one.data["content"] for one in with_content}
    assert contents["c3"]["connected_seconds"] == "61.5"
    assert contents["c2"] is None, "what the marts do not hold any more is not sent"


def test_a_build_ends_well_although_nobody_could_be_told(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    with receiving() as receiver:
        outbox.listen(receiver, "call.completed")
        with recorded(outbox.url, outbox.now().date()):
            pass  # there are no marts to be read
    (build,) = outbox.rows("select ended_at, fault from ledger.builds")
    assert build["ended_at"] is not None
    assert build["fault"] is None
    assert "were not told" in caplog.text


def test_calls_from_before_the_endpoint_was_made_are_not_told(outbox: Outbox) -> None:
    owner(outbox, MARTS)
    with receiving() as receiver:
        made = pull(outbox, "published")
        outbox.later = timedelta(hours=1)
        outbox.listen(receiver, "call.completed")
        outbox.later = timedelta()
        assert built(outbox, made, "k", ("c1", "acme", "connected")) == 0
        outbox.later = timedelta(hours=2)
        assert built(outbox, made, "k2", ("c2", "acme", "connected")) == 1


def test_a_difference_is_told_once_as_it_is(outbox: Outbox) -> None:
    def compared(finding: str, difference: int) -> int:
        with psycopg.connect(outbox.url) as connection:
            connection.execute("truncate marts.fct_reconciliation")
            connection.execute(
                "insert into marts.fct_reconciliation values ('acme', 'minutes', %s, %s, %s, %s)",
                [DAY, finding == "equal", finding, difference],
            )
            return door.tell_of_differences(connection)

    owner(outbox, MARTS)
    with receiving() as receiver:
        outbox.listen(receiver)
        seen = [compared(*one) for one in (("settling", -3), ("missing", -3), ("missing", -3), ("missing", -5))]
        seen += [compared("equal", 0), compared("missing", -5)]
        told = heard(outbox, receiver)
    assert seen == [0, 1, 0, 1, 0, 1]
    assert types(told) == ["posting.differs"] * 3
    assert told[0].data["finding"] == "missing"


def test_what_ended_long_ago_is_forgotten_and_what_waits_is_not(outbox: Outbox) -> None:
    with receiving(lambda number: 204 if number == 0 else 400) as receiver:
        outbox.listen(receiver)
        for subject in ("one", "two"):
            door.tell(outbox.connection, "alert.opened", "acme", subject, {"alert_id": subject, "rule": "x"})
        outbox.connection.commit()
        outbox.deliver()
        owner(outbox, "update ledger.outgoing_events set happened_at = happened_at - interval '91 days'")
        assert door.forget(outbox.connection, outbox.now().date()) == 1
        outbox.connection.commit()
    assert list(outbox.states().values()) == ["waiting"]


def test_the_canary_is_told_to_nobody(outbox: Outbox) -> None:
    with receiving() as receiver:
        outbox.listen(receiver)
        owner(
            outbox,
            "insert into control.tenants (tenant_id, name, currency, is_canary) values ('known', 'Known', 'USD', true)",
        )
        door.tell(outbox.connection, "alert.opened", "known", "alert/1", {"alert_id": "1", "rule": "x"})
        outbox.connection.commit()
    assert outbox.states() == {}


@pytest.mark.parametrize("event_type", EVENTS)
def test_the_documented_schema_is_the_one_that_holds(event_type: str) -> None:
    from tests.architecture.test_house import ROOT

    written = ROOT / "docs" / "events" / f"{event_type}.v1.json"
    assert written.read_bytes() == schemas()[event_type], "make events"
