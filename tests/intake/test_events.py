"""What is answered to events, and that an answer is true: taken once, refused by name, never lost."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
import pytest

from orchestration.intake.contract import LARGEST_DATA_BYTES
from tests.intake.conftest import Pushing
from tests.intake.served import event, key
from warehouse import clock


@pytest.fixture
def acme(pushing: Pushing, acme_key: str) -> httpx.Client:
    return pushing(acme_key)


def stored(url: str, *ids: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select event_id, tenant_id, facts::text, personal::text from intake.events where event_id = any(%s)"
            " order by event_number",
            [list(ids)],
        ).fetchall()


def test_an_event_is_committed_before_it_is_answered_and_known_when_it_comes_again(
    url: str, acme: httpx.Client
) -> None:
    one = event("one", data={"quantity": 3, "model": "large"})
    assert acme.post("/v1/events", json=one).json() == {"accepted": 1, "duplicates": 0}
    assert stored(url, "one") == [("one", "acme", '{"quantity":3,"model":"large"}', None)]
    respelled = json.dumps(one).replace('"quantity": 3, "model": "large"', '"model": "large", "quantity": 3.0')
    again = acme.post("/v1/events", content=respelled, headers={"Content-Type": "application/cloudevents+json"})
    assert (again.status_code, again.json()) == (202, {"accepted": 0, "duplicates": 1})
    assert len(stored(url, "one")) == 1


def test_the_same_id_with_other_content_is_refused_and_said(acme: httpx.Client) -> None:
    first = event("conflict", data={"quantity": 1})
    assert acme.post("/v1/events", json=first).status_code == 202
    for change in ({"data": {"quantity": 2}}, {"type": "other"}, {"subject": "desk"}):
        answer = acme.post("/v1/events", json=first | change)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert [one["code"] for one in answer.json()["rejected"]] == ["id_conflict"]


def test_of_a_batch_all_but_the_refused_is_stored_and_each_refusal_is_named(url: str, acme: httpx.Client) -> None:
    now = clock.now()
    batch: list[Any] = [
        event("good-1"),
        event("late", time=(now - timedelta(days=36)).isoformat()),
        event("early", time=(now + timedelta(minutes=6)).isoformat()),
        event("naive", time="2026-11-26T10:00:00"),
        event("", data={}),
        event("minus", data={"quantity": -1}),
        event("long", data={"quantity": "1.123456789012345678"}),
        event("free", data={"cost": 1}),
        event("secret", data={"api_key": "sk-1"}),
        event("deep", data=_nested(17)),
        event("orphan", replaces="nobody"),
        {"specversion": "0.3"},
        "no event",
        *[event("good-2")] * 2,
    ]
    answer = acme.post("/v1/events", json=batch)
    assert answer.status_code == 422
    told = answer.json()
    assert (told["accepted"], told["duplicates"]) == (2, 1), told
    assert {one["index"]: one["code"] for one in told["rejected"]} == {
        1: "time_too_old", 2: "time_in_future", 3: "invalid_time", 4: "invalid_id", 5: "invalid_quantity",
        6: "invalid_quantity", 7: "invalid_currency", 8: "invalid_data", 9: "invalid_data", 10: "replaces_unknown",
        11: "invalid_specversion", 12: "invalid_event",
    }  # fmt: skip
    assert [row[0] for row in stored(url, "good-1", "good-2")] == ["good-1", "good-2"]
    again = acme.post("/v1/events", json=batch)
    assert (again.json()["accepted"], again.json()["duplicates"]) == (0, 3)


@pytest.mark.parametrize(
    "data",
    [b'{"text":"cut \\ud83d"}', b'{"\\udfff":1}', b'{"n":NaN}', b'{"n":01}', b'{"a":' * 3_000 + b"1" + b"}" * 3_000],
)
def test_an_event_that_cannot_be_read_is_refused_by_itself_wherever_it_stands(
    url: str, acme: httpx.Client, data: bytes
) -> None:
    names = [f"beside-{hash(data)}-{number}" for number in range(2)]
    first, last = (json.dumps(event(name, data={"text": 'a "],[" \\'})).encode() for name in names)
    broken = json.dumps(event("broken")).encode()[:-1] + b',"data":' + data + b"}"
    body = b"[" + first + b",\n" + broken + b" , " + last + b"]\n"
    answer = acme.post("/v1/events", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["accepted"]) == (422, 2), answer.text
    assert [(one["index"], one["code"]) for one in answer.json()["rejected"]] == [(1, "invalid_event")]
    assert [row[0] for row in stored(url, *names)] == names
    for cut in (body[:-2], body[:-2] + b"}", body[1:], body + b"]"):
        assert acme.post("/v1/events", content=cut, headers={"Content-Type": "application/json"}).status_code == 400


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ("1e400", "invalid_quantity"),
        ("0.1e-30", "invalid_quantity"),
        ("1e999999999999", "invalid_quantity"),
        ("1e9999999999999999999999", "invalid_quantity"),
        ('1,"other":1e9999999999999999999999', "invalid_data"),
        ('"1e400"', "invalid_quantity"),
        ('"\u0661"', "invalid_quantity"),
        ("true", "invalid_quantity"),
        ("null", "invalid_quantity"),
        ("1e15", "invalid_quantity"),
        ("-0", None),
        ("1E+2", None),
        ("999999999999999", None),
        ('"-0.0"', None),
    ],
)
def test_a_quantity_is_what_its_digits_say_or_is_refused(acme: httpx.Client, quantity: str, code: str | None) -> None:
    body = json.dumps(event(f"of {quantity}"))[:-1] + f',"data":{{"quantity":{quantity}}}}}'
    answer = acme.post("/v1/events", content=body.encode(), headers={"Content-Type": "application/json"})
    assert [one["code"] for one in answer.json().get("rejected", [])] == ([code] if code else []), answer.text


def test_a_leap_second_is_the_last_of_its_day_and_what_is_no_time_is_refused(acme: httpx.Client) -> None:
    yesterday = f"{clock.today() - timedelta(days=1)}"
    times = {"T23:59:60Z": None, "T23:59:60.5+00:00": None, "T24:00:00Z": "invalid_time", "T23:59:61Z": "invalid_time",
             "T10:00:00+05:60": "invalid_time", "T10:00:00+05:30": None}  # fmt: skip
    for time_of_day, code in times.items():
        answer = acme.post("/v1/events", json=event(f"at {time_of_day}", time=yesterday + time_of_day))
        assert [one["code"] for one in answer.json().get("rejected", [])] == ([code] if code else []), answer.text
        if code is None:
            followed = acme.get(f"/v1/events/%2Focr%2Feu-1/{quote(f'at {time_of_day}', safe='')}").json()
            assert followed["usage_date"] == yesterday


def test_a_member_that_comes_twice_counts_as_it_came_last_and_an_id_of_two_contents_once(
    url: str, acme: httpx.Client
) -> None:
    twice = json.dumps(event("twice"))[:-1] + ',"data":{"quantity":1,"quantity":2}}'
    assert acme.post("/v1/events", content=twice, headers={"Content-Type": "application/json"}).status_code == 202
    assert stored(url, "twice")[0][2] == '{"quantity":2}'
    two = [event("of two", data={"quantity": quantity}) for quantity in (1, 2)]
    told = acme.post("/v1/events", json=two).json()
    assert (told["accepted"], [(one["index"], one["code"]) for one in told["rejected"]]) == (1, [(1, "id_conflict")])
    assert stored(url, "of two")[0][2] == '{"quantity":1}'


def test_a_body_may_come_in_chunks_and_not_compressed(url: str, acme: httpx.Client) -> None:
    body = json.dumps(event("in chunks")).encode()
    headers = {"Content-Type": "application/cloudevents+json"}
    assert acme.post("/v1/events", content=iter([body[:9], body[9:]]), headers=headers).status_code == 202
    packed = acme.post("/v1/events", content=gzip.compress(body), headers={**headers, "Content-Encoding": "gzip"})
    assert (packed.status_code, packed.headers["Accept-Encoding"]) == (415, "identity")
    assert packed.headers["content-type"] == "application/problem+json"


def test_what_replaces_itself_or_what_replaces_it_or_another_sources_event_replaces_nothing(acme: httpx.Client) -> None:
    circle = [event("k1", replaces="k3"), event("k2", replaces="k1"), event("k3", replaces="k2")]
    others = [event("itself", replaces="itself"), event("k4"), event("k5", source="/other", replaces="k4")]
    told = acme.post("/v1/events", json=circle + others).json()
    assert told["accepted"] == 1
    assert [one["code"] for one in told["rejected"]] == ["replaces_unknown"] * 5
    line = [event("k1"), event("k2", replaces="k1"), event("k3", replaces="k2")]
    assert acme.post("/v1/events", json=line).json()["accepted"] == 3
    back = acme.post("/v1/events", json=event("k1", replaces="k3")).json()
    assert [one["code"] for one in back["rejected"]] == ["id_conflict"], "a line never becomes a circle"


def test_digits_and_sources_are_kept_as_they_are(url: str, acme: httpx.Client) -> None:
    tail = (
        ',"data":{"quantity":2,"cost":0.1234567890123456789012345,"currency":"USD","n":12345678901234567890123456789}}'
    )
    body = json.dumps(event("digits"))[:-1] + tail
    assert acme.post("/v1/events", content=body, headers={"Content-Type": "application/json"}).status_code == 202
    assert "0.1234567890123456789012345" in stored(url, "digits")[0][2]
    assert "12345678901234567890123456789" in stored(url, "digits")[0][2]
    two = [event("c", source="a-b"), event("b-c", source="a")]
    assert acme.post("/v1/events", json=two).json() == {"accepted": 2, "duplicates": 0}


def test_data_may_have_32_kib_and_a_batch_of_them_4_mib(url: str, acme: httpx.Client) -> None:
    def sized(name: str, size: int) -> bytes:
        data = b'{"text":"' + b"x" * (size - 11) + b'"}'
        assert len(data) == size
        return json.dumps(event(name)).encode()[:-1] + b',"data":' + data + b"}"

    def push(*bodies: bytes) -> httpx.Response:
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        return acme.post("/v1/events", content=b"[" + b",".join(bodies) + b"]", headers=headers)

    whole = push(*(sized(f"large-{number}", LARGEST_DATA_BYTES) for number in range(120)))
    assert whole.json() == {"accepted": 120, "duplicates": 0}
    ((_, _, facts, _),) = stored(url, "large-119")
    assert len(facts) == LARGEST_DATA_BYTES
    larger = push(sized("larger", LARGEST_DATA_BYTES + 1), sized("not larger", LARGEST_DATA_BYTES))
    assert [(one["index"], one["code"]) for one in larger.json()["rejected"]] == [(0, "invalid_data")]
    assert "32 KiB" in larger.json()["rejected"][0]["detail"]
    assert larger.json()["accepted"] == 1


def test_what_may_be_personal_is_kept_apart_and_as_the_tenant_chose(url: str, acme: httpx.Client) -> None:
    spoken = event("spoken", data={"caller": "+15550100", "transcript": "my number is +1 555 0100", "kind": "sale"})
    assert acme.post("/v1/events", json=spoken).status_code == 202
    _, _, facts, personal = stored(url, "spoken")[0]
    assert facts == '{"kind":"sale"}'
    assert json.loads(personal) == {"caller": "+15550100"}, "transcripts are kept for nobody who has not asked"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"7", "application/json", 400),
        (b"[{}]", "application/cloudevents+json", 400),
        (b"{}", "application/cloudevents-batch+json", 400),
        (b"[" * 200_000, "application/json", 400),
        (b'"\xff"', "application/json", 400),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", "application/json", 413),
        (b"[" + b" " * (4 * 2**20) + b"]", "application/json", 413),
        (b"{}", "text/plain", 415),
        (b"{}", "application/cloudevents+json; charset=utf-8", 422),
    ],
)
def test_what_is_no_request_is_a_problem(acme: httpx.Client, content: bytes, kind: str, status: int) -> None:
    answer = acme.post("/v1/events", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_replacement_counts_in_place_of_what_it_replaces(url: str, acme: httpx.Client) -> None:
    yesterday = (clock.now() - timedelta(days=1)).isoformat()
    line = [
        event("r1", data={"quantity": 5}),
        event("r2", data={"quantity": 4}, replaces="r1", time=yesterday),
        event("r3", data={"quantity": 3}, replaces="r1"),
    ]
    assert acme.post("/v1/events", json=line).json() == {"accepted": 3, "duplicates": 0}
    states = [acme.get(f"/v1/events/%2Focr%2Feu-1/{name}").json() for name in ("r1", "r2", "r3")]
    assert [one["replaced_by"] for one in states] == ["r3", "r3", None]
    assert [one["state"] for one in states] == ["replaced", "replaced", "stored"]


def test_who_replaces_waits_for_who_takes_the_same_id_at_that_moment(url: str, acme: httpx.Client) -> None:
    assert acme.post("/v1/events", json=event("base")).status_code == 202
    with ThreadPoolExecutor(1) as pool, psycopg.connect(url) as other, psycopg.connect(url, autocommit=True) as looking:
        other.execute(
            "insert into intake.identities (tenant_id, source, event_id, usage_date, content_hash)"
            " values ('acme', '/ocr/eu-1', 'raced', current_date, '')"
        )
        answer = pool.submit(acme.post, "/v1/events", json=[event("beside"), event("raced", replaces="base")])
        waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        deadline = time.monotonic() + 5
        while looking.execute(waits).fetchone() == (0,):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        other.commit()
        told = answer.result()
    assert told.status_code == 422
    assert (told.json()["accepted"], told.json()["rejected"][0]["code"]) == (1, "id_conflict")


def test_an_event_can_be_followed_by_its_tenant_alone(url: str, pushing: Pushing, acme: httpx.Client) -> None:
    birch = pushing(key(url, "birch"))
    yesterday = clock.now() - timedelta(days=1)
    followed = event("followed", time=yesterday.isoformat())
    assert acme.post("/v1/events", json=followed).status_code == 202
    assert acme.post("/v1/events", json=event("refused", data={"quantity": "many"})).status_code == 422
    assert acme.get("/v1/events/%2Focr%2Feu-1/followed").json()["usage_date"] == yesterday.date().isoformat()
    assert acme.get("/v1/events/%2Focr%2Feu-1/refused").json()["code"] == "invalid_quantity"
    unknown = birch.get("/v1/events/%2Focr%2Feu-1/unheard-of")
    for name in ("followed", "refused"):
        other = birch.get(f"/v1/events/%2Focr%2Feu-1/{name}")
        assert (other.status_code, other.content) == (404, unknown.content)
    assert birch.post("/v1/events", json=followed).json() == {"accepted": 1, "duplicates": 0}
    assert acme.get("/v1/events/x").status_code == 404


def test_a_key_of_the_platform_names_the_tenant_and_a_tenants_key_no_other(
    url: str, pushing: Pushing, acme: httpx.Client
) -> None:
    platform = pushing(key(url, None))
    for_birch = event("for-birch", tenant="birch")
    others = [event("for-nobody"), event("for-shut", tenant="shut"), event("for-no-text", tenant="b\0rch")]
    told = platform.post("/v1/events", json=[for_birch, *others])
    assert told.json()["accepted"] == 1
    assert {one["code"] for one in told.json()["rejected"]} == {"invalid_tenant"}
    assert stored(url, "for-birch")[0][1] == "birch"
    assert (
        acme.post("/v1/events", json=event("of-acme", tenant="birch")).json()["rejected"][0]["code"] == "invalid_tenant"
    )
    assert platform.get("/v1/events/%2Focr%2Feu-1/for-birch?tenant=birch").json()["state"] == "stored"
    assert platform.get("/v1/events/%2Focr%2Feu-1/for-birch").status_code == 403


def test_a_key_with_scope_backfill_reaches_further_back(url: str, pushing: Pushing) -> None:
    client = pushing(key(url, "birch", "backfill"))
    old = [event(f"old-{days}", time=(clock.now() - timedelta(days=days)).isoformat()) for days in (399, 401)]
    told = client.post("/v1/events", json=old).json()
    assert (told["accepted"], [one["code"] for one in told["rejected"]]) == (1, ["time_too_old"])


def _nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"in": value}
    return value
