"""What blocks is one thing, whoever asks: the month's list, a review and an approval."""

from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from orchestration.web.finance.month import statements_of
from tests.web import world
from warehouse.blocker import Blocker
from warehouse.database.connect import Role, connect
from warehouse.statements import blocking, periods
from warehouse.statements.approval import Scope, approve
from warehouse.statements.periods import Month

OCTOBER, NOVEMBER = Month.parse("2026-10"), Month.parse("2026-11")
PRICE = (
    '{"id": "price_1", "currency": "usd", "billing_scheme": "per_unit", "unit_amount_decimal": "%s",'
    ' "recurring": {"meter": "mtr_%s"}}'
)
UNBILLED = """insert into marts.fct_unbilled_usage
    (tenant_id, source, item, unit, usage_date, reason, is_blocking, quantity, row_count)
    values (%(whose)s, %(source)s, 'x', 'x', '2026-10-09', %(reason)s, %(is_blocking)s, 1, 1)"""
NOBODYS = """insert into marts.fct_usage_rows
    (source, account, usage_date, pull_id, origin, scope_kind, scope, item, object_id, quantity)
    values ('usage_metrics', 'platform', '2026-10-09', 1, 'x', 'usage_agent', 'nobodys', 'x', 'x', 1)"""
DAY = """insert into marts.fct_tenant_day_status (tenant_id, usage_date, source, account, status, cause_code)
    values (%(it)s, '2026-10-30', %(source)s, %(it)s, %(status)s, %(cause_code)s)"""
TOTALS = """
    insert into ledger.attempts (trigger) values ('cli');
    insert into control.agents (agent_id, tenant_id, name) values ('desk', '{it}', 'Desk');
    insert into control.agent_attachments values ('usage_agent', 'desk', '2026-09-01', '{it}', 'desk');
    insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, row_count, totals,
        provider_totals, closed_at)
    select max(attempt_id), 'usage_metrics', '{it}', '{it}', '2026-10-09', 'published', 5, '{{"rows": 5}}',
        '{{"rows": {reported}}}', now() from ledger.attempts"""
ODD = """
    insert into ledger.attempts (trigger) values ('cli');
    insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, row_count, closed_at)
    select max(attempt_id), 'usage_metrics', '{it}', '{it}', '2026-10-10', 'published', 5, now() from ledger.attempts;
    insert into ledger.quarantine (pull_id, source, account, tenant_id, usage_date, item, reason, fingerprint)
    select pull_id, source, account, tenant_id, usage_date, 'odd', 'its quantity is no number', 'f' from ledger.pulls
    where tenant_id = '{it}' and usage_date = '2026-10-10' and source = 'usage_metrics'"""
OWN_KEY = """
    insert into ledger.attempts (trigger) values ('cli');
    insert into control.data_keys (tenant_id, master_key_id, wrapped_key) values ('{it}', 'none', '-');
    insert into control.credentials (tenant_id, provider, data_key_id, ciphertext, fingerprint)
    select tenant_id, 'vapi', data_key_id, '', '{it}' from control.data_keys where tenant_id = '{it}';
    insert into ledger.pulls (attempt_id, source, account, tenant_id, usage_date, state, row_count, closed_at)
    select max(attempt_id), 'vapi', '{it}', '{it}', '2026-10-12', 'published', 2, now() from ledger.attempts;
    insert into marts.fct_calls (tenant_id, account, usage_date, call_id)
    values ('{it}', '{it}', '2026-10-12', '{call}'), ('{it}', '{it}', '2026-10-12', '{it}-m')"""
STRIPE = """
    insert into control.meters (meter_id, name, unit, source, item, stripe_event_name)
    values ('scans_{price_id}', 'Scans', 'scan', 'usage_metrics', '{it}', 'scans_{price_id}');
    insert into marts.dim_prices (price_id, tenant_id, meter_id, model, unit_amount, currency, valid_from)
    values ({price_id}, '{it}', 'scans_{price_id}', 'per_unit', 0.10, 'USD', '2026-01-01');
    update marts.dim_tenants set stripe_customer_id = 'cus-{it}' where tenant_id = '{it}';
    insert into ledger.stripe_cache (kind, cache_key, body, read_at)
    values ('meters', 'all', '[{{"id": "mtr_801", "event_name": "scans_801"}}, {{"id": "mtr_802",
        "event_name": "scans_802"}}]', now()) on conflict do nothing;
    insert into ledger.stripe_cache (kind, cache_key, body, read_at)
    values ('subscriptions', 'cus-{it}', '[{{"status": "active", "items": {{"data": [{{"price": {price}}}]}}}}]',
        now())"""
