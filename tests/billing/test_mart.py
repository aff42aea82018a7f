"""fct_reconciliation, built by dbt over the real ledger; and the overage it posts is the real mart's."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg

from orchestration.billing.reconcile import differences
from orchestration.building import build
from warehouse.connect import Role, connect
from warehouse.postings import due

TODAY = date(2026, 11, 21)


def test_the_mart_and_the_command_tell_the_same_and_posting_reads_the_real_mart(
    database_url: str, tmp_path: Path
) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(
            """
            insert into control.tenants (tenant_id, name, currency, feature_flags, stripe_customer_id)
            values ('acme', 'Acme', 'USD', '{"stripe_posting": true}', 'cus_acme'),
                ('beta', 'Beta', 'USD', '{}', 'cus_b');
            insert into control.tenant_statuses select tenant_id, '2026-11-01', 'active' from control.tenants;
            insert into control.meters (meter_id, name, unit, source, metric_type, stripe_event_name)
            values ('ocr', 'OCR', 'scan', 'usage_metrics', 'ocr', 'mb_ocr');
            """
        )
        for tenant in ("acme", "beta"):
            for age, posted, held in ((1, 5, 5), (2, 5, 9), (3, 5, None)):
                day = TODAY - timedelta(days=age)
                owner.execute(
                    "insert into ledger.postings (tenant_id, meter_id, usage_date, version, value, stripe_customer_id,"
                    " event_name, identifier, state, committed_at, posted_at, resolved_at)"
                    " values (%s, 'ocr', %s, 1, %s, 'cus', 'mb_ocr', %s, 'accepted', now(), '2026-11-20', now())",
                    [tenant, day, posted, f"{tenant}{age}"],
                )
                if held is not None:
                    owner.execute(
                        "insert into ledger.stripe_day_summaries values (%s, 'ocr', %s, %s, now())", [tenant, day, held]
                    )
    build(database_url, tmp_path, TODAY)
    with connect(database_url, Role.ANALYST) as analyst:
        rows = analyst.execute(
            "select tenant_id, age_days, ours, posted, stripe, difference, is_equal from marts.fct_reconciliation"
            " order by age_days"
        ).fetchall()
    assert rows == [
        ("acme", 1, 0, 5, 5, 5, False), ("acme", 2, 0, 5, 9, 9, False), ("acme", 3, 0, 5, 0, 0, False),
    ]  # fmt: skip
    with connect(database_url, Role.BILLING, autocommit=True) as billing:
        told = differences(billing, datetime(2026, 11, 21, 9, tzinfo=UTC))
        assert {(one.age_days, one.ours, one.posted, one.stripe) for one in told} == {row[1:5] for row in rows}
        (page,) = due(billing, TODAY)
    # Nothing of it is in the marts any more: each day falls to zero.
    assert [(row.tenant_id, row.value, row.held) for row in page] == [("acme", 0, 5)] * 3
