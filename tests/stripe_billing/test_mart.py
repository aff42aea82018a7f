"""One comparison of marts, postings and Stripe: the command, the check and the mart tell the same."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.defs.stripe.assets import stripe_day_summaries
from orchestration.defs.stripe.checks import marts_postings_and_stripe_agree
from orchestration.marts.building import build
from orchestration.resources import Minutebook
from tests.sandbox.stripe import StripeSandbox
from tests.stripe_billing.scene import DAY, KEY, OVERAGES
from warehouse.database.connect import Role, connect
from warehouse.stripe.postings import due

TODAY = datetime.now(UTC).date()
# By age: what the newest posting became, hours since it was posted, what Stripe holds. The marts want nothing of it.
OPEN = {
    1: ("accepted", 30, 5, "not posted"),
    2: ("accepted", 30, 9, "not posted"),
    3: ("pending", None, 0, "in flight"),
}
APPROVED = {
    7: ("accepted", 0, 0, "settling"), 8: ("accepted", 30, 9, "extra"), 9: ("accepted", 30, 0, "missing"),
    10: ("uncovered", None, 0, "uncovered"), 11: ("refused", None, 0, "uncovered"), 12: ("accepted", 30, 5, "equal"),
}  # fmt: skip
BILLED = {25: ("accepted", 30, 9, "billed"), 26: ("uncovered", None, 0, "billed")}


@pytest.fixture
def billed(database_url: str, stripe: StripeSandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Days of every finding, of two tenants; only acme is billed through Stripe."""
    stripe.now = datetime.now(UTC).timestamp()
    stripe.metering.create_meter(
        {
            "display_name": "OCR", "event_name": "mb_ocr", "event_time_window": "day",
            "default_aggregation": {"formula": "sum"},
        }
    )  # fmt: skip
    stripe.catalogue.create_customer({"id": "cus_acme"})
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(OVERAGES)  # until the build
        owner.execute(
            """
            insert into control.tenants (tenant_id, name, currency, feature_flags, stripe_customer_id)
            values ('acme', 'Acme', 'USD', '{"stripe_posting": true}', 'cus_acme'),
                ('beta', 'Beta', 'USD', '{}', 'cus_b');
            insert into control.tenant_statuses select tenant_id, current_date - 400, 'active' from control.tenants;
            insert into control.meters (meter_id, name, unit, source, item, stripe_event_name)
            values ('ocr', 'OCR', 'scan', 'usage_metrics', 'ocr', 'mb_ocr');
            """
        )
        for age, (state, posted_hours_ago, held, _) in (OPEN | APPROVED | BILLED).items():
            day = TODAY - timedelta(days=age)
            for tenant in ("acme", "beta"):
                owner.execute(
                    "insert into ledger.postings (tenant_id, meter_id, usage_date, version, value, stripe_customer_id,"
                    " event_name, identifier, state, cause_code, committed_at, posted_at, resolved_at)"
                    " values (%(tenant)s, 'ocr', %(day)s, 1, 5, 'cus', 'mb_ocr', %(tenant)s || %(day)s, %(state)s,"
                    " case when %(state)s in ('uncovered', 'refused') then 'meter_archived' end, now(),"
                    " now() - %(hours)s * interval '1 hour', case when %(state)s <> 'pending' then now() end)",
                    {"tenant": tenant, "day": day, "state": state, "hours": posted_hours_ago},
                )
            if held:
                payload = {"stripe_customer_id": "cus_acme", "value": str(held)}
                at = int(stripe.now) // DAY * DAY - age * DAY
                stripe.metering.receive({"event_name": "mb_ocr", "payload": payload, "timestamp": str(at)}, str(age))
        for first, last in ((13, 6), (27, 24)):
            owner.execute(
                "insert into ledger.periods (tenant_id, period_start, period_end, state, manifest_hash)"
                " values ('acme', %s, %s, 'approved', 'x')",
                [TODAY - timedelta(days=first), TODAY - timedelta(days=last)],
            )
        owner.execute(
            "insert into ledger.stripe_charges values ('acme', 'ocr', %s, 0, true, now())", [TODAY - timedelta(days=27)]
        )
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", database_url)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_URL", stripe.url)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_API_KEY", KEY)
    monkeypatch.setenv("MINUTEBOOK_STRIPE_GRACE_HOURS", "72")
    return database_url


