"""Nobody takes the pages down for others: neither by downloads that nobody reads, nor by asking too much at once."""

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy.engine import make_url
from starlette.exceptions import HTTPException

from orchestration.settings import Settings
from orchestration.web.access.auth import SESSION
from orchestration.web.server.readers import Readers
from orchestration.web.server.spooling import OPEN_PER_LOGIN, Spools
from orchestration.web.server.turns import DOOR, PAGE, Crowded, Turns
from tests.web.server import served_by
from warehouse.database.connect import Role, connect
from warehouse.security import database_logins
from warehouse.security.database_logins import Access

Visit = Callable[[str], httpx.Client]
MANY = 30_000


@pytest.fixture
def many_calls(story_url: str) -> None:
    """More calls of tina's tenant than any buffer between a server and its client holds."""
    with psycopg.connect(story_url) as connection:
        columns = [
            name
            for (name,) in connection.execute(
                "select column_name from information_schema.columns"
                " where table_schema = 'marts' and table_name = 'fct_calls' and column_name <> 'call_id'"
            )
        ]
        listed = ", ".join(columns)
        connection.execute(  # type: ignore[call-overload]
            f"insert into marts.fct_calls (call_id, {listed}) select 'n-' || number, {listed} from"
            f" (select * from marts.fct_calls where tenant_id = 'acme-dental' limit 1) as one,"
            f" generate_series(1, {MANY}) as number"
        )


def ask(client: httpx.Client, path: str) -> socket.socket:
    """A request as that visitor on a socket of its own, whose answer is still to be read."""
    opened = socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=60)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {SESSION}={client.cookies[SESSION]}\r\n\r\n".encode()
    )
    return opened


def transactions(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            " and xact_start is not null and backend_type = 'client backend'"
        ).fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.usefixtures("many_calls")
def test_downloads_that_are_broken_off_hold_nothing(visit: Visit, story_url: str) -> None:
    tina, theo = visit("tina"), visit("theo")
    for _ in range(8):
        with ask(tina, "/tables/fct_calls.csv") as broken_off:
            assert broken_off.recv(100).startswith(b"HTTP/1.1 200")
    assert transactions(story_url) == 0
    assert theo.get("/usage").elapsed.total_seconds() < 10
    assert tina.get("/tables/fct_calls.csv").text.count("\r\n") > MANY


@pytest.mark.usefixtures("many_calls")
def test_downloads_that_nobody_reads_hold_up_their_own_login_only(visit: Visit, story_url: str) -> None:
    tina, theo = visit("tina"), visit("theo")
    with ExitStack() as stalled:
        for _ in range(OPEN_PER_LOGIN):
            one = stalled.enter_context(ask(tina, "/tables/fct_calls.csv"))
            assert one.recv(100).startswith(b"HTTP/1.1 200")
        assert transactions(story_url) == 0
        refused = tina.get("/tables/fct_calls.csv")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        assert "downloads of yours" in refused.text
        assert tina.get("/usage").status_code == 200
        assert theo.get("/tables/fct_calls.csv").status_code == 200


def test_what_waits_for_a_lock_is_ended_and_says_when_to_come_again(visit: Visit, story_url: str) -> None:
    ana, tina = visit("ana"), visit("tina")
    assert [ana.get("/days").status_code, tina.get("/usage").status_code] == [200, 200]
    with psycopg.connect(story_url) as locking, ThreadPoolExecutor(4) as crowd:
        locking.execute("lock table marts.fct_statements in access exclusive mode")
        answers = list(crowd.map(lambda _: tina.get("/usage"), range(4)))
        for answer in answers:
            assert answer.status_code in {429, 503}
            assert int(answer.headers["retry-after"]) > 0
        assert ana.get("/days").status_code == 200
    assert tina.get("/usage").status_code == 200


def test_a_login_waits_in_its_own_line_and_never_before_another() -> None:
    async def scene() -> list[str]:
        turns, order = Turns(), []
        gate = asyncio.Event()

        async def work(login: str, until: asyncio.Event | None) -> None:
            async with turns.turn(PAGE, login):
                order.append(login)
                if until:
                    await until.wait()

        greedy = [asyncio.create_task(work("greedy", gate)) for _ in range(PAGE.per_login + PAGE.in_line)]
        await asyncio.sleep(0)
        with pytest.raises(Crowded) as refused:
            async with turns.turn(PAGE, "greedy"):
                pass
        assert refused.value.status_code == 429
        await asyncio.wait_for(work("patient", None), 1)
        served = list(order)
        gate.set()
        await asyncio.gather(*greedy)
        assert not turns._own
        return served

    assert asyncio.run(scene()) == ["greedy"] * PAGE.per_login + ["patient"]


