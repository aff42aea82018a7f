-- name: moved
-- What recurs of this whole period and of the whole one before: setup, adjustments and credits are meant to come and go.
select
    s.period_start,
    s.currency,
    s.subscription + s.overage + s.minimum as amount
from marts.fct_statements as s
inner join marts.dim_tenants as t on s.tenant_id = t.tenant_id
where
    s.tenant_id = %(tenant_id)s
    and s.period_start <= %(period_start)s
    and s.period_start >= t.activated_on
    and s.period_end < coalesce(t.closed_on, 'infinity')
order by s.period_start desc
limit 2;

-- name: totals_that_disagree
-- Vapi's cost is compared within a ten-thousandth per call: each call's cost is rounded there, its own sum is not.
with read_from as materialized (
    select t.source, t.account, t.valid_from, coalesce(t.valid_to, 'infinity') as valid_to
    from control.tenant_sources as t
    where t.tenant_id = %(tenant_id)s
)

select
    p.source,
    p.usage_date,
    told.name,
    counted.value as counted,
    told.value as provider_says
from ledger.pulls as p
cross join lateral jsonb_each_text(p.provider_totals) as told (name, value)
left join lateral jsonb_each_text(p.totals) as counted (name, value) on told.name = counted.name
where
    p.state = 'published'
    and p.provider_totals is not null
    and p.source = any(array(select read_from.source from read_from))
    and p.account = any(array[%(tenant_id)s, 'platform'])
    and p.usage_date >= %(period_start)s
    and p.usage_date < %(period_end)s
    and exists (
        select 1 from read_from as t
        where
            t.source = p.source
            and t.account = p.account
            and t.valid_from <= p.usage_date
            and p.usage_date < t.valid_to
    )
    and abs(told.value::numeric - coalesce(counted.value::numeric, 0))
    > case when told.name = 'cost' then 0.0001 * coalesce((p.totals ->> 'calls')::numeric, 0) else 0 end
order by p.usage_date, p.source, told.name;

-- name: calls_of_two_accounts
-- The first and the last call of the window, of each account the tenant is read from, looked up in every other account:
-- one Vapi organisation under two keys tells all its calls twice, so two probes find it, by index.
with own as (
    select distinct t.account
    from control.tenant_sources as t
    where
        t.tenant_id = %(tenant_id)s
        and t.source = 'vapi'
        and t.valid_from < %(period_end)s
        and coalesce(t.valid_to, 'infinity') > %(period_start)s
),

probes as (
    select p.account, p.usage_date, p.call_id
    from own as o
    cross join lateral (
        (
            select f.account, f.usage_date, f.call_id from marts.fct_calls as f
            where f.account = o.account and f.usage_date >= %(period_start)s and f.usage_date < %(period_end)s
            order by f.usage_date, f.call_id
            limit 1
        )
        union
        (
            select f.account, f.usage_date, f.call_id from marts.fct_calls as f
            where f.account = o.account and f.usage_date >= %(period_start)s and f.usage_date < %(period_end)s
            order by f.usage_date desc, f.call_id desc
            limit 1
        )
    ) as p
)

select
    p.account,
    others.account as other_account,
    min(p.usage_date) as usage_date,
    min(p.call_id) as call_id
from probes as p
inner join ledger.pulls as others
    on
        others.source = 'vapi'
        and others.state = 'published'
        and others.usage_date = p.usage_date
        and others.account <> p.account
inner join marts.fct_calls as f
    on f.account = others.account and f.usage_date = p.usage_date and f.call_id = p.call_id
group by p.account, others.account
order by p.account, others.account;

-- name: moved_share
select moved_share from control.review_rules;

-- name: set_moved_share
update control.review_rules set moved_share = %(moved_share)s
where moved_share <> %(moved_share)s;

-- name: prices_charged
-- The price in force of each meter on the period's first billed day, a tenant's own first, beside what Stripe last said (the
-- cache holds it) of the price it charges that meter at; used or not.
with period as (
    select
        s.tenant_id,
        t.stripe_customer_id,
        greatest(s.period_start, t.activated_on) as first_billed_day
    from marts.fct_statements as s
    inner join marts.dim_tenants as t on s.tenant_id = t.tenant_id
    where s.tenant_id = %(tenant_id)s and s.period_start = %(period_start)s
),

chosen as (
    select c.plan_id
    from control.tenant_plans as c
    inner join period on c.tenant_id = period.tenant_id and c.valid_from <= period.first_billed_day
    order by c.valid_from desc
    limit 1
),

priced as (
    select distinct on (p.meter_id)
        p.meter_id,
        p.price_id,
        p.model,
        p.unit_amount,
        p.package_size,
        p.tiers,
        p.currency,
        m.stripe_event_name,
        period.stripe_customer_id
    from period
    inner join marts.dim_prices as p
        on
            (p.tenant_id = period.tenant_id or p.plan_id = (select chosen.plan_id from chosen))
            and p.model <> 'plan'
            and p.valid_from <= period.first_billed_day
            and coalesce(p.valid_to, 'infinity') > period.first_billed_day
    inner join control.meters as m on p.meter_id = m.meter_id and m.stripe_event_name is not null
    order by p.meter_id, p.tenant_id nulls last
)

select
    priced.meter_id,
    priced.price_id,
    priced.model,
    priced.unit_amount,
    priced.package_size,
    priced.tiers,
    priced.currency,
    coalesce(whole.body, item.price) as stripe_price
from priced
inner join ledger.stripe_cache as c on c.kind = 'subscriptions' and priced.stripe_customer_id = c.cache_key
inner join ledger.stripe_cache as e on e.kind = 'meters' and e.cache_key = 'all'
cross join lateral (
    select i.item -> 'price' as price
    from jsonb_array_elements(c.body) as u (subscription)
    cross join lateral jsonb_array_elements(u.subscription -> 'items' -> 'data') as i (item)
    inner join lateral jsonb_array_elements(e.body) as k (meter)
        on k.meter ->> 'event_name' = priced.stripe_event_name
    where
        u.subscription ->> 'status' in ('active', 'past_due', 'trialing', 'unpaid')
        and i.item #>> '{price,recurring,meter}' = k.meter ->> 'id'
) as item
left join ledger.stripe_cache as whole on whole.kind = 'price' and item.price ->> 'id' = whole.cache_key
order by priced.meter_id;
