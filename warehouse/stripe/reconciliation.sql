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
    r.tenant_id,
    r.meter_id,
    r.usage_date,
    r.period_start,
    r.ours,
    r.posted,
    r.stripe,
    r.difference,
    r.age_days,
    r.posting_state,
    r.cause_code,
    r.cause,
    r.read_at,
    r.is_approved,
    r.finding,
    coalesce(
        sent.stripe_customer_id is distinct from t.stripe_customer_id
        or ledger.is_of_another_account(sent.stripe_account, sent.is_live),
        false
    ) and sent.stripe_customer_id is not null as is_elsewhere,
    sent.stripe_customer_id || coalesce(
        ' of ' || sent.stripe_account || case when sent.is_live then ' (live mode)' else ' (test mode)' end, ''
    ) as sent_to
from marts.fct_reconciliation as r
inner join control.tenants as t on r.tenant_id = t.tenant_id
left join lateral (
    select p.stripe_customer_id, p.stripe_account, p.is_live from ledger.postings as p
    where
        p.tenant_id = r.tenant_id and p.meter_id = r.meter_id and p.usage_date = r.usage_date
        and p.state = 'accepted'
    order by p.version desc
    limit 1
) as sent on true
where
    not r.is_equal
    and (%(tenant_ids)s::text [] is null or r.tenant_id = any(%(tenant_ids)s))
order by r.tenant_id, r.meter_id, r.usage_date;