CONTRADICTION = """
    insert into marts.fct_call_doubts (tenant_id, source, account, usage_date, pull_id, call_id, doubt, charged,
        counted, unit, evidence)
    values ('{it}', 'vapi', 'platform', '2026-10-12', 1, 'c', '{doubt}', 3, 1, 'USD', '3/1')"""
MOVED = (
    "update marts.fct_statements set overage = overage + 500 where tenant_id = '{it}' and period_start = '2026-10-01'"
)
EARLIER = "update ledger.periods set state = 'in_review', manifest_hash = null where tenant_id = '{it}'"
UNBALANCED = """insert into marts.fct_line_balances
    (line_id, tenant_id, currency, rated_quantity, rated_amount, stated_quantity, stated_amount, is_balanced)
    values ('{it}/2026-09-01/overage/scans', '{it}', 'USD', 5, 5.00, 10, 10.00, false)"""
KNOWN = """
    insert into marts.fct_pulls_built (pull_id, source, account, usage_date, pulled_at)
    select pull_id, source, account, usage_date, closed_at from ledger.pulls where state = 'published'
    on conflict do nothing;
    update marts.fct_statements as s set period_state = p.state from ledger.periods as p
    where s.tenant_id = p.tenant_id and s.period_start = p.period_start;
    update marts.dim_build set control_revision = (select revision from control.revision)"""
CLOSED = """insert into control.tenant_statuses (tenant_id, valid_from, status) values ('{it}', '2026-11-02', 'closed');
    update marts.dim_tenants set closed_on = '2026-11-02' where tenant_id = '{it}'"""


def unbilled(reason: str, *, is_blocking: bool = True, source: str = "usage_metrics") -> dict[str, object]:
    return {"statement": UNBILLED, "reason": reason, "is_blocking": is_blocking, "source": source}


def day(status: str, cause_code: str | None = None, source: str = "vapi") -> dict[str, object]:
    return {"statement": DAY, "status": status, "cause_code": cause_code, "source": source}


def sql(statement: str, **filled: object) -> dict[str, object]:
    return {"statement": statement, "filled": filled}


# Which usage it is takes rows of a build: test_moved_usage.py in tests/cli, test_unattributed.py in tests/ingestion.
OF_A_BUILD = {Blocker.USAGE_MOVED, Blocker.CALLS_OF_NOBODY}
# One tenant each, in the order of the story's tenants from the first that nothing blocks yet.
SCENE: list[tuple[dict[str, object], Blocker | None, str]] = [
    (day("failed", "credential_rejected"), Blocker.DAYS, "1 day"),
    (day("incomplete"), Blocker.DAYS, "1 day"),
    (day("not pulled"), Blocker.DAYS, "1 day"),
    (day("failed", source="voiceflow_transcripts"), None, ""),
    (unbilled("unpriced"), Blocker.UNPRICED, "1 item not billed"),
    (unbilled("no meter"), Blocker.NO_METER, "1 item not billed"),
    (unbilled("unknown type", source="voiceflow"), Blocker.UNKNOWN_TYPE, "1 item not billed"),
    (unbilled("error", source="vapi"), Blocker.USAGE_UNREAD, "1 item not billed"),
    (unbilled("unattributed"), Blocker.SCOPES_OF_NOBODY, "1 item not billed"),
    (unbilled("no meter", is_blocking=False, source="voiceflow"), None, ""),
    (sql(TOTALS, reported=6), Blocker.TOTAL, "a provider counts otherwise"),
    (sql(ODD), Blocker.SET_ASIDE, "rows set aside"),
    (sql(OWN_KEY, call="a-shared-one"), Blocker.TWO_ACCOUNTS, "calls in two accounts"),
    (sql(OWN_KEY, call="a-shared-one"), Blocker.TWO_ACCOUNTS, "calls in two accounts"),
    (sql(OWN_KEY, call="a-lonely-one"), None, ""),
    (sql(CONTRADICTION, doubt="costs_differ"), Blocker.COSTS_DIFFER, "the costs of a call differ"),
    (sql(CONTRADICTION, doubt="minutes_differ"), Blocker.MINUTES_DIFFER, "minutes were charged of no connection"),
    (sql(STRIPE, price_id=801, price=PRICE % ("12", 801)), Blocker.PRICE, "Stripe charges otherwise"),
    (sql(STRIPE, price_id=802, price=PRICE % ("10", 802)), None, ""),
    (sql(MOVED), Blocker.MOVED, "moved a lot"),
    (sql(EARLIER), Blocker.EARLIER, "an earlier period"),
    (sql(UNBALANCED), Blocker.UNBALANCED, "the books do not balance"),
    (sql(CLOSED), None, ""),
]


