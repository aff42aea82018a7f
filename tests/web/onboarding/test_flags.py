"""What is switched on for a tenant, on its page: each by whom it is for, under the checks of the command."""

from collections.abc import Callable

import httpx
import psycopg

from tests.web.signing import form_token
from tests.web.test_pages import ACME

Visit = Callable[[str], httpx.Client]
PAGE = f"/onboarding/{ACME}"


def flags(url: str) -> dict[str, object]:
    with psycopg.connect(url) as owner:
        ((held,),) = owner.execute("select feature_flags from control.tenants where tenant_id = %s", [ACME]).fetchall()
    return dict(held)


def flip(client: httpx.Client, flag: str, value: str, **more: str) -> httpx.Response:
    sent = {"form_token": form_token(client.get(PAGE).text), "flag": flag, "value": value, **more}
    return client.post(f"{PAGE}/flags", data=sent)


def test_flags_are_switched_by_whom_each_is_for(visit: Visit, story_url: str) -> None:
    ana, otto = visit("ana"), visit("otto")
    for value, is_on in (("on", True), ("off", False)):
        assert flip(otto, "quota_alerts", value).headers["location"] == f"{PAGE}#flags"
        assert flip(ana, "stripe_posting", value).status_code == 303
        assert flags(story_url) | {"quota_alerts": is_on, "stripe_posting": is_on} == flags(story_url)
        page = ana.get(PAGE).text
        assert ("Switch off Posting to Stripe" in page) is is_on
        assert "Have it follow" not in page
    assert flip(otto, "stripe_posting", "on").status_code == 403
    assert flip(ana, "automations", "on", name="follow-up", **{"from": "2026-11-01"}).status_code == 403
    assert "on Posting to Stripe" not in otto.get(PAGE).text
    with psycopg.connect(story_url) as owner:
        actors = owner.execute(
            "select distinct actor from ledger.audit_log where object_table = 'control.tenants'"
            " and actor in ('ana', 'otto') order by 1"
        ).fetchall()
    assert actors == [("ana",), ("otto",)]


def test_automations_are_followed_and_ended_one_by_one(visit: Visit, story_url: str) -> None:
    otto = visit("otto")
    for name, since in (("follow-up", "2026-11-01"), ("ask-again", "2026-11-02"), ("follow-up", "2026-11-03")):
        assert flip(otto, "automations", "on", name=name, **{"from": since}).status_code == 303
    assert flags(story_url)["automations"] == {"follow-up": "2026-11-03", "ask-again": "2026-11-02"}
    assert "follows its calls from 2 Nov 2026 on" in otto.get(PAGE).text
    for wrong in ({"name": "No Name"}, {"name": "x", "from": "soon"}):
        refused = flip(otto, "automations", "on", **{"from": "2026-11-01", **wrong})
        assert (refused.status_code, "Nothing was changed." in refused.text) == (409, True)
    assert 'value="No Name"' in flip(otto, "automations", "on", name="No Name").text
    for name in ("follow-up", "ask-again"):
        assert flip(otto, "automations", "off", name=name).status_code == 303
    assert flags(story_url)["automations"] is False


def test_a_flag_that_nothing_reads_is_refused(visit: Visit, story_url: str) -> None:
    before = flags(story_url)
    refused = flip(visit("otto"), "stripe_credit_notes", "on")
    assert (refused.status_code, "is read by nobody" in refused.text) == (409, True)
    sent = {"form_token": form_token(visit("otto").get(PAGE).text), "flag": "quota_alerts", "value": "on"}
    assert visit("otto").post("/onboarding/nobody/flags", data=sent).status_code == 404
    assert visit("tina").post(f"{PAGE}/flags", data=sent).status_code == 403
    assert flags(story_url) == before
