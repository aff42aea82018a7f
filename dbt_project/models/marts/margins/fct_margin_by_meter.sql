with costs as (
    select
        tenant_id,
        agent_id,
        campaign_id,
        meter_id,
        usage_date,
        currency,
        coalesce(sum(amount) filter (where basis in ('reported_by_voice', 'reported_by_provider')), 0) as cost_reported,
        coalesce(sum(amount) filter (where basis = 'estimated'), 0) as cost_estimated,
        coalesce(sum(amount) filter (where basis = 'allocated'), 0) as cost_allocated,
        {{ sum_if_known('amount', "basis = 'billed_elsewhere'") }} as cost_billed_elsewhere,
        count(*) filter (where amount is null and basis <> 'billed_elsewhere') as unknown_costs
    from {{ ref('fct_costs_daily') }}
    where tenant_id is not null and {{ of_changed_tenants('tenant_id') }}
    group by tenant_id, agent_id, campaign_id, meter_id, usage_date, currency
),

revenue as (
    select * from {{ ref('int_revenue_by_meter') }}
    where {{ of_changed_tenants('tenant_id') }}
),

unioned as (
    select
        tenant_id,
        agent_id,
        campaign_id,
        meter_id,
        usage_date,
        currency,
        revenue,
        0::numeric as cost_reported,
        0::numeric as cost_estimated,
        0::numeric as cost_allocated,
        0::numeric as cost_billed_elsewhere,
        0::bigint as unknown_costs
    from revenue
    union all
    select
        tenant_id,
        agent_id,
        campaign_id,
        meter_id,
        usage_date,
        currency,
        0::numeric as revenue,
        cost_reported,
        cost_estimated,
        cost_allocated,
        cost_billed_elsewhere,
        unknown_costs
    from costs
),

summed as (
    select
        tenant_id,
        agent_id,
        campaign_id,
        meter_id,
        usage_date,
        currency,
        sum(revenue) as revenue,
        sum(cost_reported) as cost_reported,
        sum(cost_estimated) as cost_estimated,
        sum(cost_allocated) as cost_allocated,
        {{ sum_if_known('cost_billed_elsewhere') }} as cost_billed_elsewhere,
        sum(unknown_costs)::bigint as unknown_costs
    from unioned
    group by tenant_id, agent_id, campaign_id, meter_id, usage_date, currency
),

margins as (
    select
        summed.tenant_id,
        summed.agent_id,
        summed.campaign_id,
        summed.meter_id,
        summed.usage_date,
        periods.period_start,
        summed.currency,
        summed.revenue,
        summed.cost_reported,
        summed.cost_estimated,
        summed.cost_allocated,
        summed.cost_billed_elsewhere,
        summed.unknown_costs,
        case
            when summed.unknown_costs = 0
                then summed.revenue - summed.cost_reported - summed.cost_estimated - summed.cost_allocated
        end as margin,
        case
            when summed.unknown_costs = 0 then summed.revenue - summed.cost_reported - summed.cost_allocated
        end as margin_without_estimates
    from summed
    left join {{ ref('int_period_days') }} as periods
        on summed.tenant_id = periods.tenant_id and summed.usage_date = periods.usage_date
)

select * from margins
where {{ is_real('tenant_id') }}