@pytest.fixture
def scene(database_url: str) -> tuple[str, dict[str, tuple[Blocker | None, str]]]:
    """A warehouse in which each kind of block stands against one tenant: which, by tenant, in a list's words."""
    tenants = world.build(database_url, 40)
    with psycopg.connect(database_url) as connection:
        blocked = {row[0] for row in connection.execute(
            "select tenant_id from marts.fct_tenant_day_status where status in ('failed', 'incomplete', 'not pulled')"
            " union select tenant_id from marts.fct_unbilled_usage"
        )}  # fmt: skip
        free = [tenant for tenant in tenants if tenant not in blocked]
        expected = {}
        for tenant, (put, kind, words) in zip(free, SCENE, strict=False):
            _put(connection, tenant, put)
            expected[tenant] = (kind, words)
        connection.execute("insert into control.agents (agent_id, tenant_id, name) values ('line', %s, 'L')", free[-1:])
        connection.execute(
            "insert into control.agent_attachments values ('vapi_phone_number', 'n', '2026-10-05', %s, 'line')",
            free[-1:],
        )
        connection.execute(UNBILLED, unbilled("unattributed", source="vapi") | {"whose": None})  # type: ignore[arg-type]
        expected[free[-1]] = (Blocker.USAGE_UNREAD, "1 item not billed")
        connection.execute(NOBODYS)
        connection.execute(KNOWN)
    return database_url, expected


def _put(connection: psycopg.Connection[Any], tenant: str, put: Mapping[str, Any]) -> None:
    if "filled" in put:
        connection.execute(put["statement"].format(it=tenant, **put["filled"]))
    else:
        connection.execute(put["statement"], {**put, "it": tenant, "whose": tenant})


def test_the_list_the_review_and_the_approval_agree_on_every_kind_of_block(
    scene: tuple[str, dict[str, tuple[Blocker | None, str]]],
) -> None:
    url, expected = scene
    with connect(url, Role.OPERATOR, actor="ana") as operator:
        listed = {row["tenant_id"]: row for row in statements_of(operator, OCTOBER, world.TODAY)}
        statements = periods.statements(operator, OCTOBER)
        reviewed = blocking.by_statement(blocking.blockers(operator, statements, world.TODAY))
        for statement in statements:
            tenant = statement["tenant_id"]
            found = blocking.blockers(operator, [statement], world.TODAY)
            assert found == reviewed[tenant, statement["period_start"]], "of one, as of all of them at once"
            assert (listed[tenant]["standing"] == "blocked") == bool(found), tenant
            if tenant in expected:
                kind, words = expected[tenant]
                assert [one.code for one in found] == ([kind] if kind else []), tenant
                assert listed[tenant]["blocks"] == ([words] if words else [])
            assert _is_refused(operator, statement) == bool(found), tenant
        assert {kind for kind, _ in expected.values()} == {*Blocker, None} - {Blocker.RUNNING, *OF_A_BUILD}

        operator.commit()
        with psycopg.connect(url) as connection:
            connection.execute(KNOWN)
        of_november = {row["tenant_id"]: row for row in statements_of(operator, NOVEMBER, world.TODAY)}
        closed = next(tenant for tenant, (put, *_) in zip(expected, SCENE, strict=False) if put == sql(CLOSED))
        for statement in periods.statements(operator, NOVEMBER):
            found = blocking.blockers(operator, [statement], world.TODAY)
            is_running = statement["tenant_id"] != closed
            assert (Blocker.RUNNING in {one.code for one in found}) == is_running
            assert (of_november[statement["tenant_id"]]["standing"] == "running") == is_running
            assert _is_refused(operator, statement) == bool(found)


def _is_refused(operator: psycopg.Connection[Any], statement: Mapping[str, Any]) -> bool:
    scope = Scope(Month.parse(f"{statement['period_start']:%Y-%m}"), statements=[blocking.key_of(dict(statement))])
    (outcome,) = approve(operator, scope, "ana", today=world.TODAY)
    assert outcome.result in {"approved", "refused"}
    return outcome.result == "refused"
