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
    and p.usage_date >= %(period_start)s
    and p.usage_date < %(period_end)s
    and exists (
        select 1 from control.tenant_sources as t
        where
            t.tenant_id = %(tenant_id)s
            and t.source = p.source
            and t.account = p.account
            and t.valid_from <= p.usage_date
            and p.usage_date < coalesce(t.valid_to, 'infinity')
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

-- name: prices_that_differ
-- Overage lines whose meter Stripe charges at another price than ours, as far as Stripe was asked: what it last said is cached.
with lines as (
    select
        l.tenant_id,
        l.meter_id,
        t.stripe_customer_id,
        m.stripe_event_name,
        p.price_id,
        p.model,
        p.package_size,
        p.tiers,
        p.unit_amount,
        lower(p.currency) as currency,
        power(10::numeric, scale(s.total)) as minor_units
    from marts.fct_statement_lines as l
    inner join marts.fct_statements as s on l.tenant_id = s.tenant_id and l.period_start = s.period_start
    inner join marts.dim_tenants as t on l.tenant_id = t.tenant_id
    inner join marts.dim_prices as p on l.price_id = p.price_id
    inner join control.meters as m on l.meter_id = m.meter_id
    where l.tenant_id = %(tenant_id)s and l.period_start = %(period_start)s and l.line_kind = 'overage'
),

charged as (
    select
        lines.*,
        coalesce(whole.body, item.price) as body
    from lines
    inner join ledger.stripe_cache as c on c.kind = 'subscriptions' and lines.stripe_customer_id = c.cache_key
    inner join ledger.stripe_cache as e on e.kind = 'meters' and e.cache_key = 'all'
    cross join lateral (
        select i.item -> 'price' as price
        from jsonb_array_elements(c.body) as u (subscription)
        cross join lateral jsonb_array_elements(u.subscription -> 'items' -> 'data') as i (item)
        inner join lateral jsonb_array_elements(e.body) as k (meter)
            on k.meter ->> 'event_name' = lines.stripe_event_name
        where
            u.subscription ->> 'status' in ('active', 'past_due', 'trialing', 'unpaid')
            and i.item #>> '{price,recurring,meter}' = k.meter ->> 'id'
    ) as item
    left join ledger.stripe_cache as whole on whole.kind = 'price' and item.price ->> 'id' = whole.cache_key
),

compared as (
    select
        charged.*,
        (
            select jsonb_agg(
                jsonb_build_array(t.tier -> 'up_to', trim_scale((t.tier ->> 'unit_amount')::numeric * minor_units))
                order by t.place
            )
            from jsonb_array_elements(charged.tiers) with ordinality as t (tier, place)
        ) as our_tiers,
        (
            select jsonb_agg(
                jsonb_build_array(
                    t.tier -> 'up_to', trim_scale(coalesce((t.tier ->> 'unit_amount_decimal')::numeric, 0))
                ) order by t.place
            )
            from jsonb_array_elements(
                case when jsonb_typeof(charged.body -> 'tiers') = 'array' then charged.body -> 'tiers' end
            ) with ordinality as t (tier, place)
        ) as their_tiers
    from charged
)

select
    meter_id,
    price_id,
    body ->> 'id' as stripe_price
from compared
where
    body ->> 'currency' <> currency
    or case
        when model in ('graduated', 'volume')
            then body ->> 'tiers_mode' is distinct from model or their_tiers is distinct from our_tiers
        else
            (body ->> 'unit_amount_decimal')::numeric is distinct from unit_amount * minor_units
            or (body #>> '{transform_quantity,divide_by}')::bigint is distinct from package_size
    end
order by meter_id;
