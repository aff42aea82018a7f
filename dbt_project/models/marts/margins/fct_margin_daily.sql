with costs as (
    select
        tenant_id,
        usage_date,
        currency,
        coalesce(sum(amount) filter (where basis in ('reported_by_voice', 'reported_by_provider')), 0) as cost_reported,
        coalesce(sum(amount) filter (where basis = 'estimated'), 0) as cost_estimated,
        coalesce(sum(amount) filter (where basis = 'allocated'), 0) as cost_allocated,
        {{ sum_if_known('amount', "basis = 'billed_elsewhere'") }} as cost_billed_elsewhere,
        count(*) filter (where amount is null and basis <> 'billed_elsewhere') as unknown_costs
    from {{ ref('fct_costs_daily') }}
    where tenant_id is not null and {{ of_changed_tenants('tenant_id') }}
    group by tenant_id, usage_date, currency
),

revenue as (
    select * from {{ ref('int_revenue_daily') }}
    where {{ of_changed_tenants('tenant_id') }}
),

joined as (
    select
        coalesce(revenue.tenant_id, costs.tenant_id) as tenant_id,
        coalesce(revenue.usage_date, costs.usage_date) as usage_date,
        coalesce(revenue.currency, costs.currency) as currency,
        coalesce(revenue.revenue, 0) as revenue,
        coalesce(costs.cost_reported, 0) as cost_reported,
        coalesce(costs.cost_estimated, 0) as cost_estimated,
        coalesce(costs.cost_allocated, 0) as cost_allocated,
        case when costs.tenant_id is null then 0 else costs.cost_billed_elsewhere end as cost_billed_elsewhere,
        coalesce(costs.unknown_costs, 0) as unknown_costs
    from revenue
    full join costs on revenue.tenant_id = costs.tenant_id and revenue.usage_date = costs.usage_date
),

margins as (
    select
        tenant_id,
        usage_date,
        currency,
        revenue,
        case when unknown_costs = 0 then cost_reported + cost_estimated + cost_allocated end as cost,
        cost_reported,
        cost_estimated,
        cost_allocated,
        cost_billed_elsewhere,
        unknown_costs,
        case when unknown_costs = 0 then revenue - cost_reported - cost_estimated - cost_allocated end as margin,
        case when unknown_costs = 0 then revenue - cost_reported - cost_allocated end as margin_without_estimates
    from joined
)

select * from margins
where {{ is_real('tenant_id') }}
