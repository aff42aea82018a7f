"""Tenants with overage, a Stripe set up for them, and a posting run over both."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from orchestration.stripe_billing.api.cache import StripeCache
from orchestration.stripe_billing.api.calls import StripeApi
from orchestration.stripe_billing.invoices.final import FinalInvoices
from orchestration.stripe_billing.invoices.items import Invoicer
from orchestration.stripe_billing.invoices.settling import Settlement, Settling
from orchestration.stripe_billing.posting.readiness import Readiness
from orchestration.stripe_billing.posting.report import Limits, PostingReport
from orchestration.stripe_billing.posting.run import Poster, threads
from tests.sandbox.stripe import StripeSandbox
from warehouse.database.connect import Role, connect

KEY = "sk_test_sandbox"
GRACE = timedelta(hours=72)
DAY = 86_400
OVERAGES = """
create table if not exists marts.fct_overages_daily (
    tenant_id text not null, meter_id text not null, usage_date date not null, period_start date not null,
    overage_quantity bigint not null, price_id bigint, is_complete boolean not null,
    is_known_so_far boolean not null,
    primary key (tenant_id, meter_id, usage_date)
);
alter table marts.fct_overages_daily owner to minutebook_transformer;
grant select on marts.fct_overages_daily to minutebook_billing, minutebook_operator;
alter table marts.fct_overages_daily enable row level security;
alter table marts.fct_overages_daily force row level security;
drop policy if exists processes on marts.fct_overages_daily;
create policy processes on marts.fct_overages_daily
to minutebook_billing, minutebook_transformer, minutebook_operator using (true) with check (true);
create table if not exists marts.fct_line_balances (
    line_id text, tenant_id text, currency text, rated_quantity bigint, stated_quantity bigint, rated_amount numeric,
    stated_amount numeric, is_balanced boolean
);
alter table marts.fct_line_balances owner to minutebook_transformer;
grant select on marts.fct_line_balances to minutebook_billing, minutebook_operator;
alter table marts.fct_line_balances enable row level security;
alter table marts.fct_line_balances force row level security;
drop policy if exists processes on marts.fct_line_balances;
create policy processes on marts.fct_line_balances
to minutebook_billing, minutebook_transformer, minutebook_operator using (true) with check (true);
"""

STATEMENT_LINES = """
create table marts.fct_statement_lines (
    tenant_id text, period_start date, line_kind text, meter_id text, amount numeric, quantity bigint, line_id text
);
alter table marts.fct_statement_lines owner to minutebook_transformer;
grant select on marts.fct_statement_lines to minutebook_billing;
alter table marts.fct_statement_lines enable row level security;
alter table marts.fct_statement_lines force row level security;
create policy processes on marts.fct_statement_lines to minutebook_billing using (true);
"""


def month_of(day: date, anchor: int = 1) -> tuple[date, date]:
    """The period a day is in."""
    first = (day - timedelta(days=anchor - 1)).replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return first.replace(day=anchor), following.replace(day=anchor)


@dataclass
class Scene:
    """One database, one Stripe, one clock for both unless a test moves ours alone (skew, seconds)."""

    url: str
    stripe: StripeSandbox
    owner: psycopg.Connection[Any]
    skew: float = 0.0
    grace: timedelta | None = GRACE

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.stripe.now + self.skew, UTC)

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self.stripe.now, UTC).date()

    def api(self, timeout: float = 5.0) -> StripeApi:
        return StripeApi(KEY, self.stripe.url, timeout=timeout, read_retries=0)

    def meter(self, meter_id: str = "voice", **changes: Any) -> dict[str, Any]:
        """A meter of ours, and Stripe's."""
        self.owner.execute(
            "insert into control.meters (meter_id, name, unit, source, item, stripe_event_name)"
            " values (%s, %s, 'unit', 'usage_metrics', %s, %s) on conflict do nothing",
            [meter_id, meter_id, meter_id, f"minutebook_{meter_id}"],
        )
        params = {
            "display_name": meter_id, "event_name": f"minutebook_{meter_id}", "event_time_window": "day",
            "default_aggregation": {"formula": "sum"},
        }  # fmt: skip
        return self.stripe.metering.create_meter(params | changes)

    def tenant(self, tenant_id: str, meters: tuple[str, ...] = ("voice",), anchor: int = 1, **changes: Any) -> str:
        """A tenant that may be billed, its customer and subscription; returns the customer."""
        catalogue = self.stripe.catalogue
        customer = catalogue.create_customer({"id": f"cus_{tenant_id}", "name": tenant_id})["id"]
        product = catalogue.create_product({"name": "usage"})["id"]
        by_name = {meter["event_name"]: meter["id"] for meter in self.stripe.metering.meters.values()}
        prices = [
            catalogue.create_price(
                {
                    "product": product, "currency": "usd", "unit_amount_decimal": "15",
                    "recurring": {
                        "interval": "month", "usage_type": "metered", "meter": by_name[f"minutebook_{meter}"]
                    },
                }
            )["id"]
            for meter in meters
        ]  # fmt: skip
        anchors = {"day_of_month": anchor, "hour": 0, "minute": 0, "second": 0}
        catalogue.create_subscription(
            {
                "customer": customer,
                "items": [{"price": price} for price in prices],
                "billing_cycle_anchor_config": anchors | changes.get("anchor_config", {}),
            }
        )
        self.owner.execute(
            "insert into control.tenants (tenant_id, name, currency, anchor_day, stripe_customer_id, feature_flags)"
            """ values (%s, %s, 'USD', %s, %s, '{"stripe_posting": true}')""",
            [tenant_id, tenant_id, anchor, customer],
        )
        self.owner.execute(
            "insert into control.tenant_statuses values (%s, %s, 'active')",
            [tenant_id, self.today - timedelta(days=400)],
        )
        return customer

    def overage(
        self,
        tenant_id: str,
        day: date,
        value: int,
        meter_id: str = "voice",
        complete: bool = True,
        anchor: int = 1,
        known: bool | None = None,
    ) -> None:
        """What the marts say from now on. known: also of a day that is not complete; unless said, as it is complete."""
        self.owner.execute(
            "insert into marts.fct_overages_daily values (%s, %s, %s, %s, %s, null, %s, %s)"
            " on conflict (tenant_id, meter_id, usage_date) do update"
            " set overage_quantity = excluded.overage_quantity, is_complete = excluded.is_complete,"
            " is_known_so_far = excluded.is_known_so_far",
            [
                tenant_id,
                meter_id,
                day,
                month_of(day, anchor)[0],
                value,
                complete,
                complete if known is None else known,
            ],
        )

    def forget_overage(self, tenant_id: str, day: date) -> None:
        self.owner.execute(
            "delete from marts.fct_overages_daily where tenant_id = %s and usage_date = %s", [tenant_id, day]
        )

    def post(self, limits: Limits | None = None, **options: Any) -> PostingReport:
        """One posting run, as `minutebook post`; it never really sleeps."""
        with self.desk(limits=limits) as (poster, _):
            return poster.run(**options)

    @contextmanager
    def desk(
        self,
        api: StripeApi | None = None,
        limits: Limits | None = None,
        pool: Callable[[int], Executor] = threads,
    ) -> Iterator[tuple[Poster, Invoicer]]:
        """What `minutebook post` runs, one after the other."""
        api = api or self.api()
        with self.billing() as connection, self.billing() as of_cache:
            cache = StripeCache(of_cache, api, self.now)
            readiness = Readiness(cache, self.now, self.grace)
            limits = limits or Limits(workers=4, per_second=1e6)
            poster = Poster(connection, api, readiness, self.now, limits, sleep=lambda _: None, pool=pool)
            yield poster, Invoicer(connection, api, cache, readiness, self.now)

    def settle(self, line: str, api: StripeApi | None = None) -> Settlement:
        """As `minutebook stripe settle LINE --apply`."""
        api = api or self.api()
        with self.billing() as connection, self.billing() as of_cache:
            cache = StripeCache(of_cache, api, self.now)
            cache.demand_fresh()
            readiness = Readiness(cache, self.now, self.grace)
            finals = FinalInvoices(connection, api, cache, readiness, self.now)
            invoicer = Invoicer(connection, api, cache, readiness, self.now)
            return Settling(connection, api, finals, invoicer, self.now).settle(line, apply=True)

    @contextmanager
    def finals(self, connection: psycopg.Connection[Any]) -> Iterator[FinalInvoices]:
        """As the daily check reads final invoices."""
        api = self.api()
        with self.billing() as of_cache:
            cache = StripeCache(of_cache, api, self.now)
            yield FinalInvoices(connection, api, cache, Readiness(cache, self.now, self.grace), self.now)

    @contextmanager
    def billing(self) -> Iterator[psycopg.Connection[Any]]:
        with connect(self.url, Role.BILLING, actor="test", autocommit=True) as connection:
            yield connection

    def held(self, customer: str, day: date, meter_id: str = "voice") -> int:
        """Stripe's own value of a day, once everything has been processed."""
        self.stripe.metering.settle()
        meters = self.stripe.metering.meters.values()
        meter = next(one["id"] for one in meters if one["event_name"] == f"minutebook_{meter_id}")
        return self.stripe.metering.value(meter, customer, (day - date(1970, 1, 1)).days) or 0

    def states(self, tenant_id: str) -> list[tuple[date, int, int, str, str | None]]:
        """usage_date, version, value, state, cause_code of every posting, in order."""
        return self.owner.execute(
            "select usage_date, version, value, state, cause_code from ledger.postings where tenant_id = %s"
            " order by meter_id, usage_date, version",
            [tenant_id],
        ).fetchall()

    def contents(self, schema: str, but: str) -> dict[str, list[str]]:
        """Every row of a schema's tables but one."""
        names = self.owner.execute(
            "select tablename from pg_tables where schemaname = %s and tablename <> %s", [schema, but]
        ).fetchall()
        return {
            name: [row for (row,) in self.owner.execute(f"select t::text from {schema}.{name} as t order by 1")]
            for (name,) in names
        }

    def sent(self) -> int:
        return len(self.stripe.metering.received)


def on_call(number: int, answer: Any, path: str = "/v1/billing/meter_events") -> Callable[[Any], Any]:
    """A fault for the nth call of a path from now on, counted from 1."""
    seen = 0

    def fault(call: Any) -> Any:
        nonlocal seen
        if call.method != "POST" or call.path != path:
            return None
        seen += 1
        return answer if seen == number else None

    return fault