def test_the_command_the_check_and_the_mart_tell_the_same_and_posting_reads_the_real_mart(
    billed: str, dbt_home: Path
) -> None:
    build(billed, dbt_home, TODAY)
    reported = reconciled()
    with connect(billed, Role.ANALYST) as analyst:
        mart = analyst.execute(
            "select age_days, finding, ours, posted, stripe, difference, is_equal from marts.fct_reconciliation"
            " where tenant_id = 'acme' order by age_days"
        ).fetchall()
        assert analyst.execute("select count(*) from marts.fct_reconciliation").fetchone() == (len(mart),)
    assert {row[0]: row[1] for row in mart} == {
        age: finding for age, (*_, finding) in (OPEN | APPROVED | BILLED).items()
    }
    left = [row[:6] for row in mart if not row[6]]
    columns = ("age_days", "finding", "ours", "posted", "stripe", "difference")
    assert [
        tuple(Decimal(row[name]) if name in columns[2:] else row[name] for name in columns) for row in reported
    ] == left[::-1]
    assert [row["finding"] for row in reported if not row["is_red"]] == ["settling"]
    assert checked() == {(str(TODAY - timedelta(days=row[0])), *row[1:4]) for row in left if row[1] != "settling"}

    # The lines of final invoices are put into their mart whenever Stripe was read, built again or not.
    with psycopg.connect(billed, autocommit=True) as owner:
        owner.execute("insert into ledger.stripe_acceptances values ('old', 'acme', 1, 'x', 'x', now())")
        owner.execute(
            "insert into ledger.statement_lines (line_id, tenant_id, period_start, line_kind, amount, currency,"
            " service_period_start, service_period_end, inputs) values ('acme/p/setup', 'acme', %s, 'setup', 12, 'USD',"
            " %s, %s, '{}')", [TODAY - timedelta(days=27)] * 3,
        )  # fmt: skip
    month = TODAY - timedelta(days=27)
    result = CliRunner().invoke(app, ["reconcile", "--final", f"{month:%Y-%m}", "--json"])
    assert result.exit_code == 1, result.output
    with connect(billed, Role.ANALYST) as analyst:
        lines = analyst.execute(
            "select line, ours, stripe, difference, is_settled, code, what_to_do from marts.fct_invoice_lines"
        ).fetchall()
    zero = Decimal("0.00")
    assert ("acme/p/setup", 12, zero, -12, False, "not posted", "minutebook post --tenant acme") in lines

    # What is posted since is found by the step after posting, without a build.
    with connect(billed, Role.BILLING, autocommit=True) as billing:
        (page,) = due(billing, TODAY)
        # Nothing of it is in the marts: each day of no approved period falls to zero, after what is in flight.
        assert [((TODAY - row.usage_date).days, row.value, row.held) for row in page] == [
            (3, 5, None), (2, 0, 5), (1, 0, 5),
        ]  # fmt: skip
        billing.execute(
            "insert into ledger.postings (tenant_id, meter_id, usage_date, version, value, stripe_customer_id,"
            " event_name, identifier, state, committed_at, posted_at, resolved_at)"
            " values ('acme', 'ocr', %s, 2, 0, 'cus', 'mb_ocr', 'new', 'accepted', now(), now(), now())",
            [TODAY - timedelta(days=2)],
        )
    assert {row["age_days"]: row["finding"] for row in reconciled()}[2] == "settling"
    assert str(TODAY - timedelta(days=2)) not in {day for day, *_ in checked()}


def reconciled() -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["reconcile", "--json"])
    assert result.exit_code == 1, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout[: result.stdout.rindex("}") + 1])["differences"]
    return found


def checked() -> set[tuple[str, str, int, int]]:
    """The days the check shows: day, finding, ours, posted. It is red."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [stripe_day_summaries, marts_postings_and_stripe_agree],  # type: ignore[list-item]
            instance=instance,
            resources={"minutebook": Minutebook()},
        )
        evaluations = {one.check_name: one for one in result.get_asset_check_evaluations()}
    evaluation = evaluations["marts_postings_and_stripe_agree"]
    assert not evaluation.passed
    days = evaluation.metadata["days"]
    assert isinstance(days, dg.TableMetadataValue)
    records = [record.data for record in days.records]
    return {(str(one["day"]), str(one["finding"]), int(one["ours"]), int(one["posted"])) for one in records}  # type: ignore[arg-type]
