import datetime, threading, time
import psycopg


def test_all_see_the_date_and_wait_in_real_time(postgres_server):
    with psycopg.connect(postgres_server) as connection:
        ((at_the_server,),) = connection.execute("select current_date").fetchall()
    assert at_the_server == datetime.date(2028, 2, 29) == datetime.datetime.now(datetime.UTC).date()
    started = time.monotonic()
    time.sleep(0.01)
    threading.Event().wait(0.01)
    with threading.Condition() as condition:
        condition.wait(0.01)
    assert time.monotonic() - started < 5
