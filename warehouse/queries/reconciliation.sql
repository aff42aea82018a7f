-- name: to_read
-- Tenants and meters of whom Stripe should hold, or may hold, something since a day.
select distinct u.tenant_id, u.meter_id, t.stripe_customer_id, m.stripe_event_name
from (
    select tenant_id, meter_id from marts.fct_overages_daily
    where usage_date >= %(oldest_day)s and overage_quantity > 0
    union all
    select tenant_id, meter_id from ledger.postings where usage_date >= %(oldest_day)s
) as u
inner join control.tenants as t on u.tenant_id = t.tenant_id
inner join control.meters as m on u.meter_id = m.meter_id
where
    t.feature_flags @> '{"stripe_posting": true}'
    and t.stripe_customer_id is not null
    and m.stripe_event_name is not null
    and (%(tenant_ids)s::text [] is null or t.tenant_id = any(%(tenant_ids)s))
order by u.tenant_id, u.meter_id;

-- name: forget_summaries
delete from ledger.stripe_day_summaries
where tenant_id = %(tenant_id)s and meter_id = %(meter_id)s and usage_date >= %(oldest_day)s;

-- name: put_summaries
-- A day that was posted and that Stripe does not know is read as 0: it was asked for.
insert into ledger.stripe_day_summaries (tenant_id, meter_id, usage_date, value, read_at)
select %(tenant_id)s, %(meter_id)s, s.usage_date, s.value, %(now)s
from unnest(%(days)s::date [], %(values)s::numeric []) as s (usage_date, value)
union all
select distinct p.tenant_id, p.meter_id, p.usage_date, 0, %(now)s::timestamptz
from ledger.postings as p
where
    p.tenant_id = %(tenant_id)s and p.meter_id = %(meter_id)s and p.usage_date >= %(oldest_day)s
    and p.usage_date <> all(%(days)s::date []);

-- name: differences
select
    tenant_id,
    meter_id,
    usage_date,
    period_start,
    ours,
    posted,
    stripe,
    difference,
    age_days,
    posting_state,
    cause_code,
    cause,
    read_at,
    is_approved,
    finding
from ledger.reconciliation(%(today)s, %(tenant_ids)s)
where finding not in ('equal', 'billed')
order by tenant_id, meter_id, usage_date;
