-- name: simulate
-- Overage of past or running periods under other prices: the quantities as billed, rated by the version in force on each
-- period's first billed day and by the one proposed. A period in which the meter has no price at all is left out, and what
-- lies above a bounded last tier has none. A plan's price changes nothing for a tenant whose own price wins.
with days as (
    select
        u.tenant_id,
        u.period_start,
        u.meter_id,
        sum(u.quantity) as quantity
    from marts.fct_usage_daily as u
    where
        u.meter_id = %(meter_id)s
        and u.period_start >= %(month_start)s
        and u.period_start < %(month_end)s
        and u.unbilled_reason is null
        and (%(tenant_id)s::text is null or u.tenant_id = %(tenant_id)s)
    group by u.tenant_id, u.period_start, u.meter_id
),

included as (
    select
        o.tenant_id,
        o.period_start,
        max(o.allowance) as allowance
    from marts.fct_overages_daily as o
    inner join marts.dim_prices as p on o.price_id = p.price_id
    where o.meter_id = %(meter_id)s and (%(plan_id)s::text is null or p.plan_id is not null)
    group by o.tenant_id, o.period_start
),

overages as (
    select
        d.tenant_id,
        d.period_start,
        d.quantity,
        i.allowance,
        s.currency,
        scale(s.total) as digits,
        greatest(d.quantity - i.allowance, 0) as overage_quantity
    from days as d
    inner join marts.fct_statements as s on d.tenant_id = s.tenant_id and d.period_start = s.period_start
    inner join included as i on d.tenant_id = i.tenant_id and d.period_start = i.period_start
    where %(plan_id)s::text is null or s.plan_id = %(plan_id)s
),

rated as (
    select
        o.*,
        l.amount as billed_amount,
        control.rated_amount(
            %(model)s, %(unit_amount)s::numeric, %(package_size)s::bigint, %(tiers)s::jsonb,
            least(o.overage_quantity, coalesce(control.priced_up_to(%(tiers)s::jsonb), o.overage_quantity))
        ) as unrounded_amount
    from overages as o
    left join marts.fct_statement_lines as l
        on
            o.tenant_id = l.tenant_id
            and o.period_start = l.period_start
            and l.line_kind = 'overage'
            and l.meter_id = %(meter_id)s
)

select
    r.tenant_id,
    r.period_start,
    r.currency,
    r.quantity,
    r.allowance,
    r.overage_quantity,
    coalesce(r.billed_amount, 0) as billed_amount,
    round(r.unrounded_amount, r.digits) as simulated_amount,
    round(r.unrounded_amount, r.digits) - coalesce(r.billed_amount, 0) as difference
from rated as r
order by r.tenant_id, r.period_start;

-- name: forecast
-- Method: what is known of the period's days that were read, plus for each day after them the mean of the whole days among
-- the last 28 (of the active ones, if the tenant is younger). A day that was not read counts neither as used nor as unused.
-- Rated as the period is: by allowance and price in force on its first billed day, for a meter too that was not used in it
-- yet. periods: until which day each is known.
with running as (
    select
        s.tenant_id,
        s.period_start,
        s.period_end,
        s.currency,
        s.plan_id,
        scale(s.total) as digits,
        greatest(s.period_start, d.activated_on) as service_start,
        k.known_until,
        greatest(k.known_until - 28, d.activated_on) as looked_from
    from jsonb_to_recordset(%(periods)s) as k (tenant_id text, period_start date, known_until date)
    inner join marts.fct_statements as s on k.tenant_id = s.tenant_id and k.period_start = s.period_start
    inner join marts.dim_tenants as d on s.tenant_id = d.tenant_id
),

whole_days as (
    select
        r.tenant_id,
        d.day::date as usage_date
    from running as r
    cross join lateral generate_series(r.looked_from, r.known_until - 1, interval '1 day') as d (day)
    where
        not exists (
            select 1 from marts.fct_tenant_day_status as s
            where s.tenant_id = r.tenant_id and s.usage_date = d.day::date and s.status not in ('usage', 'no usage')
        )
),

looked_at as (
    select
        tenant_id,
        count(*) as days
    from whole_days
    group by tenant_id
),

recent as (
    select
        w.tenant_id,
        u.meter_id,
        max(u.unit) as unit,
        sum(u.quantity) / max(l.days) as daily_mean,
        max(l.days) as days_looked_at
    from whole_days as w
    inner join looked_at as l on w.tenant_id = l.tenant_id
    inner join marts.fct_usage_daily as u on w.tenant_id = u.tenant_id and w.usage_date = u.usage_date
    where u.unbilled_reason is null
    group by w.tenant_id, u.meter_id
),

so_far as (
    select
        o.tenant_id,
        o.meter_id,
        max(o.cumulative_quantity) filter (where o.usage_date < r.known_until) as quantity,
        max(o.unit) as unit
    from marts.fct_overages_daily as o
    inner join running as r on o.tenant_id = r.tenant_id and o.period_start = r.period_start
    group by o.tenant_id, o.meter_id
),

used as (
    select
        coalesce(f.tenant_id, m.tenant_id) as tenant_id,
        coalesce(f.meter_id, m.meter_id) as meter_id,
        coalesce(f.unit, m.unit) as unit,
        coalesce(f.quantity, 0) as quantity,
        coalesce(m.daily_mean, 0) as daily_mean,
        coalesce(m.days_looked_at, 0) as days_looked_at
    from so_far as f
    full join recent as m on f.tenant_id = m.tenant_id and f.meter_id = m.meter_id
),

