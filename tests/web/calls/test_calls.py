"""A tenant's calls on pages: who sees whose, filters, pages by key, words, and what a tenant never sees."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from html import unescape
from urllib.parse import quote

import httpx
import psycopg
import pytest

from orchestration.web.calls import listing
from warehouse.calls import calls
from warehouse.calls.call_filters import Filters, Place
from warehouse.database.connect import Role, connect

Visit = Callable[[str], httpx.Client]
ACME, BRIGHT = "acme-dental", "bright-smiles"
OF_ACME, OF_BRIGHT = f"/tenants/{ACME}/calls", f"/tenants/{BRIGHT}/calls"
ONE = f"{OF_ACME}/2026-10-30/vapi/{ACME}-call-88"
COSTS = ("Margin", "margin", "0.1766", "0.1266", "reported by voice", "Cost")


def ids(page: str, tenant: str = ACME) -> list[str]:
    return re.findall(rf'href="/tenants/{tenant}/calls/[\d-]+/vapi/([^"]+)"', page)


def all_pages(client: httpx.Client, path: str) -> list[str]:
    found: list[str] = []
    for _ in range(20):
        page = client.get(path).text
        found += ids(page)
        older = re.search(r'<a href="([^"]+)" rel="next">', page)
        if older is None:
            return found
        path = unescape(older[1])
    raise AssertionError("the list does not end")


def test_calls_are_listed_newest_first_with_all_that_is_known_of_each(visit: Visit) -> None:
    page = visit("ana").get(OF_ACME).text
    assert ids(page)[:3] == [f"{ACME}-call-{number}" for number in (93, 92, 91)]
    row = page.split("<tbody>")[1].split("</tr>")[0]
    for said in ("31 Oct 2026", "11:00:00", "1:01", "2 Call minutes", "0.1766", "Desk of Acme Dental", "connected",
                 "customer hung up", "succeeded", "yes"):  # fmt: skip
        assert said in row, said
    assert "started seconds" not in row  # a meter of the catalogue that this tenant is not billed by


def test_every_page_is_reached_once_each_call_where_many_have_one_instant(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_calls set created_at = usage_date + interval '9 hours' where tenant_id = %s", [ACME]
        )
        connection.execute(
            "update marts.fct_calls set usage_date = '2026-10-30', created_at = '2026-10-30 09:00+00'"
            " where tenant_id = %s and usage_date > '2026-10-05'", [ACME],
        )  # fmt: skip
        known = connection.execute("select call_id from marts.fct_calls where tenant_id = %s", [ACME]).fetchall()
    found = all_pages(visit("tina"), OF_ACME)
    assert len(found) == 93
    assert sorted(found) == sorted(call_id for (call_id,) in known)


def test_calls_that_come_while_somebody_turns_pages_move_none_of_them(visit: Visit, story_url: str) -> None:
    """Each call that stood is shown once, whether newer or older ones are put between; with words too."""
    for client, words in ((visit("tina"), ""), (visit("otto"), "words=monday")):
        with psycopg.connect(story_url) as connection:
            standing = set(
                connection.execute(
                    "select call_id from marts.fct_call_texts where tenant_id = %(tenant)s and %(words)s <> ''"
                    " union select call_id from marts.fct_calls where tenant_id = %(tenant)s and %(words)s = ''",
                    {"tenant": ACME, "words": words},
                ).fetchall()
            )
        found, path = [], f"{OF_ACME}?{words}"
        for page_number in range(20):
            page = client.get(path).text
            found += ids(page)
            older = re.search(r'<a href="([^"]+)" rel="next">', page)
            if older is None:
                break
            path = unescape(older[1])
            with psycopg.connect(story_url) as connection:
                for table in ("fct_calls", "fct_call_texts"):
                    (columns,) = connection.execute(
                        "select string_agg(attname, ', ') from pg_attribute where attrelid = %s::regclass"
                        " and attnum > 0 and attname not in ('call_id', 'usage_date', 'created_at')",
                        [f"marts.{table}"],
                    ).fetchone() or ("",)
                    connection.execute(
                        f"insert into marts.{table} (call_id, usage_date, created_at, {columns})"  # type: ignore[arg-type]
                        f" select 'new-{words[:5]}-{page_number}-' || d, usage_date + d,"
                        f" created_at + d * interval '1 d', {columns} from marts.{table}"
                        " cross join (values (0), (1), (-10)) as moved (d)"
                        f" where call_id = '{ACME}-call-88'"
                    )
        assert len(found) == len(set(found))
        assert {call_id for (call_id,) in standing} <= set(found)


def test_a_call_of_zero_seconds_is_a_call(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        for table in ("fct_calls", "fct_call_texts"):
            connection.execute(f"update marts.{table} set connected_seconds = 0 where call_id = '{ACME}-call-88'")  # type: ignore[arg-type]
        connection.execute(f"update marts.fct_calls set units = '{{}}' where call_id = '{ACME}-call-88'")
    assert "0:00" in visit("ana").get(ONE).text
    assert ids(visit("tina").get(f"{OF_ACME}?shorter=0").text) == [f"{ACME}-call-88"]
    assert f"{ACME}-call-88" in visit("ana").get(f"{OF_ACME}.csv?shorter=0").text


def test_a_very_long_transcript_in_any_script_is_shown(visit: Visit, story_url: str) -> None:
    text = "مرحبا 😀 שלום " * 1_000
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_call_texts set turns = (select jsonb_agg(jsonb_build_object('speaker', 'customer',"
            " 'seconds', n, 'text', %s::text)) from generate_series(1, 80) as n) where call_id = %s",
            [text, f"{ACME}-call-88"],
        )
    answer = visit("tina").get(ONE)
    assert answer.status_code == 200
    assert answer.text.count(text.strip()) == 80
    assert len(answer.content) > 2_000_000


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("from=2026-10-30&to=2026-10-30", 3), ("from=2026-10-31", 3), ("to=2026-10-02", 6), ("period=2026-10-01", 50),
        ("period=2026-09-01", 0), ("agent=acme-dental-desk&from=2026-10-31", 3), ("agent=nobody", 0), ("agent=-", 1),
        ("number=pn-1&to=2026-10-01", 3), ("number=pn-2", 0), ("number=as-1&to=2026-10-01", 3),
        ("meter=voice_minutes&to=2026-10-01", 2), ("meter=lookups", 0), ("status=error", 1),
        ("status=connected&to=2026-10-01", 2), ("status=%F0%9F%98%80", 0),
        ("end=customer+hung+up&from=2026-10-31", 3), ("end=voicemail", 0), ("campaign=campaign-1&from=2026-10-30", 2),
        ("campaign=campaign-2", 0), ("longer=61&from=2026-10-31", 3), ("longer=62", 0), ("shorter=61", 0),
        ("shorter=62&from=2026-10-31", 3),
        ("customer=%E2%80%A267&from=2026-10-31", 2), ("customer=%2B49+30&from=2026-10-31", 2), ("customer=68", 0),
    ],
)  # fmt: skip
def test_a_filter_leaves_what_it_says(visit: Visit, story_url: str, asked: str, count: int) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_calls set outcome = 'error', agent_id = null where call_id = %s", [f"{ACME}-call-1"]
        )
    page = visit("tina").get(f"{OF_ACME}?{asked}").text
    assert len(ids(page)) == count
    assert ("No call matches." in page) == (count == 0)


def test_where_there_is_no_call_words_say_so(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute("delete from marts.fct_calls where tenant_id = %s", [ACME])
    page = visit("tina").get(OF_ACME).text
    assert "No calls yet." in page
    assert "<table" not in page


@pytest.mark.parametrize(
    "asked",
    [
        "from=soon", "to=2026-02-30", "after=x", "after=2026-10-30~then~vapi~c",
        "after=2026-10-30~2026-10-30T09:00~v~c", "after=~~~", "number=" + "9" * 201,
        "dearer=much", "cheaper=-1", "dearer=1e9", "cheaper=NaN",
        "longer=soon", "shorter=-1", "longer=99999999999999999999", "longer=²",
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_words(visit: Visit, asked: str) -> None:
    answer = visit("tina").get(f"{OF_ACME}?{asked}")
    assert answer.status_code == 400
    assert "Back to the start" in answer.text


def test_a_tenant_that_asks_for_anothers_calls_finds_nothing_there(visit: Visit) -> None:
    tina, theo = visit("tina"), visit("theo")
    anothers = f"{OF_BRIGHT}/2026-10-30/vapi/{BRIGHT}-call-88"
    assert theo.get(anothers).status_code == 200
    for path in (
        OF_BRIGHT, f"{OF_BRIGHT}.csv", anothers, f"{OF_ACME}/2026-10-30/vapi/{BRIGHT}-call-88",
        f"{OF_ACME}/yesterday/vapi/x", f"{OF_ACME}/2026-10-30/vapi/x", "/tenants/nobody/calls",
    ):  # fmt: skip
        answer = tina.get(path)
        assert answer.status_code == 404, path
        assert "Bright" not in answer.text
    assert visit("ana").get("/tenants/nobody/calls").status_code == 404
    assert visit("").get(OF_ACME).status_code == 303


def test_staff_choose_whose_calls_and_a_tenant_is_led_to_its_own(visit: Visit) -> None:
    otto, tina = visit("otto"), visit("tina")
    assert f'href="{OF_BRIGHT}"' in otto.get("/calls").text
    assert OF_BRIGHT not in otto.get("/calls?q=acme").text
    assert "No tenant matches." in otto.get("/calls?q=nobody").text
    assert tina.get("/calls").headers["location"] == OF_ACME


def test_a_tenant_never_sees_what_a_call_cost_and_staff_do(visit: Visit) -> None:
    for path in (OF_ACME, f"{OF_ACME}.csv", ONE):
        of_tenant = visit("tina").get(path).text
        assert [word for word in COSTS if word in of_tenant] == [], path
        assert "pull" not in of_tenant.lower().replace("pulled", ""), path
        for login in ("ana", "otto"):
            assert "0.1766" in visit(login).get(path).text


def test_calls_are_found_by_what_they_cost_by_staff_alone(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        for table in ("fct_calls", "fct_call_texts"):
            connection.execute(
                f"update marts.{table} set cost = 7.5 where call_id = %s",  # type: ignore[arg-type]
                [f"{ACME}-call-88"],
            )
    for login in ("ana", "otto"):
        assert ids(visit(login).get(f"{OF_ACME}?dearer=7.5").text) == [f"{ACME}-call-88"]
        assert len(ids(visit(login).get(f"{OF_ACME}?cheaper=7.49&from=2026-10-30").text)) == 5
        csv_rows = visit(login).get(f"{OF_ACME}.csv?dearer=1&cheaper=8").text.splitlines()
        assert len(csv_rows) == 2
    assert ids(visit("otto").get(f"{OF_ACME}?words=monday&dearer=7").text) == [f"{ACME}-call-88"]
    tina = visit("tina")
    assert 'name="dearer"' not in tina.get(OF_ACME).text
    for asked in ("dearer=0", "cheaper=9", "dearer=0&words=monday"):
        for path in (OF_ACME, f"{OF_ACME}.csv"):
            assert tina.get(f"{path}?{asked}").status_code == 403


def test_an_operator_searches_in_all_tenants_page_by_page_and_is_written_down(visit: Visit, story_url: str) -> None:
    """Each call once, where many of several tenants have one instant and one id."""
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_calls set call_id = replace(call_id, tenant_id, 'it');"
            "update marts.fct_call_texts set call_id = replace(call_id, tenant_id, 'it')"
        )
    otto, found, path = visit("otto"), [], "/calls?words=MONDAY&from=2026-10-20"
    for _ in range(20):
        page = otto.get(path).text
        found += re.findall(r'href="/tenants/([^/"]+)/calls/([\d-]+/vapi/[^"]+)"', page)
        older = re.search(r'<a href="([^"]+)" rel="next">', page)
        if older is None:
            break
        path = unescape(older[1])
    with psycopg.connect(story_url) as connection:
        known = connection.execute(
            "select tenant_id, usage_date || '/vapi/' || call_id from marts.fct_call_texts"
            " where usage_date >= '2026-10-20'"
        ).fetchall()
        written = connection.execute(
            "select actor, tenant_id, after from ledger.audit_log where action = 'search'"
        ).fetchall()
    assert len(found) == len(known) > 150
    assert sorted(found) == sorted(known)
    assert set(written) == {("otto", None, None)}
    one = otto.get("/calls?words=acmedental30").text
    assert f'href="{OF_ACME}"' in one
    assert OF_BRIGHT not in one
    assert "No call matches." in otto.get("/calls?words=monday&customer=68").text
    assert "No call matches." in otto.get("/calls?words=monday&dearer=99").text
    assert otto.get("/calls?words=monday&after=x").status_code == 400
    assert visit("ana").get("/calls?words=monday").status_code == 403
    assert visit("tina").get("/calls?words=monday").headers["location"] == OF_ACME
    assert 'name="words"' not in visit("ana").get("/calls").text


def test_an_operator_alone_reads_a_call_as_it_is_stored(visit: Visit, story_url: str) -> None:
    path = ONE.replace("/calls/", "/stored/")
    with psycopg.connect(story_url) as connection:
        connection.execute("insert into ledger.attempts (trigger) values ('cli')")
        ((pull,),) = connection.execute(
            "insert into ledger.pulls (attempt_id, source, account, usage_date, state, row_count, closed_at)"
            " select max(attempt_id), 'vapi', 'platform', '2026-10-30', 'published', 1, now() from ledger.attempts"
            " returning pull_id"
        ).fetchall()
        connection.execute(
            "insert into raw_vapi.calls (account, usage_date, pull_id, call_id, created_at, updated_at, payload)"
            " values ('platform', '2026-10-30', %s, %s, now(), now(), %s)",
            [pull, f"{ACME}-call-88", '{"cost": 0.10, "said": "as it was"}'],
        )
        connection.execute("update marts.fct_calls set pull_id = %s", [pull])
    assert f'href="{path}"' in visit("otto").get(ONE).text
    answer = visit("otto").get(path)
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == '{\n  "cost": 0.10,\n  "said": "as it was"\n}'
    assert visit("otto").get(path + "x").status_code == 404
    for login in ("tina", "ana"):
        assert "/stored/" not in visit(login).get(ONE).text
        assert visit(login).get(path).status_code in (403, 404)
    with psycopg.connect(story_url) as connection:
        written = connection.execute(
            "select actor, tenant_id, after ->> 'call_id' from ledger.audit_log where action = 'read'"
        ).fetchall()
    assert written == [("otto", ACME, f"{ACME}-call-88")]


def test_one_call_is_told_in_words_down_to_its_line(visit: Visit) -> None:
    page = visit("ana").get(ONE).text
    for said in ("30 Oct 2026, 09:00:00 UTC", "61.25 s: 2 × 60 s begun", "Call minutes",
                 "2 of the 31 minutes of 30 Oct 2026;",
                 "31 of that day’s are over what is included, for 3.565 USD",
                 f"{ACME}-call-88", "customer-ended-call", "0.1266", "reported by voice", "never stored"):  # fmt: skip
        assert said in page, said
    assert f'href="/periods/{ACME}/2026-10-01#lines"' in page
    assert 'href="/usage/2026-10-01#lines"' in visit("tina").get(ONE).text
    assert 'href="/usage/2026-10-01#days-voice_minutes"' in visit("tina").get(ONE).text


def test_a_tenant_reads_its_call_without_our_identifiers_and_without_json(visit: Visit) -> None:
    main = visit("tina").get(ONE).text.partition('<main id="content">')[2]
    words = unescape(re.sub("<[^>]*>", " ", main))
    assert "day: Monday" in words
    for ours in (
        f"{ACME}-call-88",
        "customer-ended-call",
        "as-1",
        "pn-1",
        "Read as",
        "How it found its tenant",
        "{",
        '"',
    ):
        assert ours not in words


RESULT = (
    "+49 30 •••••67", "They asked when the practice opens", "succeeded", "4.5", "positive", "opening hours, booking",
    "Next visit", "Consent to be recorded", "verbal", "Recording",
)  # fmt: skip
SAID = ("Good morning, how may I help?", "When do you open on Monday?", "0:04")


def test_a_call_shows_what_came_of_it_and_its_words_to_its_tenant_and_operators_alone(visit: Visit) -> None:
    for login in ("tina", "otto", "ana"):
        page = visit(login).get(ONE).text
        assert [said for said in RESULT if said not in page] == [], login
        assert ("Listen at the provider" in page) == (login != "ana")
        assert [said for said in SAID if (said in page) != (login != "ana")] == [], login
    assert "3 turns are stored; operators and the tenant read them" in visit("ana").get(ONE).text
    without = visit("tina").get(f"{OF_ACME}/2026-10-30/vapi/{ACME}-call-89").text
    assert "Nothing of it is stored." in without
    assert "No transcript of it is stored." in without


def test_what_is_not_known_of_a_call_is_named_and_is_no_failure(visit: Visit, story_url: str) -> None:
    for state, said in (
        ("not evaluated", "not evaluated"), ("not stored", "nothing is stored that could say"),
        ("no rubric", "no rubric of its assistant says what that means"),
        ("not readable", "none of its rubric"), ("not connected", "it never connected"),
    ):  # fmt: skip
        with psycopg.connect(story_url) as connection:
            connection.execute("update marts.fct_call_results set evaluation_state = %s, is_success = null", [state])
        page = visit("tina").get(ONE).text
        assert said in page
        assert "failed" not in page
        assert '<span class="tag">failed' not in visit("tina").get(OF_ACME).text


def test_what_was_said_is_only_ever_text(visit: Visit, story_url: str) -> None:
    evil = "<script>alert(1)</script> \u202e"
    with psycopg.connect(story_url) as connection:
        connection.execute("update marts.fct_call_results set summary = %s, customer = %s, evaluation = %s", [evil] * 3)
        connection.execute(
            "update marts.fct_call_texts set turns = jsonb_build_array(jsonb_build_object('speaker', 'other', 'text',"
            " %s::text))",
            [evil],
        )
    for login, shown in (("tina", 3), ("otto", 4)):  # a client reads what a judgement means, and not its own words
        page = visit(login).get(ONE).text
        assert "<script" not in page
        assert "\u202e" not in page
        assert page.count("&lt;script&gt;") == shown


def test_words_find_a_tenants_own_calls_page_by_page_with_every_filter(visit: Visit) -> None:
    for login in ("tina", "otto"):
        client = visit(login)
        assert len(all_pages(client, f"{OF_ACME}?words=MONDAY")) == 62
        assert len(list(csv.DictReader(io.StringIO(client.get(f"{OF_ACME}.csv?words=monday").text)))) == 62
        for asked, count in (
            ("monday+-acmedental30", 50), ("acmedental30", 2), ("%22open+on+monday%22&from=2026-10-30", 4),
            ("brightsmiles30", 0),
            ("monday+or+x&campaign=campaign-1&from=2026-10-30", 2), ("monday&agent=nobody", 0), ("monday&longer=62", 0),
            ("monday&status=error", 0), ("monday&customer=67&from=2026-10-31", 2), ("monday&customer=68", 0),
            ("monday&end=voicemail", 0), ("%3Dbright-smiles", 0), ("%27", 0),
        ):  # fmt: skip
            assert len(ids(client.get(f"{OF_ACME}?words={asked}").text)) == count, (login, asked)
    assert 'name="words"' not in visit("ana").get(OF_ACME).text
    assert visit("ana").get(f"{OF_ACME}?words=monday").status_code == 403
    assert "leave these two empty" in visit("tina").get(f"{OF_ACME}?words=monday&number=pn-1").text


def test_a_call_says_by_which_id_it_came_since_when_and_which_pulls_brought_it(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute("insert into control.agents (agent_id, tenant_id, name) values ('desk', %s, 'Desk')", [ACME])
        connection.execute(
            "insert into control.agent_attachments values ('vapi_phone_number', 'pn-1', '2026-09-05', %s, 'desk')",
            [ACME],
        )
        connection.execute("insert into ledger.attempts (trigger) values ('cli')")
        connection.execute(
            "insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, row_count, totals,"
            " closed_at) select max(attempt_id), 'vapi', %(it)s, %(it)s, '2026-10-30', s.state, 3,"
            ' \'{"calls": 3, "connected_seconds": 183.75}\', now()'
            " from ledger.attempts cross join (values ('superseded'), ('published')) as s (state) group by s.state",
            {"it": ACME},
        )
    page = visit("otto").get(ONE).text
    assert '<code>pn-1</code>, attached to the agent <bdi title="desk">Desk</bdi> from 5 Sep 2026 on' in page
    assert "3 calls, 183.75 connected seconds" in page
    plain = page.replace("<span>", "").replace("</span>", "")
    assert f"minutebook pull diff --tenant {ACME} --source vapi --on 2026-10-30" in plain


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ('costs = \'{"voice": 0.05}\', unknown_costs = \'{"model": "no_number"}\'', "the provider gives no number"),
        (
            'costs = \'{}\', covered_costs = \'{"model": {"service": "llm"}}\'',
            "on another provider’s bill, which has not been read yet",
        ),
        ("costs = '{}', cost_basis = 'estimated'", "estimated for the day as a whole"),
    ],
)
def test_a_cost_that_is_not_known_is_named_and_never_0(visit: Visit, story_url: str, change: str, said: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(f"update marts.fct_calls set {change} where call_id = %s", [f"{ACME}-call-88"])  # type: ignore[arg-type]
    assert said in visit("ana").get(ONE).text
    page = visit("ana").get(f"{OF_ACME}?from=2026-10-30&to=2026-10-30").text
    assert "not known" in page
    rows = list(csv.DictReader(io.StringIO(visit("ana").get(f"{OF_ACME}.csv?from=2026-10-30&to=2026-10-30").text)))
    assert {row["cost"] for row in rows if row["call_id"] == f"{ACME}-call-88"} == {""}
    assert {row["margin"] for row in rows if row["call_id"] == f"{ACME}-call-88"} == {""}


def test_a_component_on_anothers_bill_costs_what_that_bill_says(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_calls set covered_costs = '{\"telephony\": {\"service\": \"telephony\", \"cost\": 9}}'"
            " where call_id = %s", [f"{ACME}-call-88"],
        )  # fmt: skip
        connection.execute(
            "insert into marts.fct_call_charges (tenant_id, call_date, voice_source, voice_account, call_id, component,"
            " service, basis, currency, cost) values (%s, '2026-10-30', 'vapi', 'platform', %s, 'telephony',"
            " 'telephony', 'reported_by_provider', 'USD', 0.0085)", [ACME, f"{ACME}-call-88"],
        )  # fmt: skip
    page = visit("ana").get(ONE).text
    assert "0.0085" in page
    assert "reported by provider" in page
    assert "0.1851" in page


def test_the_csv_is_what_is_filtered_and_runs_in_no_spreadsheet(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_calls set ended_reason = '=HYPERLINK(\"http://evil.example\")\x1b[2J' where call_id = %s",
            [f"{ACME}-call-88"],
        )
    answer = visit("tina").get(f"{OF_ACME}.csv?from=2026-10-30&to=2026-10-30")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["call_id"] for row in rows] == [f"{ACME}-call-{number}" for number in (90, 89, 88)]
    assert rows[2]["ended_reason"] == '\'=HYPERLINK("http://evil.example")'
    assert rows[0]["created_at"] == "2026-10-30T11:00:00Z"
    assert rows[0]["line_ids"] == f"{ACME}/2026-10-01/overage/voice_minutes"
    assert len(visit("ana").get(f"{OF_ACME}.csv").text.splitlines()) == 94


def test_the_csv_is_whole_where_it_takes_many_readings(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "CSV_ROWS", 31)
    rows = list(csv.DictReader(io.StringIO(visit("ana").get(f"{OF_ACME}.csv").text)))
    assert len({row["call_id"] for row in rows}) == len(rows) == 93


def test_an_unfriendly_agent_or_id_is_only_ever_text(visit: Visit, story_url: str) -> None:
    name = "\u202eمستشفى\u202c 😀 <script>alert(1)</script> " + "n" * 60
    call_id = "a/../b?c=%2f&d#e 😀"
    with psycopg.connect(story_url) as connection:
        connection.execute("update marts.dim_agents set name = %s where tenant_id = %s", [name, ACME])
        connection.execute("update marts.fct_calls set call_id = %s where call_id = %s", [call_id, f"{ACME}-call-93"])
    client = visit("ana")
    page = client.get(OF_ACME).text
    assert "<script" not in page
    assert "\u202e" not in page
    assert "<bdi>مستشفى 😀 &lt;script&gt;" in page
    one = client.get(f"{OF_ACME}/2026-10-31/vapi/{quote(call_id, safe='')}")
    assert one.status_code == 200
    assert f'/{quote(call_id, safe="")}"' in page
    assert "&lt;script&gt;" in one.text


def test_each_line_opens_its_days_and_each_day_its_calls(visit: Visit) -> None:
    for client, path in ((visit("ana"), f"/periods/{ACME}/2026-10-01"), (visit("tina"), "/usage/2026-10-01")):
        page = client.get(path).text
        assert '<a href="#days-voice_minutes">Call minutes beyond what is included</a>' in page
        assert 'id="days-voice_minutes"' in page
        day = unescape(re.findall(rf'href="({OF_ACME}\?from=2026-10-30[^"]*)"', page)[0])
        assert len(ids(client.get(day).text)) == 3
        assert f"{OF_ACME}?from=2026-10-30&amp;to=2026-10-30&amp;meter=lookups" not in page


def test_a_line_reads_in_words_with_the_numbers_it_was_computed_from(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        used, over, amount = connection.execute(
            "select inputs ->> 'quantity', quantity, unrounded_amount from marts.fct_statement_lines"
            " where line_id = %s",
            [f"{ACME}/2026-10-01/overage/voice_minutes"],
        ).fetchone() or ("", 0, 0)
    said = f"{used} minutes used, 600 included, {over} × 0.115 = {amount.normalize():f}"
    assert said in visit("ana").get(f"/periods/{ACME}/2026-10-01").text
    assert said in visit("tina").get("/usage/2026-10-01").text


@pytest.mark.parametrize("role", [Role.ANALYST, Role.TENANT])
def test_no_page_reads_all_calls(story_url: str, role: Role) -> None:
    """Neither the first page nor a later one, of a tenant among a thousand, as staff or as itself."""
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "insert into marts.fct_calls (tenant_id, call_id, source, account, pull_id, usage_date, outcome, scopes,"
            " units, created_at) select 'tenant-' || n % 1000, 'c-' || n, 'vapi', 'platform', 1,"
            " '2026-09-01'::date + n % 60, 'connected', '{}', '{}',"
            " '2026-09-01'::timestamptz + n % 60 * interval '1 day'"
            " from generate_series(1, 60000) as n"
        )
        connection.execute("analyze marts.fct_calls")
    place = Place(date(2026, 10, 20), datetime(2026, 10, 20, 10, tzinfo=UTC), "vapi", "c")
    with connect(story_url, role) as connection:
        connection.execute("select set_config('minutebook.tenant_id', %s, false)", [ACME])
        for after in (None, place):
            query = b"explain " + calls.listed(Filters()).as_bytes(connection)
            plan = "\n".join(
                line for (line,) in connection.execute(query, calls.listing(ACME, Filters(), after, 50)).fetchall()
            )
            assert "Seq Scan" not in plan, plan
            assert "Index Cond: ((tenant_id = " in plan, plan
            assert "usage_date <= '2026-10-20'" in plan or after is None, plan
