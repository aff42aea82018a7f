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
insert into ledger.stripe_day_summaries (tenant_id, meter_id, usage_date, value, read_at)
select %(tenant_id)s, %(meter_id)s, s.usage_date, s.value, %(now)s
from unnest(%(days)s::date [], %(values)s::numeric []) as s (usage_date, value);

-- name: differences
-- Ours, posted and Stripe's, per tenant, meter and day; only what is not one and the same. What is posted of an approved
-- period is frozen: later changes of the marts are its adjustments.
with latest as (
    select
        tenant_id,
        meter_id,
        usage_date,
        (array_agg(state order by version desc))[1] as state,
        (array_agg(cause_code order by version desc))[1] as cause_code,
        (array_agg(cause order by version desc))[1] as cause,
        coalesce((array_agg(value order by version desc) filter (where state = 'accepted'))[1], 0) as posted,
        max(posted_at) filter (where state = 'accepted') as posted_at
    from ledger.postings
    where usage_date >= %(oldest_day)s
    group by tenant_id, meter_id, usage_date
),

wanted as (
    select tenant_id, meter_id, usage_date, overage_quantity as wanted, is_complete
    from marts.fct_overages_daily
    where usage_date >= %(oldest_day)s and usage_date < %(today)s
),

summaries as (
    select tenant_id, meter_id, usage_date, value as held
    from ledger.stripe_day_summaries
    where usage_date >= %(oldest_day)s
),

sides as (
    select
        coalesce(w.tenant_id, l.tenant_id, s.tenant_id) as tenant_id,
        coalesce(w.meter_id, l.meter_id, s.meter_id) as meter_id,
        coalesce(w.usage_date, l.usage_date, s.usage_date) as usage_date,
        coalesce(w.wanted, 0) as wanted,
        coalesce(w.is_complete, true) as is_complete,
        coalesce(l.posted, 0) as posted,
        coalesce(s.held, 0) as stripe,
        l.state,
        l.cause_code,
        l.cause,
        l.posted_at
    from wanted as w
    full join latest as l
        on w.tenant_id = l.tenant_id and w.meter_id = l.meter_id and w.usage_date = l.usage_date
    full join summaries as s
        on
            s.tenant_id = coalesce(w.tenant_id, l.tenant_id)
            and s.meter_id = coalesce(w.meter_id, l.meter_id)
            and s.usage_date = coalesce(w.usage_date, l.usage_date)
),

joined as (
    select
        sides.*,
        case
            when coalesce(p.state, 'open') in ('approved', 'closed') or not sides.is_complete then sides.posted
            else sides.wanted
        end as ours
    from sides
    left join ledger.periods as p
        on
            sides.tenant_id = p.tenant_id
            and sides.usage_date >= p.period_start
            and sides.usage_date < p.period_end
)

select
    j.tenant_id,
    j.meter_id,
    j.usage_date,
    j.ours,
    j.posted,
    j.stripe,
    j.stripe - j.ours as difference,
    j.state,
    j.cause_code,
    j.cause,
    j.posted_at,
    %(today)s - j.usage_date as age_days
from joined as j
inner join control.tenants as t on j.tenant_id = t.tenant_id
where
    t.feature_flags @> '{"stripe_posting": true}'
    and (%(tenant_ids)s::text [] is null or j.tenant_id = any(%(tenant_ids)s))
    and not (j.ours = j.posted and j.posted = j.stripe and j.state is distinct from 'pending')
order by j.tenant_id, j.meter_id, j.usage_date;