@pytest.fixture
def readers(database_url: str, tmp_path: Path) -> Iterator[Readers]:
    """What gives out connections over an empty warehouse."""
    with served_by(database_url) as url:
        lending = Readers(Settings(home=tmp_path, database_url=url))
        try:
            yield lending
        finally:
            lending.close()


def test_when_all_connections_of_a_kind_are_out_it_says_when_to_come_again(readers: Readers) -> None:
    with ExitStack() as loans:
        for _ in range(DOOR.at_once):
            loans.enter_context(readers.door())
        with pytest.raises(Crowded) as refused, readers.door():
            pass
        assert refused.value.status_code == 503
        assert refused.value.headers
        with readers.operator() as connection:  # another kind's are its own
            assert connection.execute("select 1").fetchone() == (1,)


def test_a_transaction_has_an_age_limit_and_nothing_in_it_waits_for_ever(readers: Readers) -> None:
    names = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout", "transaction_timeout")
    with readers.tenant("acme") as connection:
        found = [connection.execute(f"show {name}").fetchone() for name in names]  # type: ignore[call-overload]
    assert found == [("15s",), ("30s",), ("5s",), ("30s",)]


def test_an_old_loan_is_cancelled_where_the_server_does_not_end_it(readers: Readers) -> None:
    with readers.tenant("acme", replace(PAGE, age_seconds=1)) as connection:
        if connection.info.server_version >= 170_000:
            connection.execute("set local transaction_timeout = 0")
        with pytest.raises(psycopg.errors.QueryCanceled):
            ask_on(connection)


def ask_on(connection: psycopg.Connection[object]) -> None:
    for _ in range(100):  # each of them is short
        connection.execute("select pg_sleep(0.1)")


def test_a_login_that_takes_its_limits_off_is_ended_and_audited(readers: Readers, database_url: str) -> None:
    with connect(database_url, Role.OWNER, autocommit=True) as owner:
        given = database_logins.grant(owner, Access.ANALYST)
        address = make_url(database_url).set(username=given.login, password=given.password.reveal())
        with psycopg.connect(address.render_as_string(hide_password=False), application_name="left open") as reader:
            for name in ("idle_in_transaction_session_timeout", "transaction_timeout"):
                with suppress(psycopg.errors.UndefinedObject), reader.transaction():
                    reader.execute(f"set {name} = 0")  # type: ignore[call-overload]
            reader.commit()
            reader.execute("select 1")
            time.sleep(6)
            with readers.door() as door:
                assert door.execute("select ledger.end_old_readers('5 seconds')").fetchone() == (1,)
            with pytest.raises(psycopg.OperationalError):
                reader.execute("select 1")
        audited = "select after ->> 'application_name' from ledger.audit_log where action = 'end_reader'"
        assert owner.execute(audited).fetchall() == [("left open",)]
        database_logins.revoke(owner, given.login)


@pytest.mark.parametrize("full", [psycopg.errors.DiskFull("could not extend file"), OSError(errno.ENOSPC, "full")])
def test_a_full_disk_is_said_in_words_and_over_when_there_is_room(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, full: Exception
) -> None:
    tina = visit("tina")

    def refuse(*_: object) -> int:
        raise full

    with monkeypatch.context() as patched:
        patched.setattr("orchestration.web.server.spooling.write_into", refuse)
        answer = tina.get("/tables/fct_calls.csv")
        assert answer.status_code == 503
        assert "no room left" in answer.text
        assert answer.headers["retry-after"] == "60"
    assert tina.get("/tables/fct_calls.csv").status_code == 200


def test_the_next_loan_finds_a_database_that_came_back(readers: Readers, database_url: str) -> None:
    with readers.analyst() as connection:
        ((pid,),) = connection.execute("select pg_backend_pid()").fetchall()
    with connect(database_url, Role.OWNER, autocommit=True) as owner:
        owner.execute("select pg_terminate_backend(%s, 5000)", [pid])
    with readers.analyst() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_what_is_sent_is_bounded_and_gives_its_room_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.web.server.spooling.LARGEST_BYTES", 10)
    monkeypatch.setattr("orchestration.web.server.spooling.LARGEST_TOGETHER", 15)
    spools = Spools()
    with spools.filling("tina") as first:
        first.write(b"0123456789")
    with pytest.raises(HTTPException) as too_large, spools.filling("tina") as second:
        second.write(b"0123456789a")
    assert too_large.value.status_code == 413
    with pytest.raises(Crowded), spools.filling("theo") as third:
        third.write(b"0123456789")
    first.close()
    with spools.filling("theo") as fourth:
        fourth.write(b"0123456789")
    assert b"".join(fourth.chunks()) == b"0123456789"
    fourth.close()
    assert (spools._open, spools._bytes) == ({}, 0)
