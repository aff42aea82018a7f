"""A tenant from nothing to its first bill by the pages alone: each step as its command does it, by whom it is for."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import httpx
import psycopg
import pytest

from orchestration.cli.running import run
from orchestration.settings import Settings
from tests.ingestion.house import call
from tests.sandbox.server import Sandbox
from tests.sandbox.world import VapiAccount, in_memory
from tests.web.conftest import add_staff, signed_in
from tests.web.server import MASTER_KEY, serving
from tests.web.signing import form_token
from warehouse.control import plans, tasks, tenants
from warehouse.database.connect import Role, connect

Visit = Callable[[str], httpx.Client]
KEY, TODAY = "a-private-key-of-vapi", date(2026, 11, 3)
HERE, MADE = "/onboarding/acme", "2026-01-05T09:00:00.000Z"
ACME = {"tenant": "acme", "name": "Acme Dental", "currency": "usd", "activated_on": "2026-10-01", "anchor_day": "1"}
PLAN = {
    "name": "Growth & more", "fee": "249.00", "meter": "minutes of vapi", "included": "3", "price": "0.30",
    "from": "2026-10-01",
}  # fmt: skip


@pytest.fixture
def visit(database_url: str, tmp_path: Path, sandbox: Sandbox) -> Iterator[Visit]:
    """The pages of a deployment without a tenant, and a Vapi with two numbers, one of them called on October 2."""
    days = {"one": date(2026, 10, 2), "two": date(2026, 10, 2), "three": date(2026, 10, 5)}
    calls = [call(f"call-{name}", day, seconds=61, phone_number_id="number-1") for name, day in days.items()]
    named = {"number-1": "Acme main line", "number-2": "Somebody else"}
    numbers = [{"id": each, "name": name, "createdAt": MADE, "updatedAt": MADE} for each, name in named.items()]
    sandbox.world.vapi[KEY] = VapiAccount(in_memory(calls), numbers=numbers)
    with connect(database_url, Role.SERVER) as connection:
        add_staff(connection)
    addresses = {"VAPI_URL": sandbox.vapi_url}
    with serving(database_url, tmp_path, TODAY, addresses=addresses) as address, ExitStack() as clients:
        yield lambda login: signed_in(clients, address, login)


def sent(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    """Send a form of the page that the path begins with."""
    token = form_token(client.get("/onboarding").text)
    return client.post(path, data={"form_token": token, **form})


def created(client: httpx.Client) -> None:
    assert sent(client, "/onboarding", **ACME).headers["location"] == HERE


def states(client: httpx.Client) -> list[str]:
    """What the checklist says of each step."""
    checklist = re.search(r'<ol class="checklist">.*?</ol>', client.get(HERE).text, re.S)
    assert checklist
    return re.findall(r'<span class="tag[^"]*">([^<]*)</span>', checklist[0])


def test_a_tenant_comes_to_its_first_bill_by_the_pages_alone(
    visit: Visit, database_url: str, sandbox: Sandbox, dbt_home: Path
) -> None:
    otto, ana = visit("otto"), visit("ana")
    assert "No tenant yet." in otto.get("/onboarding").text
    created(otto)
    assert states(otto) == ["to do"] * 5
    answer = sent(otto, f"{HERE}/key", provider="vapi", whose="shared", key=f" {KEY}\n")
    assert answer.headers["location"] == f"{HERE}#key", answer.text
    found = otto.get(f"{HERE}/found/vapi").text
    assert found.index("Acme main line") < found.index("Somebody else"), "what bears its name comes first"
    (row,) = [part for part in found.split("<tr>") if "Acme main line" in part]
    fields = dict(re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', row))
    assert (fields["agent"], fields["from"]) == ("acme-main-line", "2026-10-01")
    assert otto.post(f"{HERE}/attach", data=fields).headers["location"] == f"{HERE}/found/vapi"
    assert "Acme main line" in otto.get(HERE).text
    assert sent(ana, f"{HERE}/plan", **PLAN).headers["location"] == f"{HERE}#plan"
    assert states(ana) == ["done", "done", "done", "to do", "to do"]
    page = ana.get(HERE).text
    (week, every) = re.findall(r'<form class="act" method="post" action="[^"]*/resolve".*?</form>', page, re.S)
    assert "Pull vapi of acme, 1 Oct 2026 to 7 Oct 2026, then the rest" in week
    assert "1 Oct 2026 to 2 Nov 2026" in every
    offer = dict(re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', week))
    assert ana.post(f"{HERE}/resolve", data=offer).headers["location"] == f"{HERE}?watch=1"
    assert "0 of 7 days read" not in ana.get(HERE).text
    settings = Settings(
        home=dbt_home, database_url=database_url, master_keys=MASTER_KEY, addresses={"VAPI_URL": sandbox.vapi_url}
    )
    with connect(database_url, Role.OPERATOR) as connection:
        (task,) = tasks.unfinished(connection)
    for step in task.steps:
        run(step, settings, task.asked_by)
    assert states(ana) == ["done"] * 5
    page = ana.get(HERE).text
    # Three calls of 61 seconds are six started minutes: three beyond what is included, at 0.30.
    assert "249.90" in page
    assert "2 Oct 2026" in re.search("First priced day.*?</div>", page, re.S)[0]  # type: ignore[index]
    bill = re.search(r'href="(/periods/acme/2026-10-01)"', page)
    assert bill
    assert "6 started minutes used, 3 included, 3 × 0.30 = 0.90" in ana.get(bill[1]).text
    with psycopg.connect(database_url) as connection:
        actors = connection.execute(
            "select distinct object_table, actor from ledger.audit_log where object_table in"
            " ('control.tenants', 'control.credentials', 'control.agent_attachments', 'control.tenant_plans')"
            " and actor in ('ana', 'otto')"
        ).fetchall()
        secrets = connection.execute("select string_agg(l::text, ' ') from ledger.audit_log as l").fetchone()
    assert dict(actors) == {
        "control.tenants": "otto",
        "control.credentials": "otto",
        "control.agent_attachments": "otto",
        "control.tenant_plans": "ana",
    }
    assert KEY not in str(secrets)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"tenant": "Acme!"}, "no tenant slug"),
        ({"name": " "}, "needs a name"),
        ({"currency": "dollar"}, "three capital letters"),
        ({"anchor_day": "31"}, "1 to 28"),
        ({"activated_on": "soon"}, "YYYY-MM-DD"),
    ],
)
def test_a_tenant_that_cannot_be_is_refused_with_why_and_what_was_typed(
    visit: Visit, database_url: str, wrong: dict[str, str], why: str
) -> None:
    answer = sent(visit("otto"), "/onboarding", **{**ACME, **wrong})
    assert (answer.status_code, why in answer.text) == (409, True), answer.text
    assert 'value="2026-10-01"' in answer.text or "activated_on" in wrong
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from control.tenants where not is_canary").fetchone() == (0,)


def test_a_tenant_that_exists_is_not_changed_by_who_creates_it_again(visit: Visit) -> None:
    otto = visit("otto")
    created(otto)
    answer = sent(otto, "/onboarding", **{**ACME, "name": "Another name"})
    assert (answer.status_code, "There is a tenant acme already" in answer.text) == (409, True)
    assert "Another name" not in otto.get(HERE).text


def test_a_key_that_the_provider_refuses_is_said_so_and_is_on_no_page(visit: Visit) -> None:
    otto = visit("otto")
    created(otto)
    answer = sent(otto, f"{HERE}/key", provider="vapi", whose="own", key="a-wrong-key")
    assert (answer.status_code, "does not accept it" in answer.text) == (409, True)
    assert "a-wrong-key" not in answer.text + otto.get(HERE).text
    assert "not verified" in otto.get(HERE).text
    assert states(otto) == ["done", "done", "to do", "to do", "to do"], "of its own account all is its own"
    for form, why in (({"key": "two words"}, "one line"), ({"key": "k", "settings": "speed=9"}, "no setting")):
        answer = sent(otto, f"{HERE}/key", provider="vapi", whose="own", **form)
        assert (answer.status_code, why in answer.text) == (409, True)
    assert sent(otto, f"{HERE}/key", provider="nobody", key="k").status_code == 404
    answer = otto.get(f"{HERE}/found/vapi")
    assert (answer.status_code, "could not be asked" in answer.text) == (502, True)


def test_a_plan_counts_more_than_one_thing_and_calls_once(visit: Visit, database_url: str) -> None:
    ana = visit("ana")
    created(ana)
    with connect(database_url, Role.OPERATOR) as operator:
        for meter in ("scans", "lookups"):
            plans.put_meter(operator, plans.Meter(meter, meter.title(), "one", "usage_metrics", item=meter))
    assert sent(ana, f"{HERE}/plan", **{**PLAN, "meter": "scans"}).status_code == 303
    also = {"also": "growth-more", "included": "5", "price": "0.125", "from": "2026-10-01"}
    assert sent(ana, f"{HERE}/plan", **also, meter="lookups").headers["location"] == f"{HERE}#plan"
    assert sent(ana, f"{HERE}/plan", **also, meter="minutes of vapi").status_code == 303
    page = ana.get(HERE).text
    assert re.findall(r'<th scope="row">(\w+ ?\w+)<span class="id">', page) == ["Lookups", "Scans", "Call minutes"]
    assert "Something else" not in page, "the other sources' minutes are calls too, and all else is counted"
    with connect(database_url, Role.OPERATOR) as operator:
        (plan,) = (row for row in plans.plans_on(operator, date(2026, 10, 2)) if row["plan_id"] == "growth-more")
    assert (plan["voice_meter_id"], plan["subscription_fee"]) == ("vapi_minutes", 249)
    for wrong, why in (
        ({"meter": "lookups"}, "counts lookups already"),
        ({"meter": "minutes of retell"}, "no call is counted twice"),
        ({"meter": "lookups", "also": "another"}, "not on a plan another"),
    ):
        answer = sent(ana, f"{HERE}/plan", **{**also, **wrong})
        assert (answer.status_code, why in answer.text) == (409, True), answer.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"fee": "much"}, {"included": "1.5"}, {"fee": "NaN"}, {"from": ""}, {"fee": "-1"}, {"included": "9" * 20},
        {"included": "1_000"}, {"price": "1_000"}, {"fee": "9e99"},
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_changes_nothing(visit: Visit, database_url: str, wrong: dict[str, str]) -> None:
    ana = visit("ana")
    created(ana)
    assert sent(ana, f"{HERE}/plan", **{**PLAN, **wrong}).status_code == 409
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from control.plans where plan_id = 'growth-more'").fetchone() == (0,)


def test_each_step_is_taken_by_whom_its_command_is_for(visit: Visit) -> None:
    otto, ana = visit("otto"), visit("ana")
    created(otto)
    assert sent(ana, f"{HERE}/key", provider="vapi", key=KEY).status_code == 403
    assert sent(otto, f"{HERE}/plan", **PLAN).status_code == 403
    assert "Keys are stored by an operator." in ana.get(HERE).text
    assert "Plans and prices are set by finance." in otto.get(HERE).text
    assert ana.get("/onboarding/nobody").status_code == 404


def test_a_tenant_that_was_never_activated_has_no_setup(visit: Visit, database_url: str) -> None:
    otto = visit("otto")
    created(otto)
    sent(otto, f"{HERE}/key", provider="vapi", whose="own", key=KEY)
    with psycopg.connect(database_url) as connection:
        connection.execute("delete from control.tenant_statuses")
    for path in (HERE, f"{HERE}/found/vapi"):
        answer = otto.get(path)
        assert (answer.status_code, "never activated" in answer.text) == (404, True), path


def test_who_makes_a_tenant_that_another_is_just_making_is_told_so(visit: Visit, database_url: str) -> None:
    client = visit("otto")
    token = form_token(client.get("/onboarding").text)
    with connect(database_url, Role.OPERATOR, actor="olga") as first, ThreadPoolExecutor(1) as other:
        with first.transaction():
            tenants.put_tenant(first, tenants.Tenant("acme", "Another", "EUR", 1))
            waiting = other.submit(client.post, "/onboarding", data={"form_token": token, **ACME})
            with pytest.raises(TimeoutError):
                waiting.result(2)
        answer = waiting.result(30)
    assert answer.status_code == 409
    assert "There is a tenant acme already." in answer.text
    assert "Another" in visit("otto").get("/onboarding").text
