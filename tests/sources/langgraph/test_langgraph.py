"""Workflows counted from the tables of their checkpointer; rows as the library writes them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from sources.day import Access, Day
from sources.errors import ContractBroken, CredentialRejected, NotConfigured, ProviderRefused, ProviderUnreachable
from sources.langgraph import WORKFLOWS
from sources.personal import Choices, Keep
from sources.reading import Reading
from tests.sources.langgraph.tables import TABLES, Written, answer, packed

SAMPLES = Path(__file__).parents[4] / "shared" / "payloads" / "langgraph"
NEVER = Choices(Keep.NEVER, Keep.NEVER, Keep.NEVER)
Read = Callable[..., Reading]


@pytest.fixture
def url(empty_database_url: str) -> str:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(TABLES)
    return empty_database_url


@pytest.fixture
def read(url: str) -> Iterator[Read]:
    """Reads a day of November as the source does."""
    opened: list[Any] = []

    def reading(day: int, choices: Choices = NEVER, **settings: str) -> Reading:
        opened.append(WORKFLOWS.connect(Access(url, settings)))
        return WORKFLOWS.read(opened[-1], Day(date(2026, 11, day), choices=choices, choices_of=lambda scopes: choices))

    yield reading
    for one in opened:
        one.close()


def counted(reading: Reading, tenant: str | None = "acme") -> dict[str, int]:
    """Quantities of a tenant by item; tokens by model and kind."""
    counts = {}
    for row in reading.table.to_pylist():
        if row["scope_ref"] == tenant:
            attributes = json.loads(row["attributes"])
            counts[" ".join([row["item"], *(attributes[name] for name in sorted(attributes, reverse=True))])] = int(
                row["quantity"]
            )
    return counts


def test_an_invocation_is_one_run_however_many_checkpoints_it_has(url: str, read: Read) -> None:
    Written(url, "t1").run("23 10:00", answer("m1", "small", 100, 20, 30), steps=3)
    assert counted(read(23)) == {
        "invocations": 1, "threads_started": 1, "supersteps": 3,
        "tokens small input": 70, "tokens small cache_read": 30, "tokens small output": 20,
    }  # fmt: skip
    assert read(22).table.num_rows == read(24).table.num_rows == 0


def test_a_thread_that_sleeps_over_midnight_is_counted_on_each_day_it_did_something(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    ids = thread.run("23 23:59", answer("m1", "small", 10, 1))
    thread.sleep(ids[-1])
    before = read(23)
    assert counted(before) == {
        "invocations": 1, "threads_started": 1, "supersteps": 2, "sleeps": 1,
        "tokens small input": 10, "tokens small output": 1,
    }  # fmt: skip
    # Two days later a person says yes; what the node writes hangs from the checkpoint of the 23rd.
    thread.write(ids[-1], "messages", [answer("m2", "small", 7, 2)])
    thread.tenant = None
    thread.state("25 00:00:00", "loop", 3, ids[-1])
    assert counted(read(25)) == {
        "invocations": 1, "supersteps": 1, "wakes": 1, "tokens small input": 7, "tokens small output": 2,
    }  # fmt: skip
    assert read(23).content_hash == before.content_hash
    assert read(24).table.num_rows == 0


def test_a_step_across_midnight_belongs_to_the_day_of_the_checkpoint_it_made(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    first = thread.state("23 23:59:58", "input", -1, None)
    second = thread.state("23 23:59:59.999999", "loop", 0, first)
    thread.write(second, "messages", [answer("m1", "small", 10, 1)])
    thread.state("24 00:00:00", "loop", 1, second)
    assert counted(read(23)) == {"invocations": 1, "threads_started": 1}
    assert counted(read(24)) == {"supersteps": 1, "tokens small input": 10, "tokens small output": 1}


def test_a_fork_executes_nothing_itself_and_what_follows_is_paid_again(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    ids = thread.run("23 10:00", answer("m1", "small", 10, 1))
    fork = thread.state("24 10:00:00", "fork", 2, ids[2])
    thread.write(fork, "messages", [answer("m2", "small", 10, 1)])
    thread.state("24 10:00:01", "loop", 3, fork)
    assert counted(read(24)) == {
        "invocations": 1, "supersteps": 1, "tokens small input": 10, "tokens small output": 1,
    }  # fmt: skip
    thread.state("25 10:00:00", "fork", 3, ids[2])
    assert counted(read(25)) == {}, "a copy that nothing was executed from"


def test_an_edit_by_hand_is_no_run_and_running_from_it_is_one(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    ids = thread.run("23 10:00")
    thread.sleep(ids[-1])
    thread.write(ids[-1], "messages", [answer("m1", "small", 10, 1)])
    edit = thread.state("24 10:00:00", "update", 3, ids[-1])
    assert counted(read(24)) == {}
    thread.state("25 10:00:00", "loop", 4, edit)
    assert counted(read(25)) == {"invocations": 1, "supersteps": 1}


def test_a_retry_is_an_invocation_and_the_error_stays(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    ids = thread.run("23 10:00")
    thread.write(ids[-1], "__error__", "no", idx=-1)
    assert counted(read(23))["errors"] == 1
    thread.state("23 12:00:00", "loop", 3, ids[-1])
    assert counted(read(23)) == {
        "invocations": 2, "threads_started": 1, "supersteps": 3, "wakes": 1, "errors": 1,
    }  # fmt: skip


def test_a_second_input_of_a_finished_thread_is_an_invocation(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    ids = thread.run("23 10:00")
    thread.run("24 10:00", parent=ids[-1], step=3)
    assert counted(read(24)) == {"invocations": 1, "supersteps": 2}


def test_with_durability_exit_one_checkpoint_is_one_invocation(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    first = thread.state("23 10:00:00", "loop", 3, None, input_version="1")
    thread.sleep(first)
    second = thread.state("24 10:00:00", "loop", 5, first, input_version="1")
    thread.state("25 10:00:00", "loop", 9, second, input_version="2")
    assert counted(read(23)) == {"invocations": 1, "threads_started": 1, "supersteps": 3, "sleeps": 1}
    assert counted(read(24)) == {"invocations": 1, "supersteps": 2, "wakes": 1}
    assert counted(read(25)) == {"invocations": 1, "supersteps": 2}, "an input and its handing on execute nothing"


def test_runs_that_the_platform_names_are_counted_by_their_names(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    first = thread.state("23 23:59:59", "input", -1, None, run_id="r1")
    second = thread.state("24 00:00:01", "loop", 0, first, run_id="r1")
    thread.sleep(second)
    thread.state("24 10:00:00", "loop", 1, second, run_id="r2")
    assert counted(read(23))["invocations"] == 1
    assert counted(read(24))["invocations"] == 1


def test_a_sub_graph_takes_steps_and_its_messages_are_paid_once(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    ids = thread.run("23 10:00", answer("m0", "small", 5, 1), steps=1)
    inner = thread.state("23 10:01:00", "input", -1, None, namespace="child:1")
    thread.write(inner, "messages", [answer("m0", "small", 5, 1)], checkpoint_ns="child:1")
    begun = thread.state("23 10:01:01", "loop", 0, inner, namespace="child:1")
    thread.write(begun, "messages", [answer("m1", "small", 10, 2)], checkpoint_ns="child:1")
    thread.state("23 10:01:02", "loop", 1, begun, namespace="child:1")
    thread.write(ids[-1], "messages", [answer("m0", "small", 5, 1), answer("m1", "small", 10, 2)])
    thread.state("23 10:01:03", "loop", 2, ids[-1])
    assert counted(read(23)) == {
        "invocations": 1, "threads_started": 1, "supersteps": 3, "tokens small input": 15, "tokens small output": 3,
    }  # fmt: skip


def test_a_message_written_again_on_a_later_day_was_paid_on_the_first(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    ids = thread.run("23 10:00", answer("m1", "small", 10, 1))
    again = [answer("m1", "small", 10, 1), answer(None, None, 3, 0), answer(None, None, 3, 0)]
    thread.run("24 10:00", *again, steps=3, parent=ids[-1], step=3)
    assert counted(read(24)) == {"invocations": 1, "supersteps": 3, "tokens input": 3}


def test_what_was_given_to_a_run_was_not_used_by_it(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    ids = thread.run("23 10:00")
    thread.write(ids[0], "messages", [answer("elsewhere", "small", 10, 1)])
    thread.write(ids[1], "messages", [answer("elsewhere", "small", 10, 1)])
    assert "tokens small input" not in counted(read(23))


def test_a_tenants_rows_are_never_anothers(url: str, read: Read) -> None:
    Written(url, "a", "acme").run("23 10:00", answer("m1", "small", 10, 1))
    Written(url, "b", "birch").run("23 10:00", steps=1)
    Written(url, "c", None).run("23 10:00", steps=4)
    two = Written(url, "d", "acme")
    ids = two.run("23 11:00", answer("m2", "small", 1000, 1), steps=7)
    two.tenant = "birch"
    two.state("23 12:00:00", "loop", 8, ids[-1])
    # The one after: its writes still find it.
    Written(url, "e", "birch").run("23 13:00", answer("m3", "large", 4, 1), steps=1)
    reading = read(23)
    assert counted(reading, "acme") == {
        "invocations": 1, "threads_started": 1, "supersteps": 2, "tokens small input": 10, "tokens small output": 1,
    }  # fmt: skip
    assert counted(reading, "birch") == {
        "invocations": 2, "threads_started": 2, "supersteps": 2, "tokens large input": 4, "tokens large output": 1,
    }  # fmt: skip
    assert counted(reading, None)["supersteps"] == 4, "what names nobody is kept, and is nobody's"
    (odd,) = reading.quarantined
    assert "more than one tenant: acme, birch" in odd.reason
    assert odd.scopes == {}
    assert not reading.is_whole


def test_the_key_of_a_tenant_is_a_setting(url: str, read: Read) -> None:
    thread = Written(url, "t1", None)
    thread.state("23 10:00:00", "input", -1, None, client="cedar", tenant_id="other")
    assert counted(read(23), "other")["invocations"] == 1
    assert counted(read(23, tenant_key="client"), "cedar")["invocations"] == 1
    assert WORKFLOWS.fault_of_settings({"tenant_key": "client,tenant"}) is None
    assert "key of a thread's metadata" in str(WORKFLOWS.fault_of_settings({"tenant_key": "a'; drop"}))


@pytest.mark.parametrize("kind", ["msgpack+aes", "pickle", "json"])
def test_a_sealed_or_strange_blob_is_reported_and_never_zero(url: str, read: Read, kind: str) -> None:
    thread = Written(url, "t1")
    ids = thread.run("23 10:00", answer("m1", "small", 10, 1))
    thread.write(ids[1], "notes", type=kind, blob=b"cos\nsystem\n(S'exit 1'\ntR.")
    reading = read(23)
    assert counted(reading) == {"invocations": 1, "threads_started": 1, "supersteps": 2}
    (odd,) = reading.quarantined
    assert "unknown, and not 0: what it wrote is sealed, or of a kind that is not read" in odd.reason
    assert kind not in odd.reason, "a value from outside may be anything"
    assert odd.scopes == {"langgraph_tenant": "acme"}
    without = read(23, tokens="no")
    assert without.is_whole
    assert counted(without) == counted(reading)


@pytest.mark.parametrize(
    "content",
    [
        b"\xc1usage_metadata",
        b"\x91" * 100_000 + b"\xaeusage_metadata",
        msgspec.msgpack.encode([answer("m1", "small", -5, 1)]),
        msgspec.msgpack.encode([answer("m1", "small", "many", 1)]),
        msgspec.msgpack.encode([answer("m1", "small", 5, 1, 6)]),
    ],
)
def test_tokens_that_cannot_be_read_are_unknown(url: str, read: Read, content: bytes) -> None:
    thread = Written(url, "t1")
    ids = thread.run("23 10:00")
    thread.write(ids[1], "messages", blob=content)
    reading = read(23)
    assert len(reading.quarantined) == 1
    assert counted(reading) == {"invocations": 1, "threads_started": 1, "supersteps": 2}


def test_nothing_that_the_data_names_is_imported(url: str, read: Read, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    thread = Written(url, "t1")
    fields = {"usage_metadata": {"input_tokens": 1, "output_tokens": 1}, "id": "m9"}
    ids = thread.run("23 10:00", packed("trap", "Message", fields), {"deep": [answer("m1", "small", 10, 1)]})
    assert len(ids) == 4
    assert counted(read(23))["tokens small input"] == 10
    assert "tokens input" not in counted(read(23))


def test_a_version_of_the_tables_that_is_not_known_is_refused_in_words(url: str, read: Read) -> None:
    Written(url, "t1").run("23 10:00")
    with psycopg.connect(url) as connection:
        connection.execute("insert into checkpoint_migrations values (10)")
    with pytest.raises(ProviderRefused, match="version 10, and versions 4 to 9 are known"):
        read(23)
    with psycopg.connect(url) as connection:
        connection.execute("delete from checkpoint_migrations")
    with pytest.raises(ProviderRefused, match="version None"):
        read(23)


def test_a_checkpoint_of_an_unknown_format_is_set_aside(url: str, read: Read) -> None:
    Written(url, "t1").run("23 10:00")
    Written(url, "t2").state("23 10:00:00", "input", -1, None, version=5)
    Written(url, "t3").state("23 10:00:00", "dream", -1, None)
    reading = read(23)
    assert counted(reading)["invocations"] == 1
    assert sorted(odd.reason.split(": ", 1)[1] for odd in reading.quarantined) == [
        "a checkpoint is of another format than 1 to 4, which are known",
        "a checkpoint's source is none of input, loop, update, fork",
    ]


def test_a_day_of_nothing_that_is_known_is_refused(url: str, read: Read) -> None:
    for number in range(6):
        Written(url, f"t{number}").state("23 10:00:00", "input", -1, None, version=5)
    with pytest.raises(ContractBroken, match="6 of 6 threads are set aside, as one: a checkpoint is of another format"):
        read(23)


def test_what_stood_before_and_was_deleted_is_unknown(url: str, read: Read) -> None:
    thread = Written(url, "t1")
    thread.run("23 10:00", steps=5)
    with psycopg.connect(url) as connection:
        connection.execute("delete from checkpoints where checkpoint_id < (select max(checkpoint_id) from checkpoints)")
    reading = read(23)
    assert reading.table.num_rows == 0
    assert "deleted" in reading.quarantined[0].reason


def test_the_order_of_rows_is_no_other_content_and_a_choice_restates_nothing(url: str, read: Read) -> None:
    Written(url, "call of +49 151 12345678").run("23 10:00")
    Written(url, "t2", "birch").run("23 10:00")
    never, kept = read(23), read(23, Choices(Keep.KEPT, Keep.KEPT, Keep.KEPT))
    assert never.content_hash == kept.content_hash
    assert "12345678" in str(kept.table["payload"].to_pylist())
    assert "12345678" not in str(never.table["payload"].to_pylist())
    assert sorted(never.table.column_names) == sorted([*(one.name for one in WORKFLOWS.columns), "payload"])
    Written(url, "t3", "birch").run("23 10:00", steps=1)
    assert read(23).content_hash != never.content_hash


def test_nothing_is_written_there(url: str) -> None:
    opened = WORKFLOWS.connect(Access(url))
    with opened.engine.connect() as connection, pytest.raises(Exception, match="read-only transaction"):
        connection.exec_driver_sql("delete from checkpoints")
    opened.close()


def test_the_credential_is_a_url_or_the_password_of_the_address(url: str, unused_port: int) -> None:
    user, rest = url.split("://")[1].split("@")[0].split(":")[0], url.split("@", 1)[1]
    password = url.split("://")[1].split("@")[0].split(":", 1)[1]
    opened = WORKFLOWS.connect(Access(password, address=f"postgresql://{user}@{rest}"))
    assert "version 9" in str(WORKFLOWS.verify(opened, ()))
    opened.close()
    with pytest.raises(NotConfigured, match="MINUTEBOOK_LANGGRAPH_URL"):
        WORKFLOWS.connect(Access("only-a-password"))
    wrong = WORKFLOWS.connect(Access("wrong-secret", address=f"postgresql://{user}@{rest}"))
    with pytest.raises(CredentialRejected) as rejected:
        WORKFLOWS.verify(wrong, ())
    assert "wrong-secret" not in str(rejected.value)
    wrong.close()
    with pytest.raises(ProviderUnreachable) as unreachable:
        WORKFLOWS.verify(WORKFLOWS.connect(Access(f"postgresql://me:secret-word@127.0.0.1:{unused_port}/x")), ())
    assert "secret-word" not in str(unreachable.value)
    with pytest.raises(ProviderRefused) as refused:
        WORKFLOWS.connect(Access("mysql://me:secret-word@host/db"))
    assert "secret-word" not in str(refused.value)


def test_a_database_without_the_tables_is_refused(empty_database_url: str) -> None:
    opened = WORKFLOWS.connect(Access(empty_database_url))
    with pytest.raises(ProviderRefused, match="checkpoint_migrations"):
        WORKFLOWS.verify(opened, ())
    opened.close()


@pytest.mark.skipif(not SAMPLES.exists(), reason="real rows are kept outside of the project")
def test_real_rows_give_what_they_must(url: str, read: Read) -> None:
    with psycopg.connect(url) as connection:
        for table in ("checkpoints", "checkpoint_writes", "checkpoint_blobs"):
            for line in (SAMPLES / f"{table}.jsonl").read_text().splitlines():
                connection.execute(
                    f"insert into {table} select * from jsonb_populate_record(null::{table}, %s::jsonb)",
                    [json.dumps({"task_path": ""} | json.loads(line))],
                )
    expected = json.loads((SAMPLES / "expected.json").read_text())
    tokens: Counter[str] = Counter()
    days = set()
    for day in range(22, 30):
        reading = read(day)
        assert reading.is_whole
        for tenant in ("acme", "birch", "cedar"):
            counts = counted(reading, tenant)
            for name in [name for name in counts if name.startswith("tokens ")]:
                tokens[f"{tenant} {name.split()[1]}"] += counts.pop(name)
            if counts:
                days.add((tenant, f"2026-11-{day}", tuple(sorted(counts.items()))))
    assert days == {
        (one.pop("tenant"), one.pop("usage_date"), tuple(sorted((NAMES.get(it, it), n) for it, n in one.items() if n)))
        for one in expected["by_tenant_and_day"]
    }
    readable: Counter[str] = Counter()
    for thread, models in expected["total_tokens_readable_from_checkpoint_writes_deduplicated_by_message_id"].items():
        readable.update({f"{thread.split(':')[0]} {model}": count for model, count in models.items()})
    assert tokens == readable


NAMES = {"went_to_sleep": "sleeps", "woke": "wakes"}
