"""Each event reaches who listens, at least once, in order per subject, whatever the receiver does."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import pairwise

import dagster as dg
import psycopg
import pytest
from psycopg.sql import SQL
from standardwebhooks import Webhook, WebhookVerificationError

from orchestration.defs.outgoing.sensors import deliver_events
from orchestration.outgoing.reaching import post
from orchestration.resources import Minutebook
from tests.outgoing.conftest import Outbox
from tests.outgoing.receiver import HANG, receiving
from warehouse.database import queries
from warehouse.outgoing import deliveries, endpoints
from warehouse.outgoing import outbox as door
from warehouse.security.master_keys import MasterKey
from warehouse.security.vault import Vault

Tell = Callable[..., None]


def test_an_event_is_signed_as_the_official_library_verifies_it(outbox: Outbox, tell: Tell) -> None:
    with receiving() as receiver:
        outbox.listen(receiver)
        tell("alert/1")
        assert outbox.deliver().delivered == 1
    (told,) = receiver.taken
    assert told.event_id.startswith("evt_")
    assert told.body["type"] == "alert.opened"
    assert told.data["alert_id"] == "alert/1"
    assert told.data["link"] == "/alerts"
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 44).verify(b"{}", told.headers)


def test_what_is_rolled_back_is_never_told(outbox: Outbox) -> None:
    with receiving() as receiver:
        outbox.listen(receiver)
        door.tell(outbox.connection, "alert.opened", "acme", "alert/1", {"alert_id": "1", "rule": "x"})
        outbox.connection.rollback()
        assert outbox.deliver().delivered == 0
    assert not receiver.taken
    assert outbox.rows("select * from ledger.outgoing_events") == []


def test_nothing_is_written_where_nobody_listens(outbox: Outbox, tell: Tell) -> None:
    with receiving() as receiver:
        outbox.listen(receiver, "statement.approved")
        outbox.listen(receiver, tenant_id="birch")
        tell("alert/1")
    assert outbox.rows("select * from ledger.outgoing_events") == []


def test_a_tenants_endpoint_hears_its_own_events_and_the_platforms_all(outbox: Outbox, tell: Tell) -> None:
    with receiving() as platform, receiving() as acme:
        outbox.listen(platform)
        outbox.listen(acme, tenant_id="acme")
        for tenant_id in ("acme", "birch", None):
            tell(f"alert/{tenant_id}", tenant_id)
        assert outbox.deliver().delivered == 4
    assert {told.data["tenant_id"] for told in platform.taken} == {"acme", "birch", None}
    assert [told.data["tenant_id"] for told in acme.taken] == ["acme"]


def test_events_of_one_subject_come_in_order_and_a_failure_holds_it(outbox: Outbox, tell: Tell) -> None:
    """The first answer is a fault: whatever follows of that subject waits, and all others go."""
    with receiving() as receiver:
        outbox.listen(receiver)
        for number in range(3):
            tell("alert/1", number=number)
        receiver.behave = lambda _: 400
        outbox.deliver()
        assert [told.data["rule"] for told in receiver.refused] == ["0"]
        tell("alert/2", number=9)
        receiver.behave = lambda _: 204
        outbox.deliver()
        assert [told.data["rule"] for told in receiver.taken] == ["9"]
        outbox.later = timedelta(seconds=10)
        outbox.deliver()
    assert [told.data["rule"] for told in receiver.taken] == ["9", "0", "1", "2"]
    assert receiver.taken[1].event_id == receiver.refused[0].event_id
    assert set(outbox.states().values()) == {"delivered"}


def test_it_is_tried_for_three_days_with_growing_distance_then_given_up(outbox: Outbox, tell: Tell) -> None:
    with receiving(lambda _: 422) as receiver:
        endpoint_id = outbox.listen(receiver)
        tell("alert/1", number=1)
        tell("alert/1", number=2)
        tried = []
        while "waiting" in outbox.states().values() and len(tried) < 40:
            outbox.deliver()
            tried.append(outbox.later)
            next_at = deliveries.next_due(outbox.connection)
            outbox.connection.commit()
            if next_at is not None:
                outbox.later += max(next_at - outbox.now(), timedelta())
    assert len(receiver.refused) == 2 * (len(deliveries.DISTANCES) + 1)
    first = [at for at, told in zip(tried, receiver.refused, strict=False) if told.data["rule"] == "1"]
    distances = [after - before for before, after in pairwise(first)]
    for distance, meant in zip(distances, deliveries.DISTANCES, strict=True):
        assert meant * 0.9 < distance < meant * 1.1 + timedelta(seconds=30)
    assert list(deliveries.DISTANCES) == sorted(deliveries.DISTANCES)
    assert timedelta(days=2.8) < first[-1] - first[0] < timedelta(days=3.2)
    assert set(outbox.states().values()) == {"dead"}
    receiver.requests = 0
    with receiving() as again:
        again.secret = receiver.secret
        assert deliveries.replay(outbox.connection, endpoint_id, outbox.now()) == 2
        outbox.connection.commit()
    assert set(outbox.states().values()) == {"waiting"}


def test_a_receiver_that_hangs_or_fails_takes_no_place_from_others(
    outbox: Outbox, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.outgoing.delivering.post", partial(post, seconds=0.5))
    with receiving(lambda _: HANG) as hanging, receiving(lambda _: 500) as failing, receiving() as good:
        for receiver in (hanging, failing, good):
            outbox.listen(receiver)
        for number in range(40):
            tell(f"alert/{number}")
        result = outbox.deliver()
    assert len(good.taken) == result.delivered == 40
    # Those that were under way when it was first known to fail; then it is left alone for a while.
    assert 1 <= len(hanging.refused) <= 8
    assert 1 <= len(failing.refused) <= 8
    assert {row["fault"] for row in outbox.rows("select fault from ledger.deliveries where fault is not null")} == {
        "no answer within 0 s",
        "it answered 500",
    }


def test_a_claim_reads_what_it_takes_and_not_all_that_waits(outbox: Outbox) -> None:
    """Also before the server has counted the rows: a burst comes sooner than its statistics."""
    with receiving() as receiver:
        endpoint = outbox.listen(receiver)
    with psycopg.connect(outbox.url) as owner:
        owner.execute(
            "insert into ledger.outgoing_events (type, subject, data)"
            " select 'alert.opened', 'alert/' || n % 40, '{}' from generate_series(1, 2000) as n"
        )
        owner.execute(
            "insert into ledger.deliveries (endpoint_id, event_number, subject)"
            " select %s, event_number, subject from ledger.outgoing_events",
            [endpoint],
        )
        asked = {
            "now": outbox.now(),
            "lease_ends": outbox.now(),
            "at_once": 8,
            "most": 50,
            "endpoints": [],
            "counts": [],
        }
        claim = SQL("explain (analyze, buffers, format json) ") + queries.load(deliveries.FILE)["claim"]
        (((plan,),),) = owner.execute(claim, {**asked, "endpoints": [], "counts": []}).fetchall()
    assert plan["Plan"]["Actual Rows"] == 8
    assert plan["Plan"]["Shared Hit Blocks"] < 500


def test_an_endpoint_that_comes_back_after_a_day_gets_all_of_it(outbox: Outbox, tell: Tell) -> None:
    with receiving(lambda _: 503) as receiver:
        outbox.listen(receiver)
        for number in range(12):
            tell(f"alert/{number % 4}", number=number)
        outbox.deliver()
        outbox.later = timedelta(days=1)
        receiver.behave = lambda _: 200
        for _ in range(3):
            outbox.deliver()
            outbox.later += timedelta(hours=3)
    assert len(receiver.taken) == 12
    for subject in range(4):
        rules = [int(told.data["rule"]) for told in receiver.taken if told.data["alert_id"] == f"alert/{subject}"]
        assert rules == sorted(rules)
        assert len(rules) == 3


def test_410_ends_it_until_a_replay(outbox: Outbox, tell: Tell) -> None:
    with receiving(lambda _: 410) as receiver:
        endpoint_id = outbox.listen(receiver)
        for number in range(6):
            tell("alert/1", number=number)
        assert outbox.deliver().dead == 1
        assert set(outbox.states().values()) == {"dead"}
        assert endpoints.found(outbox.connection, endpoint_id)["state"] == "gone"
        tell("alert/2", number=6)
        assert outbox.deliver().delivered == 0, "what happens while it is gone waits"
        receiver.behave = lambda _: 200
        assert deliveries.replay(outbox.connection, endpoint_id, outbox.now()) == 6
        outbox.connection.commit()
        assert outbox.deliver().delivered == 7
    assert [told.data["rule"] for told in receiver.taken if told.data["alert_id"] == "alert/1"] == list("012345")


def test_what_was_under_way_when_it_answered_410_does_not_begin_it_again(outbox: Outbox, tell: Tell) -> None:
    """What comes afterwards would otherwise overtake what was given up."""
    with receiving() as receiver:
        endpoint_id = outbox.listen(receiver)
        for subject in ("gone", "under way"):
            tell(subject)
        gone, under_way = deliveries.claim(outbox.connection, outbox.now(), {}, at_once=2, most=2)
        deliveries.settle(
            outbox.connection, gone, deliveries.Answer(410, "it answered 410", is_gone=True), outbox.now()
        )
        deliveries.settle(outbox.connection, under_way, deliveries.Answer(204), outbox.now())
        outbox.connection.commit()
        tell("gone", number=2)
        assert endpoints.found(outbox.connection, endpoint_id)["state"] == "gone"
        assert outbox.deliver().delivered == 0
        deliveries.replay(outbox.connection, endpoint_id, outbox.now())
        outbox.connection.commit()
        assert outbox.deliver().delivered == 2
    assert [told.data["rule"] for told in receiver.taken] == ["0", "2"]


def test_what_is_asked_to_wait_waits(outbox: Outbox, tell: Tell) -> None:
    with receiving(lambda _: 429) as receiver:
        receiver.headers_of_answers = {"Retry-After": "900"}
        outbox.listen(receiver)
        tell("alert/1")
        outbox.deliver()
        outbox.later = timedelta(minutes=14)
        outbox.deliver()
        assert receiver.requests == 1
        outbox.later = timedelta(minutes=16)
        outbox.deliver()
    assert receiver.requests == 2


def test_an_endpoint_that_failed_for_three_days_keeps_no_backlog(outbox: Outbox, tell: Tell) -> None:
    with receiving(lambda _: 500) as receiver:
        outbox.listen(receiver)
        for number in range(50):
            tell(f"alert/{number}")
        outbox.deliver()
        outbox.later = timedelta(days=3, hours=1)
        outbox.deliver()
    assert set(outbox.states().values()) == {"dead"}
    assert receiver.requests < 20


def test_revoked_it_gets_nothing_and_what_waits_is_dropped(outbox: Outbox, tell: Tell) -> None:
    with receiving() as receiver:
        endpoint_id = outbox.listen(receiver)
        tell("alert/1")
        assert endpoints.revoke(outbox.connection, endpoint_id, outbox.now())
        assert not endpoints.revoke(outbox.connection, endpoint_id, outbox.now())
        outbox.connection.commit()
        tell("alert/2")
        assert outbox.deliver().delivered == 0
        assert endpoints.found(outbox.connection, endpoint_id)["state"] == "revoked"
    assert receiver.requests == 0
    assert list(outbox.states().values()) == ["dead"]


def test_one_secret_that_does_not_open_stops_no_other_endpoint(outbox: Outbox, tell: Tell) -> None:
    with receiving() as receiver, receiving() as sealed_otherwise:
        own, outbox.vault = outbox.vault, Vault([MasterKey.generate()])
        outbox.listen(sealed_otherwise, tenant_id="acme")
        outbox.vault = own
        outbox.listen(receiver)
        tell("alert/1")
        result = outbox.deliver()
    assert (result.delivered, result.failed) == (1, 1)
    assert "does not open" in next(iter(result.faults))


def test_the_newest_of_three_days_distances_is_the_longest() -> None:
    assert list(deliveries.DISTANCES) == sorted(deliveries.DISTANCES)
    assert abs(sum(deliveries.DISTANCES, timedelta()) - timedelta(days=3)) < timedelta(minutes=1)


def test_the_sensor_sends_what_has_just_happened_and_then_what_is_due_again(
    outbox: Outbox, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = MasterKey.generate()
    outbox.vault = Vault([key])
    for name, value in (
        ("DATABASE_URL", outbox.url), ("MASTER_KEYS", key.encoded()), ("ENDPOINT_NETWORKS", "127.0.0.0/8"),
    ):  # fmt: skip
        monkeypatch.setenv(f"MINUTEBOOK_{name}", value)

    def tick() -> str:
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(instance=instance, resources={"minutebook": Minutebook()}) as context,
        ):
            return str(deliver_events(context).skip_message)  # type: ignore[union-attr]

    with receiving(lambda number: 400 if number == 0 else 204) as receiver:
        receiver.headers_of_answers = {"Retry-After": "3600"}
        outbox.listen(receiver)
        assert tick() == "Nothing is due."
        tell("alert/1")
        assert tick() == "0 delivered, 1 to be tried again, 0 given up."
        tell("alert/2")
        assert tick() == "1 delivered, 0 to be tried again, 0 given up."
        assert tick() == "Nothing is due."
    assert len(receiver.taken) == 1
