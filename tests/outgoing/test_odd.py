"""What nobody plans for: secrets that change, clocks that step back, receivers that answer late or for ever."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from orchestration.outgoing.reaching import NotAllowed, post
from tests.outgoing.conftest import LOOPBACK, Outbox
from tests.outgoing.receiver import receiving
from tests.outgoing.test_facts import MARTS, owner
from tests.outgoing.test_reaching import speaking
from warehouse.control import tenants
from warehouse.outgoing import deliveries, endpoints
from warehouse.privacy import personal

Tell = Callable[..., None]


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "0x7f000001", "127.1", "0", "017700000001", "localhost"])
def test_this_machine_is_refused_however_its_number_is_written(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system reads these as an address, where the name is resolved."""
    monkeypatch.setattr("socket.socket", lambda *_: pytest.fail("it was connected to"))
    with pytest.raises(NotAllowed, match="private network"):
        post(f"https://{host}/hook", b"{}", {})


def test_a_secret_that_is_rotated_while_events_wait_is_verified_by_either_for_a_day(outbox: Outbox, tell: Tell) -> None:
    with receiving(lambda _: 503) as receiver:
        endpoint_id = outbox.listen(receiver)
        former, receiver.secret = str(receiver.secret), None
        tell("alert/1")
        outbox.deliver()
        secret = endpoints.rotate(outbox.vault, outbox.connection, endpoint_id, outbox.now()).reveal()
        outbox.connection.commit()
        receiver.behave = lambda _: 204
        outbox.later = timedelta(hours=23)
        outbox.deliver()
        tell("alert/2")
        outbox.later = timedelta(hours=25)
        outbox.deliver()
        (waited, late) = receiver.taken
    outbox.later = timedelta(hours=23)
    for one in (former, secret):
        Webhook(one).verify(waited.raw, waited.headers)
    outbox.later = timedelta(hours=25)
    Webhook(secret).verify(late.raw, late.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(former).verify(late.raw, late.headers)


def test_what_is_revoked_or_no_event_has_no_secret_to_rotate(outbox: Outbox) -> None:
    with receiving() as receiver:
        endpoint_id = outbox.listen(receiver)
    endpoints.revoke(outbox.connection, endpoint_id, outbox.now())
    with pytest.raises(endpoints.EndpointRefused, match="create another"):
        endpoints.rotate(outbox.vault, outbox.connection, endpoint_id, outbox.now())
    _, slack = endpoints.create(
        outbox.vault, outbox.connection, receiver.address, ["alert.opened"], outbox.now(), form="slack"
    )
    with pytest.raises(endpoints.EndpointRefused, match="not signed"):
        endpoints.rotate(outbox.vault, outbox.connection, slack["endpoint_id"], outbox.now())


def test_an_endpoint_made_again_at_the_same_address_hears_what_happens_from_then_on(outbox: Outbox, tell: Tell) -> None:
    with receiving() as receiver:
        former = outbox.listen(receiver)
        tell("alert/1", number=1)
        endpoints.revoke(outbox.connection, former, outbox.now())
        again = outbox.listen(receiver)
        tell("alert/1", number=2)
        outbox.deliver()
    assert again != former
    assert [told.data["rule"] for told in receiver.taken] == ["2"]


def test_an_answer_after_the_deadline_is_no_answer_and_the_same_id_comes_again(
    outbox: Outbox, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver:
        outbox.listen(receiver)
        tell("alert/1")

        def late(number: int) -> int:
            time.sleep(1.5 if number == 0 else 0)
            return 200

        receiver.behave = late
        with monkeypatch.context() as impatient:
            impatient.setattr("orchestration.outgoing.delivering.post", partial(post, seconds=0.5))
            assert outbox.deliver().failed == 1
        outbox.later = timedelta(minutes=2)
        assert outbox.deliver().delivered == 1
    assert {told.event_id for told in receiver.taken} == {receiver.taken[0].event_id}
    assert len(receiver.taken) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_fault_and_is_tried_again(outbox: Outbox, tell: Tell, status: int) -> None:
    with receiving() as elsewhere, receiving(lambda _: status) as receiver:
        receiver.headers_of_answers = {"Location": elsewhere.address}
        outbox.listen(receiver)
        tell("alert/1")
        assert outbox.deliver().failed == 1
    assert elsewhere.requests == 0
    assert deliveries.listed(outbox.connection, ("waiting",))[0]["fault"] == f"it answered {status}"


@pytest.mark.parametrize("seconds", ["604800", "31536000", "9" * 20])
def test_whoever_asks_to_wait_for_a_week_is_asked_once_more_after_three_days_and_then_given_up(
    outbox: Outbox, tell: Tell, seconds: str
) -> None:
    with receiving(lambda _: 429) as receiver:
        receiver.headers_of_answers = {"Retry-After": seconds}
        outbox.listen(receiver, tenant_id="acme")
        tell("alert/1")
        outbox.deliver()
        outbox.later = timedelta(days=2, hours=23)
        outbox.deliver()
        assert receiver.requests == 1
        outbox.later = timedelta(days=3, minutes=1)
        assert outbox.deliver().dead == 1
    assert receiver.requests == 2
    assert set(outbox.states().values()) == {"dead"}


def test_a_body_without_end_is_not_read(outbox: Outbox) -> None:
    sent = 0

    def flood(connected: socket.socket) -> None:
        nonlocal sent
        with connected:
            while not connected.recv(65536).endswith(b"{}"):
                pass
            try:
                connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
                while True:
                    sent += connected.send(b"x" * 65536)
            except OSError:
                pass

    began = time.monotonic()
    with speaking(flood) as address:
        assert post(address, b"{}", {}, LOOPBACK, seconds=10).status == 200
    assert time.monotonic() - began < 5
    assert sent < 50_000_000


def test_a_thousand_facts_behind_one_that_fails_hold_nobody_else_and_go_in_order(outbox: Outbox, tell: Tell) -> None:
    with receiving() as receiver:
        outbox.listen(receiver)
        receiver.behave = lambda _: 422
        receiver.headers_of_answers = {"Retry-After": "3600"}
        for number in range(1000):
            outbox.connection.execute(
                "select ledger.tell('alert.opened', 'acme', 'alert/many',"
                " jsonb_build_object('alert_id', 'many', 'rule', %s::text))",
                [number],
            )
        outbox.connection.commit()
        outbox.deliver()
        assert receiver.requests == 1
        for number in range(50):
            tell(f"alert/{number}")
        receiver.behave = lambda _: 204
        assert outbox.deliver().delivered == 50
        outbox.later = timedelta(hours=2)
        while deliveries.next_due(outbox.connection) is not None:
            assert outbox.deliver().delivered
            outbox.connection.commit()
    many = [int(told.data["rule"]) for told in receiver.taken if told.data["alert_id"] == "many"]
    assert many == list(range(1000))


def test_a_tenant_that_is_closed_still_hears_and_one_that_is_erased_does_not(outbox: Outbox, tell: Tell) -> None:
    today = outbox.now().date()
    owner(outbox, MARTS + "create table marts.fct_statements (tenant_id text, period_state text);")
    owner(outbox, "grant select on marts.fct_statements to minutebook_operator")
    with receiving() as receiver, receiving() as platform:
        outbox.listen(receiver, tenant_id="acme")
        outbox.listen(platform)
        tell("alert/1")
        tenants.close(outbox.connection, "acme", today)
        outbox.connection.commit()
        assert outbox.deliver().delivered == 2, "the last statement comes after the end"
        tell("alert/2")
        tell("alert/3", "birch")
        claimed = deliveries.claim(outbox.connection, outbox.now(), {}, 1, 1)
        personal.erase(outbox.connection, "acme", today)
        outbox.connection.commit()
        for due in claimed:  # sent in the very moment in which its tenant was erased
            deliveries.settle(outbox.connection, due, deliveries.Answer(204), outbox.now())
        outbox.connection.commit()
        outbox.later = timedelta(minutes=2)
        assert outbox.deliver().delivered == 1
    assert [told.data["tenant_id"] for told in platform.taken] == ["acme", "birch"]
    assert outbox.rows("select * from ledger.outgoing_events where tenant_id = 'acme'") == []
    assert outbox.rows("select * from ledger.deliveries where tenant_id = 'acme'") == []


def test_a_clock_that_steps_back_an_hour_delays_and_loses_nothing(outbox: Outbox, tell: Tell) -> None:
    with receiving(lambda number: 500 if number == 0 else 204) as receiver:
        outbox.listen(receiver)
        outbox.later = timedelta(hours=1)
        tell("alert/1", number=1)
        tell("alert/1", number=2)
        assert outbox.deliver().failed == 1
        outbox.later = timedelta()
        outbox.deliver()
        outbox.later = timedelta(hours=1, minutes=2)
        assert outbox.deliver().delivered == 2
    assert [told.data["rule"] for told in receiver.taken] == ["1", "2"]


def test_two_senders_at_once_send_each_once(outbox: Outbox, tell: Tell) -> None:
    with receiving() as receiver:
        outbox.listen(receiver)
        for number in range(60):
            tell(f"alert/{number % 7}", number=number)
        both = [threading.Thread(target=outbox.deliver) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
    assert len(receiver.taken) == len({told.event_id for told in receiver.taken}) == 60
