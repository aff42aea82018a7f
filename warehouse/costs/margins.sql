-- name: months
-- What periods that start in [month_start, month_end) left, by service period: corrections count where they belong.
select
    tenant_id,
    period_start,
    currency,
    revenue,
    cost_reported,
    cost_estimated,
    cost_allocated,
    margin,
    margin_without_estimates,
    margin_percent,
    completeness,
    approved_cost
from marts.fct_margin_monthly
where
    period_start >= %(month_start)s
    and period_start < %(month_end)s
    and (%(tenant_ids)s::text[] is null or tenant_id = any(%(tenant_ids)s))
order by period_start, tenant_id;

-- name: parts
-- The same cut by agent, campaign, meter or day, unrounded, as usage is known and rated now.
select
    tenant_id,
    period_start,
    case %(part)s
        when 'agent' then agent_id
        when 'campaign' then campaign_id
        when 'meter' then meter_id
        else usage_date::text
    end as part,
    currency,
    sum(revenue) as revenue,
    sum(cost_reported) as cost_reported,
    sum(cost_estimated) as cost_estimated,
    sum(cost_allocated) as cost_allocated,
    case when sum(unknown_costs) = 0 then sum(margin) end as margin,
    case when sum(unknown_costs) = 0 then sum(margin_without_estimates) end as margin_without_estimates,
    case
        when sum(unknown_costs) = 0 then round(sum(margin) * 100 / nullif(sum(revenue), 0), 2)
    end as margin_percent,
    case when sum(unknown_costs) > 0 then 'costs missing' end as completeness
from marts.fct_margin_by_meter
where
    period_start >= %(month_start)s
    and period_start < %(month_end)s
    and (%(tenant_ids)s::text[] is null or tenant_id = any(%(tenant_ids)s))
group by 1, 2, 3, 4
order by 2, 1, 3 nulls last;

-- name: by_month
-- Periods by the month they start in, what is known of their margin where a part of a cost is not, and the minutes of their
-- connected calls.
with periods as (
    select
        *,
        date_trunc('month', period_start::timestamp)::date as month
    from marts.fct_margin_monthly
    where period_start >= %(month_start)s and period_start < %(month_end)s
),

minutes as (
    select
        p.month,
        p.currency,
        sum(d.connected_seconds) / 60 as minutes
    from periods as p
    inner join marts.fct_call_days as d
        on p.tenant_id = d.tenant_id and p.period_start <= d.usage_date and p.period_end > d.usage_date
    group by p.month, p.currency
)

select
    p.month,
    p.currency,
    sum(p.revenue) as revenue,
    sum(p.cost_reported + p.cost_estimated + p.cost_allocated) as known_cost,
    case when count(p.margin) = count(*) then sum(p.margin) end as margin,
    sum(p.revenue - p.cost_reported - p.cost_estimated - p.cost_allocated) as known_margin,
    count(distinct p.tenant_id) as tenants,
    count(distinct p.tenant_id) filter (where p.margin is null) as tenants_unknown,
    coalesce(m.minutes, 0) as minutes
from periods as p
left join minutes as m on p.month = m.month and p.currency = m.currency
group by p.month, p.currency, m.minutes
order by p.month desc, p.currency;

-- name: moves
-- Each tenant's revenue and margin of a month beside those of the month before; null where it had no period. minutes are
-- those of the month's connected calls.
with now as (
    select * from marts.fct_margin_monthly where period_start >= %(month_start)s and period_start < %(month_end)s
),

former as (
    select * from marts.fct_margin_monthly where period_start >= %(former_start)s and period_start < %(month_start)s
)

select
    coalesce(now.tenant_id, former.tenant_id) as tenant_id,
    coalesce(t.name, now.tenant_id, former.tenant_id) as name,
    coalesce(now.currency, former.currency) as currency,
    now.period_start,
    former.revenue as former_revenue,
    now.revenue,
    former.margin as former_margin,
    now.margin,
    now.margin_percent,
    now.cost,
    c.minutes,
    now.completeness,
    now.tenant_id is not null and now.cost is null as is_unknown
from now
full join former on now.tenant_id = former.tenant_id and now.currency = former.currency
left join marts.dim_tenants as t on coalesce(now.tenant_id, former.tenant_id) = t.tenant_id
cross join lateral (
    select coalesce(sum(d.connected_seconds), 0) / 60 as minutes
    from marts.fct_call_days as d
    where d.tenant_id = now.tenant_id and d.usage_date >= now.period_start and d.usage_date < now.period_end
) as c
order by abs(coalesce(now.revenue, 0) - coalesce(former.revenue, 0)) desc, 1;
