"""`minutebook tenant apply FILE`."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from tests.cli.conftest import EXAMPLE, Minutebook


@pytest.fixture
def changed(tmp_path: Path) -> Any:
    """Write the documented example with some of its parts replaced; None takes one out."""

    def write(**parts: Any) -> str:
        content = {**yaml.safe_load(EXAMPLE.read_text()), **parts}
        path = tmp_path / "tenant.yaml"
        path.write_text(yaml.safe_dump({key: part for key, part in content.items() if part is not None}))
        return str(path)

    return write


def rows_of_control(database: psycopg.Connection[Any]) -> list[Any]:
    tables = database.execute(
        "select table_name from information_schema.tables where table_schema = 'control'"
    ).fetchall()
    return [
        database.execute(
            f"select count(*), md5(string_agg(t::text, '' order by t::text)) from control.{name} as t"
        ).fetchone()
        for (name,) in sorted(tables)
    ]


def test_the_documented_example_onboards_a_tenant_from_nothing(
    acme: Minutebook, database: psycopg.Connection[Any]
) -> None:
    prices = database.execute(
        "select meter_id, unit_amount::text from control.prices where tenant_id = 'acme'"
    ).fetchall()
    assert prices == [("call_minutes", "0.25")]
    fees = database.execute("select subscription_fee::text, voice_meter_id from control.plan_terms").fetchall()
    assert fees == [("249.00", "call_minutes")]


def test_applying_twice_changes_nothing_at_all(acme: Minutebook, database: psycopg.Connection[Any]) -> None:
    before = rows_of_control(database)
    output = acme("tenant apply", str(EXAMPLE)).output
    assert "0 created, 0 changed, 25 unchanged" in output
    assert rows_of_control(database) == before


def test_a_changed_file_says_what_changed(acme: Minutebook, changed: Any) -> None:
    output = acme("tenant apply", changed(feature_flags={"quota_alerts": False, "stripe_posting": True})).output
    assert "changed   flag quota_alerts of tenant acme = false" in output
    assert "created   flag stripe_posting of tenant acme = true" in output
    assert "1 created, 1 changed, 24 unchanged" in output


def test_a_plans_terms_say_whether_a_paid_invoice_is_corrected_by_a_credit_note(acme: Minutebook, changed: Any) -> None:
    assert json.loads(acme("plan show growth --json").output)["terms"][0]["gives_credit_notes"] is False
    terms = [{"from": "2026-01-01", "subscription_fee": 249, "voice_meter": "call_minutes", "credit_notes": True}]
    acme("tenant apply", changed(plans=[{"id": "growth", "name": "Growth", "terms": terms}]))
    assert json.loads(acme("plan show growth --json").output)["terms"][0]["gives_credit_notes"] is True
    acme("plan terms growth --from 2026-02-01 --subscription-fee 249 --voice-meter call_minutes --no-credit-notes")
    (first, second) = json.loads(acme("plan show growth --json").output)["terms"]
    assert (first["gives_credit_notes"], second["gives_credit_notes"]) == (True, False)
    refused = acme("tenant apply", changed(feature_flags={"stripe_credit_notes": True}), code=1).output
    assert "`credit_notes` in a plan's terms" in refused


def test_a_file_with_one_fault_changes_nothing(
    minutebook: Minutebook, changed: Any, database: psycopg.Connection[Any]
) -> None:
    covered = {
        "source": "vapi",
        "component": "transcriber",
        "from": "2026-01-01",
        "by": "deepgram_costs",
        "agent": "nobody",
    }
    path = changed(covered_costs=[covered])
    assert "no agent 'nobody'" in minutebook("tenant apply", path, code=1).output
    assert database.execute("select count(*) from control.tenants").fetchone() == (0,)


@pytest.mark.parametrize(
    "parts",
    [
        {"credentials": {"vapi": "sk-very-secret"}},
        {"tenant": {"id": "acme", "name": "A", "activated_on": "2026-01-01", "vapi_api_key": "sk-very-secret"}},
        {"agents": [{"id": "a", "secret": "sk-very-secret"}]},
    ],
)
def test_a_secret_in_a_file_is_refused_with_the_command_that_takes_it(
    minutebook: Minutebook, changed: Any, parts: dict[str, Any]
) -> None:
    output = minutebook("tenant apply", changed(**parts), code=1).output
    assert "secrets do not belong in a file" in output
    assert "minutebook credential set PROVIDER --tenant acme" in output
    assert "sk-very-secret" not in output


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"colour": "red"}, "colour: this key is not known"),
        ({"tenant": None}, "tenant: is missing"),
        ({"tenant_plans": [{"plan": "growth", "from": "soon"}]}, "tenant_plans.0.from: is no date; write YYYY-MM-DD"),
        (
            {
                "plans": [
                    {
                        "id": "p",
                        "name": "P",
                        "terms": [
                            {"from": "2026-01-01", "subscription_fee": 1, "credit_notes": "if asked for"},
                        ],
                    }
                ]
            },
            "plans.0.terms.0.credit_notes: is neither true nor false",
        ),
        ({"agents": [{"id": 17}]}, "agents.0.id: must be text; put it in quotes"),
        ({"unit_costs": [{"meter": "ocr_scans", "from": "2026-01-01", "unit_cost": "much"}]}, "unit_costs.0.unit_cost"),
    ],
)
def test_a_fault_is_named_with_its_place(
    minutebook: Minutebook, changed: Any, parts: dict[str, Any], message: str
) -> None:
    assert message in minutebook("tenant apply", changed(**parts), code=1).output


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ("activated_on: 2026-01-01", "activated_on: 2026-13-01", "tenant.activated_on: is no date; write YYYY-MM-DD"),
        ("unit_amount: 0.30", "unit_amount: cheap", "plans.0.prices.0.unit_amount: is no number"),
        ("    unit: minute", "    colour: red", "meters.0.colour: this key is not known"),
        ("phone_numbers: redacted", "phone_numbers: gone", "tenant.privacy.phone_numbers: must be 'kept'"),
        ("unit_amount: 0.30", "unit_amount: -1", "plans.0.prices.0: price of call_minutes"),
        ("{meter: ocr_scans, from", "{meter: ocr_scan, from", "plans.0.prices.2: no meter 'ocr_scan'"),
        ("quantity: 400", "quantity: -4", "plans.0.allowances.0: allowance of call_minutes"),
    ],
)
def test_a_fault_is_named_with_file_line_and_key(
    minutebook: Minutebook, tmp_path: Path, written: str, instead: str, message: str
) -> None:
    path, text = tmp_path / "tenant.yaml", EXAMPLE.read_text()
    line = text[: text.index(written)].count("\n") + 1
    path.write_text(text.replace(written, instead, 1))
    output = minutebook("tenant apply", str(path), code=1).output
    assert str(path) in output
    assert f"line {line}, {message}" in output
    assert "Value error" not in output


def test_what_contradicts_an_attachment_is_named_with_its_line(minutebook: Minutebook, tmp_path: Path) -> None:
    path = tmp_path / "tenant.yaml"
    path.write_text(
        "tenant: {id: acme, name: Acme, activated_on: 2026-01-01}\n"
        "agents:\n"
        "  - id: desk\n"
        "    attachments:\n"
        "      - {kind: vapi_assistant, value: a1, from: 2026-02-01, until: 2026-01-01}\n"
    )
    output = minutebook("tenant apply", str(path), code=1).output
    assert f"{path}, line 5, agents.0.attachments.0: " in output
    assert "ends before it starts" in output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tenant: {id: a\n  b: [", "is not readable as YAML at line"),
        ("", "is empty or no mapping"),
        ("tenant: {id: a, id: b}", "'id' is there twice"),
        ("- 1", "is empty or no mapping"),
    ],
)
def test_an_unreadable_file_is_refused(minutebook: Minutebook, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "tenant.yaml"
    path.write_text(text)
    assert message in minutebook("tenant apply", str(path), code=1).output


def test_a_missing_file_is_a_usage_error(minutebook: Minutebook) -> None:
    assert "does not exist" in minutebook("tenant apply nowhere.yaml", code=2).output


def test_numbers_keep_their_digits(minutebook: Minutebook, tmp_path: Path, database: psycopg.Connection[Any]) -> None:
    path = tmp_path / "tenant.yaml"
    path.write_text(EXAMPLE.read_text().replace("0.075", "0.07500000000000000000123"))
    minutebook("tenant apply", str(path))
    assert database.execute("select unit_cost::text from control.unit_costs").fetchone() == (
        "0.07500000000000000000123",
    )


def test_a_number_that_left_for_another_tenant_stays_there_when_the_file_is_applied_again(
    acme: Minutebook, changed: Any, database: psycopg.Connection[Any]
) -> None:
    acme("tenant create bolt --name Bolt --activated-on 2026-01-01")
    acme("agent create bolt bolt-desk")
    assistant = "2f6a0d4e-3b1c-4a57-9f0e-000000000002"
    acme(f"agent attach bolt bolt-desk vapi_assistant {assistant} --from 2026-06-01")
    assert "0 created, 0 changed" in acme("tenant apply", changed()).output
    row = database.execute("select tenant_id from control.agent_attachments where valid_from = '2026-06-01'").fetchone()
    assert row == ("bolt",)
