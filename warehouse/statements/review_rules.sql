-- Statements come as three arrays of one length: one statement under review, or all of a month.

-- name: moved
-- What recurs of a whole period and of the whole one before: setup, adjustments and credits are meant to come and go.
with whole as (
    select
        s.tenant_id,
        s.period_start,
        s.currency,
        s.subscription + s.overage + s.minimum as amount,
        lag(s.subscription + s.overage + s.minimum)
            over (partition by s.tenant_id order by s.period_start) as former_amount
    from marts.fct_statements as s
    inner join marts.dim_tenants as t on s.tenant_id = t.tenant_id
    where
        s.tenant_id = any(%(tenant_ids)s)
        and s.period_start >= t.activated_on
        and s.period_end < coalesce(t.closed_on, 'infinity')
)

select
    w.tenant_id,
    w.period_start,
    w.currency,
    w.amount,
    w.former_amount
from whole as w
inner join unnest(%(tenant_ids)s::text[], %(starts)s::date[]) as a (tenant_id, period_start)
    on w.tenant_id = a.tenant_id and w.period_start = a.period_start
where abs(w.amount - w.former_amount) > (select r.moved_share from control.review_rules as r) * w.former_amount;

-- name: totals_that_disagree
-- Of the windows that statements answer for: see days_that_block.
with asked as (
    select *
    from unnest(
        %(tenant_ids)s::text[], %(starts)s::date[], %(service_starts)s::date[], %(service_ends)s::date[],
        %(known_until)s::timestamptz[]
    ) as a (tenant_id, period_start, service_start, service_end, known_until)
),

disagreeing as materialized (
    select
        t.*,
        coalesce(g.known_at, 'infinity') as known_at
    from ledger.disagreeing_totals as t
    left join ledger.known_gaps as g
        on
            g.gap = 'totals_disagree'
            and g.tenant_id is not distinct from t.tenant_id
            and g.source = t.source
            and g.account = t.account
            and g.usage_date = t.usage_date
            and g.item = t.name || ' ' || t.evidence
    where
        t.account = any(%(tenant_ids)s::text[] || 'platform'::text)
        and t.usage_date >= (select min(asked.service_start) from asked)
        and t.usage_date < (select max(asked.service_end) from asked)
)

select distinct
    a.tenant_id,
    a.period_start,
    a.service_start,
    d.source,
    d.usage_date,
    d.name,
    d.counted,
    d.provider_says,
    d.is_repeated
from disagreeing as d
inner join control.tenant_sources as t
    on
        d.source = t.source
        and d.account = t.account
        and d.usage_date >= t.valid_from
        and d.usage_date < coalesce(t.valid_to, 'infinity')
inner join asked as a
    on
        t.tenant_id = a.tenant_id
        and d.usage_date >= a.service_start
        and d.usage_date < a.service_end
        and a.known_until < d.known_at
order by d.usage_date, d.source, d.name;

-- name: calls_of_two_accounts
-- The first and the last day with calls of each account that is read: where another account tells the same first call of
-- such a day, or the same last one, it is one organisation under two keys. All by index, and each account-day once.
with asked as (
    select
        a.tenant_id,
        a.period_start,
        a.period_end
    from unnest(%(tenant_ids)s::text[], %(starts)s::date[], %(ends)s::date[]) as a (tenant_id, period_start, period_end)
),

own as materialized (
    select distinct
        a.tenant_id,
        a.period_start,
        a.period_end,
        t.account
    from asked as a
    inner join control.tenant_sources as t
        on
            a.tenant_id = t.tenant_id
            and t.source in (select s.source from control.sources as s where s.contract = 'calls')
            and a.period_end > t.valid_from
            and a.period_start < coalesce(t.valid_to, 'infinity')
),

windows as (
    select distinct
        own.account,
        own.period_start,
        own.period_end
    from own
),

probed_days as materialized (
    select
        w.account,
        w.period_start,
        w.period_end,
        d.usage_date
    from windows as w
    cross join lateral (
        (
            select f.usage_date from marts.fct_calls as f
            where f.account = w.account and f.usage_date >= w.period_start and f.usage_date < w.period_end
            order by f.usage_date
            limit 1
        )
        union
        (
            select f.usage_date from marts.fct_calls as f
            where f.account = w.account and f.usage_date >= w.period_start and f.usage_date < w.period_end
            order by f.usage_date desc
            limit 1
        )
    ) as d
),

ends_of_days as materialized (
    select
        p.source,
        p.account,
        p.usage_date,
        c.call_id
    from ledger.pulls as p
    cross join lateral (
        (
            select f.call_id from marts.fct_calls as f
            where f.account = p.account and f.usage_date = p.usage_date
            order by f.call_id
            limit 1
        )
        union
        (
            select f.call_id from marts.fct_calls as f
            where f.account = p.account and f.usage_date = p.usage_date
            order by f.call_id desc
            limit 1
        )
    ) as c
    where
        p.source in (select s.source from control.sources as s where s.contract = 'calls')
        and p.state = 'published'
        and p.row_count > 0
        and p.usage_date in (select probed_days.usage_date from probed_days)
),

