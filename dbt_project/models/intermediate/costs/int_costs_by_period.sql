{{ config(indexes=[{'columns': ['tenant_id', 'period_start']}]) }}
with daily as (
    select * from {{ ref('fct_margin_daily') }}
    where {{ of_changed_tenants('tenant_id') }}
),

summed as (
    select
        periods.tenant_id,
        periods.period_start,
        sum(daily.cost_reported) as cost_reported,
        sum(daily.cost_estimated) as cost_estimated,
        sum(daily.cost_allocated) as cost_allocated,
        {{ sum_if_known('daily.cost_billed_elsewhere') }} as cost_billed_elsewhere,
        sum(daily.unknown_costs)::bigint as unknown_costs
    from daily
    inner join {{ ref('int_period_days') }} as periods
        on daily.tenant_id = periods.tenant_id and daily.usage_date = periods.usage_date
    group by periods.tenant_id, periods.period_start
)

select * from summed
