"""What finance, the operator and a tenant see, and what a decision does."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable
from html import unescape
from pathlib import Path

import httpx
import psycopg
import pytest

from orchestration.marts import building
from orchestration.remedies.days import fix
from tests.web import world
from tests.web.server import serving
from tests.web.signing import PASSWORD, form_token, sign_in
from warehouse.database.connect import Role, connect
from warehouse.marts import freshness
from warehouse.security import web_logins
from warehouse.statements import periods
from warehouse.statements.blocking import blockers
from warehouse.statements.periods import Month

Visit = Callable[[str], httpx.Client]
ACME, BRIGHT, VET, LEGAL = "acme-dental", "bright-smiles", "corner-vet", "delta-legal"
SCRIPT = "script-alert-1-script"


def approve(client: httpx.Client, tenant: str, **fields: str) -> int:
    token = form_token(client.get(f"/periods/{tenant}/2026-10-01").text)
    return client.post(f"/periods/{tenant}/2026-10-01/approve", data={"form_token": token, **fields}).status_code


def test_the_month_shows_every_statement_with_what_blocks_it_and_how_it_moved(visit: Visit) -> None:
    page = visit("ana").get("/periods").text
    assert "October 2026" in page
    assert "Delta Legal" in page
    assert "3 days" in page
    assert "1 item not billed" in page
    assert "against" in page


@pytest.mark.parametrize(("login", "page"), [("ana", "/periods"), ("otto", "/days"), ("tina", "/usage/2026-10-01")])
def test_the_navigation_leads_to_each_page_once_and_says_where_one_is(visit: Visit, login: str, page: str) -> None:
    (navigation,) = re.findall(r'<nav aria-label="Main">.*?</nav>', visit(login).get(page).text, flags=re.DOTALL)
    links = re.findall(r'href="([^"]+)"', navigation)
    assert len(links) == len(set(links)) > 1
    assert navigation.count("aria-current") == 1


def test_the_month_counts_as_blocked_exactly_what_review_blocks(visit: Visit, story_url: str) -> None:
    """The list counts in bulk what `periods.blockers` names one by one; they must not disagree."""
    client = visit("ana")
    with connect(story_url, Role.OPERATOR) as connection:
        for statement in periods.statements(connection, Month.parse("2026-10")):
            is_blocked = bool(blockers(connection, [statement], world.TODAY))
            shown = "blocked" if is_blocked else "ready"
            page = client.get(f"/periods?month=2026-10&show={shown}").text
            assert f'/periods/{statement["tenant_id"]}/2026-10-01"' in page


def test_what_moved_or_is_counted_otherwise_by_a_provider_is_blocked_in_the_list_as_in_review(
    visit: Visit, story_url: str
) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_statements set overage = overage + 500, total = total + 500"
            " where tenant_id = %s and period_start = '2026-10-01'",
            [BRIGHT],
        )
        connection.execute("insert into ledger.attempts (trigger) values ('cli')")
        connection.execute(
            "with made as (insert into ledger.attempts (trigger) values ('cli') returning attempt_id)"
            " insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, row_count, totals,"
            " provider_totals, closed_at)"
            " select max(attempt_id), 'usage_metrics', %(it)s, %(it)s, '2026-10-09', 'published', 5,"
            " '{\"calls\": 5}', '{\"calls\": 6}', now() from ledger.attempts",
            {"it": ACME},
        )
        connection.execute("insert into control.agents (agent_id, tenant_id, name) values ('desk', %s, 'Desk')", [ACME])
        connection.execute(
            "insert into control.agent_attachments values ('usage_agent', 'desk', '2026-09-01', %s, 'desk')", [ACME]
        )
    page = visit("ana").get("/periods?month=2026-10&show=blocked").text
    assert "moved a lot" in page
    assert "a provider counts otherwise" in page
    test_the_month_counts_as_blocked_exactly_what_review_blocks(visit, story_url)


def test_approving_freezes_the_statement_under_the_name_of_who_approved(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    assert approve(client, BRIGHT) == 303
    with psycopg.connect(story_url) as connection:
        period = connection.execute(
            "select state, changed_by from ledger.periods where tenant_id = %s and period_start = '2026-10-01'",
            [BRIGHT],
        ).fetchone()
        actors = connection.execute(
            "select distinct actor from ledger.audit_log where object_table = 'ledger.periods' and tenant_id = %s",
            [BRIGHT],
        ).fetchall()
    assert period == ("approved", "ana")
    assert ("ana",) in actors
    page = client.get(f"/periods/{BRIGHT}/2026-10-01").text
    assert "Set to approved" in page
    assert "Override" not in page


def test_a_blocked_statement_is_approved_only_with_a_reason_which_is_kept(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    assert approve(client, LEGAL) == 409
    assert approve(client, LEGAL, reason="   ") == 409
    assert approve(client, LEGAL, reason="Key comes back in December, agreed with <Delta>") == 303
    page = client.get(f"/periods/{LEGAL}/2026-10-01").text
    assert "agreed with &lt;Delta&gt;" in page


def test_a_refused_approval_says_why_and_changes_nothing(visit: Visit) -> None:
    client = visit("ana")
    token = form_token(client.get(f"/periods/{LEGAL}/2026-10-01").text)
    answer = client.post(f"/periods/{LEGAL}/2026-10-01/approve", data={"form_token": token})
    assert "Not approved." in answer.text
    assert "pull vapi of delta-legal" in answer.text


def approve_many(client: httpx.Client, query: str) -> httpx.Response:
    """Send the confirmation that the page of this choice shows."""
    page = client.get(f"/approvals?month=2026-10&{query}").text
    found = re.search(r'name="seen" value="(\w+)"', page)
    form = {"form_token": form_token(page), "seen": found[1] if found else ""}
    return client.post(f"/approvals?month=2026-10&{query}", data=form)


def states(story_url: str) -> dict[str, str]:
    with psycopg.connect(story_url) as connection:
        return dict(
            connection.execute(
                "select tenant_id, state from ledger.periods where period_start = '2026-10-01'"
            ).fetchall()
        )


def test_all_that_are_ready_are_approved_by_one_confirmation_and_what_is_blocked_is_not(
    visit: Visit, story_url: str
) -> None:
    client = visit("ana")
    ready = re.findall(r'name="period" value="([a-z0-9-]+)/2026-10-01"', client.get("/periods?month=2026-10").text)
    page = client.get("/approvals?month=2026-10&which=ready").text
    assert f"Approve {len(ready)} statements" in page
    assert "Delta Legal" not in page
    assert approve_many(client, "which=ready").status_code == 303
    assert states(story_url) == dict.fromkeys(ready, "approved")
    with psycopg.connect(story_url) as connection:
        frozen = connection.execute("select count(distinct tenant_id) from ledger.statement_lines").fetchone()
        actors = connection.execute(
            "select distinct actor from ledger.audit_log where object_table = 'ledger.periods' and tenant_id = %s",
            [ready[0]],
        ).fetchall()
    assert frozen == (len(ready),)
    assert ("ana",) in actors


def test_only_the_statements_selected_are_approved_and_a_blocked_one_among_them_is_left_out(
    visit: Visit, story_url: str
) -> None:
    client = visit("ana")
    chosen = f"period={ACME}/2026-10-01&period={LEGAL}/2026-10-01"
    page = client.get(f"/approvals?month=2026-10&{chosen}").text
    assert "Left out" in page
    assert "Approve 1 statement:" in page
    assert approve_many(client, chosen).status_code == 303
    assert states(story_url) == {ACME: "approved"}


@pytest.mark.parametrize(
    "change",
    [
        "update marts.fct_statements set total = total + 1 where tenant_id = 'acme-dental'",
        "insert into marts.fct_unbilled_usage (tenant_id, source, item, unit, usage_date, reason, is_blocking,"
        " quantity, row_count) values ('acme-dental', 'vapi', 'x', 'x', '2026-10-09', 'unpriced', true, 1, 1)",
        "update control.revision set revision = revision + 1, besides_periods = revision + 1",
    ],
    ids=["another total", "a block", "marts behind"],
)
def test_what_changed_after_it_was_shown_is_shown_again_and_nothing_is_approved(
    visit: Visit, story_url: str, change: str
) -> None:
    client = visit("ana")
    page = client.get("/approvals?month=2026-10&which=ready").text
    form = {"form_token": form_token(page), "seen": re.findall(r'name="seen" value="(\w+)"', page)[0]}
    with psycopg.connect(story_url) as connection:
        connection.execute(change)  # type: ignore[arg-type]
    answer = client.post("/approvals?month=2026-10&which=ready", data=form)
    assert answer.status_code == 409
    assert "Nothing was approved." in answer.text
    assert states(story_url) == {}


def test_approving_many_needs_finance_and_a_form_of_ones_own(visit: Visit, story_url: str) -> None:
    page = visit("ana").get("/approvals?month=2026-10&which=ready").text
    seen = re.findall(r'name="seen" value="(\w+)"', page)[0]
    for login in ("ana", "otto", "tina"):
        client = visit(login)
        assert client.get("/approvals?month=2026-10&which=ready").status_code == (200 if login == "ana" else 403)
        forged = {"form_token": "0" * 64, "seen": seen}
        assert client.post("/approvals?month=2026-10&which=ready", data=forged).status_code == 403
    for login in ("otto", "tina"):
        client = visit(login)
        own = {"form_token": form_token(client.get("/tables").text), "seen": seen}
        assert client.post("/approvals?month=2026-10&which=ready", data=own).status_code == 403
    assert states(story_url) == {}


def test_choosing_nothing_or_what_is_not_there_approves_nothing(visit: Visit, story_url: str) -> None:
    client = visit("ana")
    assert "Nothing here can be approved." in client.get("/approvals?month=2026-10").text
    assert approve_many(client, "").status_code == 409
    assert client.get("/approvals?month=2026-10&period=nobody/2026-10-01").status_code == 404
    assert client.get(f"/approvals?month=2026-10&period={ACME}/2026-09-01").status_code == 404
    assert client.get("/approvals?month=x").status_code == 404
    assert states(story_url) == {}


def test_one_statement_after_the_other_is_approved_without_a_build_between(visit: Visit, story_url: str) -> None:
    """Approving changes what the marts say of that tenant only; its own next period waits for a build."""
    client = visit("ana")
    assert approve(client, BRIGHT) == 303
    assert approve(client, ACME) == 303
    assert "minutebook build" not in client.get("/periods?month=2026-10").text
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_statements set period_end = '2026-11-02' where period_start = '2026-11-01'"
        )
    page = client.get(f"/periods/{BRIGHT}/2026-11-01").text
    assert "data is older" in page
    assert "data is older" not in client.get(f"/periods/{VET}/2026-11-01").text
    form = {"form_token": form_token(page), "reason": "it is so"}
    answer = client.post(f"/periods/{BRIGHT}/2026-11-01/approve", data=form)
    assert answer.status_code == 409
    assert "data is older" in answer.text


def test_nothing_is_approved_from_marts_that_are_behind(visit: Visit, story_url: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute("update control.revision set revision = revision + 1, besides_periods = revision + 1")
    client = visit("ana")
    assert "Refresh the data</button>" in client.get("/periods").text
    assert approve(client, BRIGHT) == 409


def test_the_operator_sees_each_red_day_with_its_reason_and_what_resolves_it(visit: Visit) -> None:
    client = visit("otto")
    page = client.get("/days").text.replace("<span>", "").replace("</span>", "")
    assert 'class="cell failed" href="/days/delta-legal/2026-10-30"' in page
    assert page.index("Delta Legal") < page.index("Bright Smiles")
    assert "Store a new key of vapi for delta-legal" in page
    assert "pull vapi of delta-legal, 29 Oct 2026 to 31 Oct 2026" in page
    day = client.get("/days/delta-legal/2026-10-30").text
    assert "Vapi answered 401" in day
    assert "credential_rejected" in day


def test_days_are_found_by_name_and_by_need(visit: Visit) -> None:
    client = visit("otto")
    assert "Bright Smiles" not in client.get("/days?q=delta").text.split("Tenants by day")[1]
    assert "Bright Smiles" not in client.get("/days?show=fix").text.split("Tenants by day")[1]
    assert "No tenant matches" in client.get("/days?q=nobody%20at%20all").text


def test_a_shared_accounts_fault_is_mended_once_for_all() -> None:
    fault = {
        "source": "vapi",
        "provider": "vapi",
        "account": "platform",
        "cause_code": "credential_rejected",
        "a_tenant": "a",
        "tenants": 3,
    }
    days = {"first_day": "2026-10-29", "last_day": "2026-10-31"}
    assert fix({**fault, **days}).split(" && ") == [
        "minutebook credential set vapi",
        "minutebook pull --source vapi --from 2026-10-29 --to 2026-10-31",
    ]
    transcripts = {**fault, **days, "account": "a", "source": "voiceflow_transcripts", "provider": "voiceflow"}
    assert fix(transcripts).split(" && ")[0] == "minutebook credential set voiceflow --tenant a"


def test_a_tenant_sees_its_own_and_only_its_own(visit: Visit) -> None:
    client = visit("tina")
    page = client.get("/usage").text + client.get("/usage/2026-10-01").text
    assert "Acme Dental" in page
    for other in ("Bright Smiles", BRIGHT, "Delta Legal"):
        assert other not in page
    assert "margin" not in page.lower()
    assert client.get(f"/periods/{BRIGHT}/2026-10-01").status_code == 403


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_no_export_of_a_tenant_holds_a_row_or_a_cost_that_is_not_its_own(visit: Visit, kind: str) -> None:
    client = visit("tina")
    listed = client.get("/tables").text
    assert "fct_margin_monthly" not in listed
    for mart in world.marts():
        name = mart["name"]
        answer = client.get(f"/tables/{name}.{kind}")
        if f"/tables/{name}.{kind}" not in listed:
            assert answer.status_code == 404
            continue
        rows = list(csv.DictReader(io.StringIO(answer.text))) if kind == "csv" else answer.json()
        assert {row["tenant_id"] for row in rows} <= {ACME}
        hidden = set(mart.get("config", {}).get("meta", {}).get("hidden_from_tenants", []))
        assert not rows or not hidden & set(rows[0])


@pytest.mark.parametrize("mart", [mart["name"] for mart in world.marts() if world.analysts_read(mart)])
def test_every_table_leaves_as_csv_and_as_json_with_the_same_rows(visit: Visit, mart: str) -> None:
    client = visit("ana")
    as_csv = list(csv.DictReader(io.StringIO(client.get(f"/tables/{mart}.csv").text)))
    as_json = client.get(f"/tables/{mart}.json").json()
    assert len(as_csv) == len(as_json)
    if as_json:
        assert set(as_csv[0]) == set(as_json[0])


def test_an_export_takes_only_the_days_asked_for_and_amounts_stay_exact(visit: Visit) -> None:
    client = visit("ana")
    rows = client.get("/tables/fct_costs_daily.json?from=2026-10-05&to=2026-10-06").json()
    assert {row["usage_date"] for row in rows} == {"2026-10-05", "2026-10-06"}
    assert all(isinstance(row["amount"], str) for row in rows)
    assert json.dumps(client.get("/tables/fct_calls.json?to=2026-10-01").json()).count('"0.1266"')
    assert client.get("/tables/dim_build.csv?from=2026-10-05").status_code == 400
    assert client.get("/tables/fct_calls.csv?from=yesterday").status_code == 400
    assert client.get("/tables/pg_authid.csv").status_code == 404
    assert client.get("/tables/fct_calls.parquet").status_code == 404


def test_the_pack_is_downloaded_as_one_zip(visit: Visit) -> None:
    answer = visit("ana").get(f"/packs/{ACME}/2026-10-01.zip")
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert f"minutebook-2026-10-{ACME}/index.html" in names
    assert visit("ana").get("/packs/1999-01.zip").status_code == 404


@pytest.mark.parametrize(
    "path", ["/periods", "/days", "/days/script-alert-1-script/2026-10-30", f"/periods/{SCRIPT}/2026-10-01"]
)
def test_an_unfriendly_name_is_only_ever_text(visit: Visit, path: str) -> None:
    page = visit("ana").get(path).text
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    "path",
    [
        "/periods?month=2026-13", "/periods?month=x", "/periods/acme-dental/yesterday", "/periods/nobody/2026-10-01",
        "/periods/acme-dental/2026-10-02", "/days?to=soon", "/days/acme-dental/x", "/days/nobody/2026-10-01",
        "/nowhere",
        "/packs/x.zip",
    ],
)  # fmt: skip
def test_an_address_that_leads_nowhere_says_so(visit: Visit, path: str) -> None:
    answer = visit("ana").get(path)
    assert answer.status_code == 404
    assert "Back to the start" in answer.text


def test_a_page_number_beyond_the_list_shows_the_last_page(visit: Visit) -> None:
    assert "Delta Legal" in visit("ana").get("/periods?page=99").text
    assert visit("otto").get("/days?page=-1").status_code == 200


@pytest.mark.parametrize("login", ["tina", "ana"])
def test_nobody_is_served_while_a_way_past_row_level_security_is_open(visit: Visit, story_url: str, login: str) -> None:
    with psycopg.connect(story_url) as connection:
        connection.execute("alter table marts.fct_calls no force row level security")
    answer = visit(login).get("/tables")
    assert answer.status_code == 503
    assert "minutebook doctor" in answer.text


def test_before_the_first_build_the_pages_say_what_to_do(database_url: str, tmp_path: Path) -> None:
    with connect(database_url, Role.SERVER) as connection:
        web_logins.add_login(connection, "ana", "finance", None)
        web_logins.set_password(connection, "ana", PASSWORD)
    with serving(database_url, tmp_path, world.TODAY) as address, httpx.Client(base_url=address) as client:
        sign_in(client, "ana")
        answer = client.get("/periods")
    assert answer.status_code == 503
    assert "minutebook build" in answer.text


def test_each_column_of_a_table_is_told_to_who_asks_for_it(visit: Visit) -> None:
    for login in ("otto", "tina"):
        client = visit(login)
        assert "of=fct_calls#fct_calls" in client.get("/tables").text
        asked = seen_text(client.get("/tables?of=fct_calls").text)
        (calls,) = (mart for mart in world.marts() if mart["name"] == "fct_calls")
        hidden = calls["config"]["meta"].get("hidden_from_tenants", [])
        for column in calls["columns"]:
            is_told = login == "otto" or column["name"] not in hidden
            said = " ".join(unescape(asked).split())
            assert (" ".join(column["description"].split()) in said) == is_told, column["name"]


def seen_text(page: str) -> str:
    """What a reader sees of a page: without its head, tags and charts."""
    return re.sub(r"<svg.*?</svg>|<[^>]+>", " ", page.split("</head>")[1], flags=re.S)


def test_a_tenant_reads_its_bill_without_identifiers_json_or_names_of_tables(visit: Visit) -> None:
    client = visit("tina")
    for path in ("/usage", "/usage/2026-10-01"):
        said = seen_text(client.get(path).text)
        assert "Call minutes beyond what is included" in said or "/2026" not in path
        for word in ("voice_minutes", "/overage", "fct_", "{", "acme-dental/"):
            assert word not in said, word
        assert "Tables" not in said
    assert 'href="/tables"' in visit("otto").get("/days").text


def test_a_tenants_page_says_through_which_day_was_read(visit: Visit, story_url: str) -> None:
    client = visit("tina")
    assert "Usage through 2 Nov 2026 is in it" in client.get("/usage").text
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_tenant_day_status set status = 'failed'"
            " where tenant_id = %s and usage_date = '2026-11-01'",
            [ACME],
        )
    assert "days up to 2 Nov 2026 is in it, of which 1 day is not complete yet" in client.get("/usage").text
    with psycopg.connect(story_url) as connection:
        connection.execute(
            "update marts.fct_tenant_day_status set status = 'not pulled'"
            " where tenant_id = %s and usage_date >= '2026-11-01'",
            [ACME],
        )
    assert "No day of this period has been read yet" in client.get("/usage").text


def test_a_statement_is_a_draft_until_it_is_approved_and_final_from_that_moment_on(visit: Visit) -> None:
    client = visit("theo")
    assert "Draft total" in client.get("/usage/2026-10-01").text
    assert approve(visit("ana"), BRIGHT) == 303
    page = client.get("/usage/2026-10-01").text
    assert "Draft total" not in page
    assert "Amounts may change" not in page


def test_a_reading_of_today_makes_no_statement_old_whose_period_is_over(story_url: str) -> None:
    def lacking() -> tuple[int, int]:
        with connect(story_url, Role.OPERATOR) as operator:
            of_all, of_acme = (freshness.lack(operator, world.TODAY, whose) for whose in (None, [ACME]))
        return of_all.pulls_not_built, of_acme.pulls_not_built

    of_all, of_acme = lacking()
    with psycopg.connect(story_url, autocommit=True) as owner:
        owner.execute(
            "with made as (insert into ledger.attempts (trigger) values ('cli') returning attempt_id)"
            " insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, row_count,"
            " content_hash, closed_at, is_incomplete, is_in_progress)"
            " select attempt_id, 'vapi', %(tenant)s, %(tenant)s, %(today)s, 'published', 0,"
            " 'today', now(), true, true from made",
            {"tenant": ACME, "today": world.TODAY},
        )
        assert lacking() == (of_all + 1, of_acme), "an approval waits for no build of today"
        owner.execute("update ledger.pulls set is_in_progress = false where content_hash = 'today'")
    assert lacking() == (of_all + 1, of_acme + 1)


def test_a_tenant_whose_today_is_counted_may_have_its_page_loaded_again_and_sees_it_move(
    visit: Visit, story_url: str
) -> None:
    tina, running = visit("tina"), "/usage/2026-11-01"
    assert "while it runs" not in tina.get(running).text
    with psycopg.connect(story_url, autocommit=True) as owner:
        owner.execute("insert into control.today_readings (tenant_id, every) values (%s, '15 minutes')", [ACME])
        asked = tina.get(running)
        assert "Today is counted while it runs" in asked.text
        assert "Refresh" not in asked.headers, "nobody's page moves who has not asked for it"
        (again,) = re.findall(r'href="(\?every=[^"]+)"', asked.text)
        before = tina.get(running + again)
        assert before.headers["Refresh"] == "60"
        assert 'href="?">Stop' in before.text
        owner.execute("update marts.fct_statements set total = 4321.5 where tenant_id = %s", [ACME])
        assert "4,321.50" not in before.text
        assert "4,321.50" in tina.get(running + again).text
    assert "Refresh" not in tina.get(f"/usage/2026-10-01{again}").headers, "a period that is over moves no more"
    assert "while it runs" not in visit("theo").get(running).text


def test_a_first_bill_that_is_closed_is_not_offered_for_approval(visit: Visit) -> None:
    page = visit("ana").get("/onboarding/acme-dental").text
    assert "every line of it is frozen" in page
    assert "Review and approve it" not in page
    assert "/keys?q=acme-dental" in page


def test_staff_take_the_description_of_the_models_along_and_no_page_of_ours_runs_it(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "described.html").write_text("<script>draw()</script>")
    monkeypatch.setattr(building, "documentation", lambda _: tmp_path / "described.html")
    assert 'href="/models.html" download' in visit("otto").get("/tables").text
    answer = visit("otto").get("/models.html")
    assert answer.text == "<script>draw()</script>"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="minutebook-models.html"'
    assert "models.html" not in visit("tina").get("/tables").text
    assert visit("tina").get("/models.html").status_code == 403