reported_twice as (
    select
        a.source,
        a.account,
        b.account as other_account,
        a.usage_date,
        min(a.call_id) as call_id
    from ends_of_days as a
    inner join ends_of_days as b
        on a.source = b.source and a.usage_date = b.usage_date and a.call_id = b.call_id and a.account <> b.account
    group by a.source, a.account, b.account, a.usage_date
)

select
    own.tenant_id,
    own.period_start,
    t.source,
    t.account,
    t.other_account,
    min(t.usage_date) as usage_date,
    max(t.usage_date) as last_date,
    min(t.call_id) as call_id
from reported_twice as t
inner join probed_days as d on t.account = d.account and t.usage_date = d.usage_date
inner join own
    on d.account = own.account and d.period_start = own.period_start and d.period_end = own.period_end
group by own.tenant_id, own.period_start, t.source, t.account, t.other_account
order by t.account, t.other_account;

-- name: set_moved_share
update control.review_rules set moved_share = %(moved_share)s
where moved_share <> %(moved_share)s;

-- name: prices_charged
-- The price in force of each meter on the period's first billed day, a tenant's own first, beside what Stripe last said (the
-- cache holds it) of the price it charges that meter at; used or not.
with billed as materialized (
    select
        s.tenant_id,
        s.period_start,
        t.stripe_customer_id,
        greatest(s.period_start, t.activated_on) as first_billed_day
    from unnest(%(tenant_ids)s::text[], %(starts)s::date[]) as a (tenant_id, period_start)
    inner join marts.fct_statements as s on a.tenant_id = s.tenant_id and a.period_start = s.period_start
    inner join marts.dim_tenants as t on s.tenant_id = t.tenant_id
    where t.stripe_customer_id is not null
),

chosen as materialized (
    select distinct on (billed.tenant_id, billed.period_start)
        billed.tenant_id,
        billed.period_start,
        c.plan_id
    from billed
    inner join control.tenant_plans as c
        on billed.tenant_id = c.tenant_id and billed.first_billed_day >= c.valid_from
    order by billed.tenant_id asc, billed.period_start asc, c.valid_from desc
),

of_both as (
    select
        billed.tenant_id,
        billed.period_start,
        billed.first_billed_day,
        billed.stripe_customer_id,
        p.price_id,
        true as is_own
    from billed
    inner join marts.dim_prices as p on billed.tenant_id = p.tenant_id
    union all
    select
        billed.tenant_id,
        billed.period_start,
        billed.first_billed_day,
        billed.stripe_customer_id,
        p.price_id,
        false as is_own
    from billed
    inner join chosen on billed.tenant_id = chosen.tenant_id and billed.period_start = chosen.period_start
    inner join marts.dim_prices as p on chosen.plan_id = p.plan_id
),

priced as (
    select distinct on (o.tenant_id, o.period_start, p.meter_id)
        o.tenant_id,
        o.period_start,
        o.stripe_customer_id,
        p.meter_id,
        p.price_id,
        p.model,
        p.unit_amount,
        p.package_size,
        p.tiers,
        p.currency,
        m.stripe_event_name
    from of_both as o
    inner join marts.dim_prices as p
        on
            o.price_id = p.price_id
            and p.model <> 'plan'
            and o.first_billed_day >= p.valid_from
            and o.first_billed_day < coalesce(p.valid_to, 'infinity')
    inner join control.meters as m on p.meter_id = m.meter_id and m.stripe_event_name is not null
    order by o.tenant_id asc, o.period_start asc, p.meter_id asc, o.is_own desc
),

stripe_meters as materialized (
    select
        k.meter ->> 'id' as id,
        k.meter ->> 'event_name' as event_name
    from ledger.stripe_cache as e
    cross join lateral jsonb_array_elements(e.body) as k (meter)
    where e.kind = 'meters' and e.cache_key = 'all'
),

charged as materialized (
    select
        c.cache_key as stripe_customer_id,
        stripe_meters.event_name,
        i.item -> 'price' as price
    from ledger.stripe_cache as c
    cross join lateral jsonb_array_elements(c.body) as u (subscription)
    cross join lateral jsonb_array_elements(u.subscription -> 'items' -> 'data') as i (item)
    inner join stripe_meters on stripe_meters.id = i.item #>> '{price,recurring,meter}'
    where
        c.kind = 'subscriptions'
        and c.cache_key in (select billed.stripe_customer_id from billed)
        and u.subscription ->> 'status' in ('active', 'past_due', 'trialing', 'unpaid')
)

select
    priced.tenant_id,
    priced.period_start,
    priced.meter_id,
    priced.price_id,
    priced.model,
    priced.unit_amount,
    priced.package_size,
    priced.tiers,
    priced.currency,
    coalesce(whole.body, charged.price) as stripe_price
from priced
inner join charged
    on priced.stripe_customer_id = charged.stripe_customer_id and priced.stripe_event_name = charged.event_name
left join ledger.stripe_cache as whole on whole.kind = 'price' and charged.price ->> 'id' = whole.cache_key
order by priced.meter_id;

-- name: losses_shown
select d.usage_date
from ledger.doubted_days as d
where
    d.source = 'vapi'
    and d.account = %(account)s
    and d.cause_code = 'rows_lost'
    and d.usage_date >= %(first_day)s
    and d.usage_date <= %(last_day)s;
