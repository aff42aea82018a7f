"""A generated world put into a warehouse: control data as versions, pulls as the ledger would have published them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from sources.contracts import COSTS
from sources.source import Source
from tests.marts import bills
from tests.oracle.usage import Pull, is_running
from tests.oracle.worlds.book import Book, Price
from tests.oracle.worlds.months import World
from warehouse.costs.unknown_costs import UnknownCost

Connection = psycopg.Connection[Any]
_json = msgspec.json.Encoder(decimal_format="number")


def load(connection: Connection, world: World) -> None:
    """Into an empty, migrated warehouse, as its owner."""
    bills.register(connection)
    with connection.transaction():
        _load_book(connection, world.book)
        publish(connection, world.pulls)
    connection.execute("analyze")


def publish(connection: Connection, pulls: Sequence[Pull]) -> None:
    """In their order: of one account and day the last one is current, also over what was published before."""
    row = connection.execute(
        "insert into ledger.attempts (trigger) values ('backfill') returning attempt_id"
    ).fetchone()  # fmt: skip
    assert row is not None
    former = connection.execute("select coalesce(max(pull_id), 0) from ledger.pulls").fetchone()
    assert former is not None
    numbered = list(zip(count(former[0] + 1), pulls, strict=False))
    last = {(pull.source, pull.account, pull.usage_date): pull_id for pull_id, pull in numbered}
    connection.cursor().executemany(
        "update ledger.pulls set state = 'superseded'"
        " where source = %s and account = %s and usage_date = %s and state = 'published'",
        list(last),
    )
    now = datetime.now(UTC)
    columns = (
        "pull_id attempt_id source account tenant_id usage_date state is_incomplete row_count content_hash closed_at"
    )
    _copy(connection, "ledger.pulls", columns, [
        (
            pull_id, row[0], pull.source, pull.account, _tenant(pull), pull.usage_date,
            "published" if last[pull.source, pull.account, pull.usage_date] == pull_id else "superseded",
            pull.source == "vapi" and any(is_running(call) for call in pull.rows), len(pull.rows), f"hash-{pull_id}",
            now,
        )
        for pull_id, pull in numbered
    ])  # fmt: skip
    connection.execute(
        "select setval(pg_get_serial_sequence('ledger.pulls', 'pull_id'), (select max(pull_id) from ledger.pulls))"
    )
    for declared in bills.SOURCES:
        _bills(connection, declared, [(pull_id, pull) for pull_id, pull in numbered if pull.source == declared.name])
    for source, land in (("vapi", _calls), ("voiceflow", _interactions), ("usage_metrics", _metrics)):
        land(connection, [(pull_id, pull) for pull_id, pull in numbered if pull.source == source])


def _tenant(pull: Pull) -> str | None:
    return None if pull.account == "platform" else pull.account


def _calls(connection: Connection, pulls: Sequence[tuple[int, Pull]]) -> None:
    columns = (
        "account tenant_id usage_date pull_id call_id created_at updated_at started_at ended_at status assistant_id"
        " phone_number_id payload"
    )
    _copy(connection, "raw_vapi.calls", columns, [
        (
            pull.account, _tenant(pull), pull.usage_date, pull_id, call["id"], call["createdAt"], call["updatedAt"],
            call["startedAt"], call["endedAt"], call["status"], call["assistantId"], call["phoneNumberId"],
            _json.encode(call).decode(),
        )
        for pull_id, pull in pulls for call in pull.rows
    ])  # fmt: skip


def _interactions(connection: Connection, pulls: Sequence[tuple[int, Pull]]) -> None:
    columns = (
        "account tenant_id usage_date pull_id project_id environment_id metric period_at usage_type quantity payload"
    )
    _copy(connection, "raw_voiceflow.usage", columns, [
        (
            pull.account, pull.account, pull.usage_date, pull_id, row["project_id"], "production", row["metric"],
            datetime(pull.usage_date.year, pull.usage_date.month, pull.usage_date.day, tzinfo=UTC)
            + timedelta(hours=row["hour"] % 24), row["type"], row["quantity"], "{}",
        )
        for pull_id, pull in pulls for row in pull.rows
    ])  # fmt: skip


def _metrics(connection: Connection, pulls: Sequence[tuple[int, Pull]]) -> None:
    columns = "account tenant_id usage_date pull_id usage_agent_id metric_type quantity recorded_at payload"
    _copy(connection, "raw_usage_metrics.metrics", columns, [
        (
            pull.account, pull.account, pull.usage_date, pull_id, row["agent_id"], row["metric_type"], row["quantity"],
            datetime(pull.usage_date.year, pull.usage_date.month, pull.usage_date.day, tzinfo=UTC)
            + timedelta(seconds=row["number"]), _json.encode(row).decode(),
        )
        for pull_id, pull in pulls for row in pull.rows
    ])  # fmt: skip


def _bills(connection: Connection, declared: Source, pulls: Sequence[tuple[int, Pull]]) -> None:
    names = [column.name for column in COSTS.columns]
    columns = f"account tenant_id usage_date pull_id {' '.join(names)} payload"
    _copy(connection, f"{declared.schema}.{declared.table}", columns, [
        (pull.account, _tenant(pull), pull.usage_date, pull_id, *(row.get(name) for name in names), "{}")
        for pull_id, pull in pulls for row in pull.rows
    ])  # fmt: skip


def _load_book(connection: Connection, book: Book) -> None:
    def put(table: str, columns: str, values: Iterable[Sequence[Any]]) -> None:
        _copy(connection, f"control.{table}", columns, values)

    put("tenants", "tenant_id name currency anchor_day", [
        (one.tenant_id, one.tenant_id, one.currency, one.anchor_day) for one in book.tenants
    ])  # fmt: skip
    put("tenant_statuses", "tenant_id valid_from status", [
        (one.tenant_id, status.valid_from, status.status) for one in book.tenants for status in one.statuses
    ])  # fmt: skip
    agents = sorted({(one.agent_id, one.tenant_id) for one in book.attachments if one.agent_id}
                    | {(one.agent_id, one.tenant_id) for one in book.projects}
                    | {(one.agent_id, one.tenant_id) for one in book.coverage if one.agent_id})  # fmt: skip
    put("agents", "agent_id tenant_id name", [(agent, tenant, agent) for agent, tenant in agents])
    put("agent_attachments", "kind value valid_from tenant_id agent_id environment", [
        *((one.kind, one.value, one.valid_from, one.tenant_id, one.agent_id, None) for one in book.attachments),
        *(("voiceflow_project", one.project_id, one.valid_from, one.tenant_id, one.agent_id, one.environment)
          for one in book.projects),
        *(("voiceflow_project", one.project_id, one.valid_to, None, None, None)
          for one in book.projects if one.valid_to),
    ])  # fmt: skip
    put("meters", "meter_id name unit source increment_seconds minimum_seconds item", [
        (one.meter_id, one.meter_id, one.unit, one.source, one.increment_seconds, one.minimum_seconds, one.item)
        for one in book.meters
    ])  # fmt: skip
    currency = {choice.plan_id: one.currency for one in book.tenants for choice in one.plans}
    put("plans", "plan_id name currency", [(plan, plan, currency[plan]) for plan in currency])
    terms = "plan_id valid_from subscription_fee setup_fee minimum_amount prorates_allowance voice_meter_id"
    put("plan_terms", terms, [
        (one.plan_id, one.valid_from, one.subscription_fee, one.setup_fee, one.minimum_amount, one.prorates_allowance,
         one.voice_meter_id) for one in _unique(book.terms, "plan_id", "valid_from")
    ])  # fmt: skip
    put("tenant_plans", "tenant_id valid_from plan_id", [
        (one.tenant_id, choice.valid_from, choice.plan_id) for one in book.tenants for choice in one.plans
    ])  # fmt: skip
    put("allowances", "plan_id meter_id valid_from quantity", [
        (one.plan_id, one.meter_id, one.valid_from, one.quantity)
        for one in _unique(book.allowances, "plan_id", "meter_id", "valid_from")
    ])  # fmt: skip
    put("prices", "plan_id tenant_id meter_id valid_from model unit_amount package_size tiers", [
        (None if one.of_tenant else one.owner, one.owner if one.of_tenant else None, one.meter_id, one.valid_from,
         one.model, one.unit_amount, one.package_size, _tiers(one)) for one in book.prices
    ])  # fmt: skip
    put("unit_costs", "meter_id valid_from unit_cost currency is_rest", [
        (one.meter_id, one.valid_from, one.unit_cost, one.currency, one.is_rest) for one in book.unit_costs
    ])  # fmt: skip
    put("fixed_costs", "fixed_cost_id valid_from name monthly_amount currency allocation", [
        (one.fixed_cost_id, one.valid_from, one.fixed_cost_id, one.monthly_amount, one.currency, one.allocation)
        for one in book.fixed_costs
    ])  # fmt: skip
    put("cost_coverage", "source tenant_id agent_id component valid_from cost_source is_own", [
        ("vapi", one.tenant_id, one.agent_id, one.component, one.valid_from, one.cost_source, one.is_own)
        for one in book.coverage
    ])  # fmt: skip
    put("provider_unit_costs", "provider unit valid_from unit_cost currency", [
        (one.provider, one.unit, one.valid_from, one.unit_cost, one.currency) for one in book.provider_unit_costs
    ])  # fmt: skip
    put("payment_fees", "currency valid_from percent fixed_amount", [
        (one.currency, one.valid_from, one.percent, one.fixed_amount) for one in book.payment_fees
    ])  # fmt: skip
    put("exchange_rates", "from_currency to_currency valid_from rate", [
        (one.from_currency, one.to_currency, one.valid_from, one.rate) for one in book.rates
    ])  # fmt: skip
    put("credits", "tenant_id amount valid_from expires_on reason", [
        (one.tenant_id, credit.amount, credit.valid_from, credit.expires_on, "generated")
        for one in book.tenants for credit in one.credits
    ])  # fmt: skip
    _settle(connection, book)
    own = [one for one in book.tenants if one.own_vapi_from]
    put("data_keys", "tenant_id master_key_id wrapped_key", [(one.tenant_id, "none", b"-") for one in own])
    for one in own:
        connection.execute(
            "insert into control.credentials (tenant_id, provider, data_key_id, ciphertext, fingerprint, used_from)"
            " select tenant_id, 'vapi', data_key_id, '', '', %s from control.data_keys where tenant_id = %s",
            (one.own_vapi_from, one.tenant_id),
        )


def _settle(connection: Connection, book: Book) -> None:
    """As whoever settles what is shown, again and again until nothing is: of each source, whatever the reason.

    Two hundred rows of each cost, and none of them in the audit log, which would take a millisecond each.
    """
    sources = [row[0] for row in connection.execute("select source from control.sources").fetchall()]
    connection.execute("set local session_replication_role = replica")
    _copy(connection, "ledger.acceptances", "source account tenant_id usage_date doubt subject evidence reason", [
        (source, "platform", tenant_id, day, "billed_elsewhere", component, why, "generated")
        for tenant_id, day, component in sorted(book.settled) for source in sources for why in UnknownCost
    ])  # fmt: skip
    connection.execute("set local session_replication_role = origin")


def _unique(values: Iterable[Any], *key: str) -> list[Any]:
    return list({tuple(getattr(one, name) for name in key): one for one in values}.values())


def _tiers(price: Price) -> str | None:
    if not price.tiers:
        return None
    return _json.encode(
        [{"up_to": tier.up_to, "unit_amount": f"{tier.unit_amount:f}"} for tier in price.tiers]
    ).decode()


def _copy(connection: Connection, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns.split()))
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(*table.split(".")), names)
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
