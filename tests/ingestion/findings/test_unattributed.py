"""Calls of a shared account are named while they are nobody's, and found by any of their ids, or by hand."""

import json
from datetime import date

import pytest

from tests.ingestion.conftest import Minutebook
from tests.ingestion.house import House, call

DAY = date(2026, 10, 5)


@pytest.mark.resolves("calls_of_nobody")
def test_calls_with_neither_number_nor_assistant_are_named_and_attached_by_what_is_printed(
    house: House, minutebook: Minutebook
) -> None:
    for tenant in ("acme", "beta"):
        house.tenant(tenant, since=date(2026, 10, 1))
        house.attach(tenant, "vapi_phone_number", f"number-of-{tenant}", date(2026, 10, 1))
    bare = {"phoneNumberId": None, "assistantId": None, "type": "webCall"}
    house.own_vapi(
        None,
        [
            call("of-squad", DAY, **bare, squadId="sq-1"),
            call("of-workflow", DAY, **bare, workflowId="wf-1"),
            call("of-none", DAY, **bare),
            call("of-beta", DAY, phone_number_id="number-of-beta"),
        ],
    )
    minutebook(f"pull --source vapi --from {DAY} --to {DAY}")

    def unattributed() -> dict[str, list[dict[str, str]]]:
        return {
            row["tenant_id"]: [one for one in row["blockers"] if "route to nobody" in one["what"]]
            for row in json.loads(minutebook("review 2026-10 --json"))
        }

    found = unattributed()
    (finding,) = found["acme"]
    assert "3 calls of vapi route to nobody (183 connected seconds)" in finding["what"]
    for named in (
        "call of-squad of 5 Oct 2026, squad sq-1",
        "call of-workflow of 5 Oct 2026, workflow wf-1",
        "of-none",
    ):
        assert named in finding["what"]
    assert len(found["beta"]) == 1
    for command in finding["fix"].split(" && "):
        minutebook(command)
    assert unattributed() == {"acme": [], "beta": []}
    routed = house.execute("select call_id, tenant_id, agent_id from marts.fct_calls order by call_id")
    assert [(row["call_id"], row["tenant_id"], row["agent_id"]) for row in routed] == [
        ("of-beta", "beta", "beta-agent"),
        ("of-none", "acme", "acme-agent"),
        ("of-squad", "acme", "acme-agent"),
        ("of-workflow", "acme", "acme-agent"),
    ]
    by_hand = house.execute(
        "select actor from ledger.audit_log where object_table = 'control.agent_attachments'"
        " and after ->> 'kind' = 'vapi_call' and after ->> 'value' = 'of-none'"
    )
    assert len(by_hand) == 1
