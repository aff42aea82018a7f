-- What a quantity of overage amounts to under a version of a price, unrounded: for explaining a line day by day, for
-- what-if and for forecasts. The marts rate whole periods set by set; a test holds that both say the same of every line.
create function control.rated_amount(
    price_model text, unit_amount numeric, package_size bigint, tiers jsonb, quantity bigint
) returns numeric language sql immutable parallel safe set search_path = '' as $$
    select case
        when quantity <= 0 then 0
        when price_model = 'per_unit' then quantity * unit_amount
        when price_model = 'package' then pg_catalog.ceil(quantity::numeric / package_size) * unit_amount
        else (
            select coalesce(sum(
                case
                    when price_model = 'graduated'
                        then
                            greatest(least(quantity, coalesce(tier.upper_bound, quantity)) - tier.lower_bound, 0)
                            * tier.unit_amount
                    when quantity > tier.lower_bound and quantity <= coalesce(tier.upper_bound, quantity)
                        then quantity * tier.unit_amount
                end
            ), 0)
            from (
                select
                    coalesce(pg_catalog.lag((item ->> 'up_to')::bigint) over (order by place), 0) as lower_bound,
                    (item ->> 'up_to')::bigint as upper_bound,
                    (item ->> 'unit_amount')::numeric as unit_amount
                from pg_catalog.jsonb_array_elements(tiers) with ordinality as listed (item, place)
            ) as tier
        )
    end
$$;

create table control.spend_limits (
    tenant_id text not null references control.tenants,
    valid_from date not null,
    amount numeric check (amount > 0),
    primary key (tenant_id, valid_from)
);
comment on table control.spend_limits is
'Timeline: what a tenant wants to be warned of, per period and in its currency. A null amount ends it; nothing is cut.';

create table ledger.quota_alerts (
    alert_id bigint generated always as identity primary key,
    tenant_id text not null references control.tenants,
    period_start date not null,
    quota text not null check (quota <> ''),
    threshold int not null check (threshold in (50, 80, 100)),
    event text not null check (event in ('crossed', 'recovered')),
    used numeric not null,
    allowed numeric not null,
    unit text not null,
    happened_at timestamptz not null default clock_timestamp(),
    delivered_at timestamptz
);
create index quota_alerts_latest on ledger.quota_alerts (tenant_id, period_start, quota, threshold, alert_id desc);
create index quota_alerts_to_deliver on ledger.quota_alerts (alert_id) where delivered_at is null;
comment on table ledger.quota_alerts is
'One row per crossing of a share of an allowance (quota is the meter) or of the spend limit (quota is "spend"), and one'
' when a restated day takes it back. used and allowed are in unit.';

do $$
declare
    table_name text;
begin
    foreach table_name in array array['control.spend_limits', 'ledger.quota_alerts'] loop
        execute format('alter table %s enable row level security', table_name);
        execute format('alter table %s force row level security', table_name);
        execute format(
            'create policy processes on %s to minutebook_transformer, minutebook_billing, minutebook_operator '
            'using (true) with check (true)', table_name
        );
    end loop;
end
$$;
create trigger audit after insert or update or delete on control.spend_limits
for each row execute function ledger.record_audit();

grant select on control.spend_limits, ledger.quota_alerts
to minutebook_transformer, minutebook_billing, minutebook_operator;
grant insert, update, delete on control.spend_limits to minutebook_operator;
grant insert, update (delivered_at) on ledger.quota_alerts to minutebook_operator;