projected as (
    select
        r.tenant_id,
        r.period_start,
        r.period_end,
        r.currency,
        r.digits,
        u.meter_id,
        u.unit,
        u.quantity as quantity_so_far,
        u.daily_mean,
        u.days_looked_at,
        round(u.quantity + u.daily_mean * (r.period_end - r.known_until)) as quantity,
        case
            when t.prorates_allowance
                then
                    round(
                        coalesce(a.quantity, 0)::numeric * (r.period_end - r.service_start)
                        / ((r.period_start + interval '1 month')::date - r.period_start)
                    )
            else coalesce(a.quantity, 0)
        end as allowance,
        v.price_id
    from running as r
    inner join used as u on r.tenant_id = u.tenant_id
    left join lateral (
        select w.prorates_allowance from control.plan_terms as w
        where w.plan_id = r.plan_id and w.valid_from <= r.service_start
        order by w.valid_from desc
        limit 1
    ) as t on true
    left join lateral (
        select w.quantity from control.allowances as w
        where w.plan_id = r.plan_id and w.meter_id = u.meter_id and w.valid_from <= r.service_start
        order by w.valid_from desc
        limit 1
    ) as a on true
    left join lateral (
        select w.price_id, w.model from marts.dim_prices as w
        where w.tenant_id = r.tenant_id and w.meter_id = u.meter_id and w.valid_from <= r.service_start
        order by w.valid_from desc
        limit 1
    ) as own on true
    left join lateral (
        select w.price_id from marts.dim_prices as w
        where w.plan_id = r.plan_id and w.meter_id = u.meter_id and w.valid_from <= r.service_start
        order by w.valid_from desc
        limit 1
    ) as of_plan on true
    inner join lateral (
        select case when own.model <> 'plan' then own.price_id else of_plan.price_id end as price_id
    ) as v on v.price_id is not null
),

rated as (
    select
        p.*,
        greatest(p.quantity - p.allowance, 0) as overage_quantity,
        v.model,
        v.unit_amount,
        v.package_size,
        v.tiers,
        control.priced_up_to(v.tiers) as priced_up_to
    from projected as p
    inner join marts.dim_prices as v on p.price_id = v.price_id
)

select
    r.tenant_id,
    r.period_start,
    r.period_end,
    r.currency,
    r.meter_id,
    r.unit,
    r.allowance,
    r.quantity_so_far,
    round(r.daily_mean, 2) as daily_mean,
    r.days_looked_at,
    r.quantity,
    r.overage_quantity,
    round(control.rated_amount(
        r.model, r.unit_amount, r.package_size, r.tiers,
        least(r.overage_quantity, coalesce(r.priced_up_to, r.overage_quantity))
    ), r.digits) as amount
from rated as r
order by r.tenant_id, r.meter_id;

-- name: periods
-- The periods that run, and what was read of each: its last day of which anything was, the days up to it that lack
-- something, and whether anything was to be read of the tenant lately: on a period's first day none of its own is due yet.
select
    s.tenant_id,
    s.period_start,
    s.period_end,
    s.currency,
    s.total as total_so_far,
    d.through,
    coalesce(d.missing, 0) as missing,
    exists (
        select 1 from marts.fct_tenant_day_status as e
        where e.tenant_id = s.tenant_id and e.usage_date >= %(today)s::date - 28
    ) as is_read_at_all
from marts.fct_statements as s
left join lateral (
    with days as (
        select
            t.usage_date,
            bool_or(t.status in ('usage', 'no usage', 'incomplete')) as is_read,
            bool_and(t.status in ('usage', 'no usage')) as is_whole
        from marts.fct_tenant_day_status as t
        where t.tenant_id = s.tenant_id and t.usage_date >= s.period_start and t.usage_date < s.period_end
        group by t.usage_date
    )

    select
        max(usage_date) filter (where is_read) as through,
        count(*) filter (
            where not is_whole and usage_date <= (select max(e.usage_date) from days as e where e.is_read)
        ) as missing
    from days
) as d on true
where
    s.period_start <= %(today)s
    and s.period_end > %(today)s
    and (%(tenant_ids)s::text [] is null or s.tenant_id = any(%(tenant_ids)s))
order by s.tenant_id;

-- name: fees
select
    s.tenant_id,
    s.period_start,
    s.setup,
    s.subscription,
    s.adjustments,
    greatest(coalesce(round(
        control.short_of_minimum(
            t.minimum_amount,
            s.period_end - greatest(s.period_start, d.activated_on),
            (s.period_start + interval '1 month')::date - s.period_start,
            s.subscription + coalesce((%(overages)s::jsonb ->> s.tenant_id)::numeric, 0)
        ),
        scale(s.total)
    ), 0), 0) as minimum
from marts.fct_statements as s
inner join marts.dim_tenants as d on s.tenant_id = d.tenant_id
left join lateral (
    select v.minimum_amount from control.plan_terms as v
    where v.plan_id = s.plan_id and v.valid_from <= greatest(s.period_start, d.activated_on)
    order by v.valid_from desc
    limit 1
) as t on true
where
    s.period_start <= %(today)s
    and s.period_end > %(today)s
    and (%(tenant_ids)s::text [] is null or s.tenant_id = any(%(tenant_ids)s))
order by s.tenant_id;
