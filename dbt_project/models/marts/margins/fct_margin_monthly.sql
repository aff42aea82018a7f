{{ config(materialized='table', indexes=[{'columns': ['tenant_id', 'period_start']}]) }}
with periods as (
    select * from {{ ref('int_periods') }}
),

-- By service period: a line of its own counts here, an adjustment where the line it corrects belongs.
revenue as (
    select
        periods.tenant_id,
        periods.period_start,
        sum(lines.amount) as revenue
    from {{ ref('fct_statement_lines') }} as lines
    inner join periods
        on
            lines.tenant_id = periods.tenant_id
            and (
                (lines.line_kind <> 'adjustment' and lines.period_start = periods.period_start)
                or (
                    lines.line_kind = 'adjustment'
                    and lines.service_period_start >= periods.period_start
                    and lines.service_period_start < periods.period_end
                )
            )
    group by periods.tenant_id, periods.period_start
),

costs as (
    select * from {{ ref('int_costs_by_period') }}
),

approvals as (
    select * from {{ ref('stg_ledger__periods') }}
),

joined as (
    select
        periods.tenant_id,
        periods.period_start,
        periods.period_end,
        periods.currency,
        periods.period_state,
        coalesce(revenue.revenue, 0) as revenue,
        coalesce(costs.cost_reported, 0) as cost_reported,
        coalesce(costs.cost_estimated, 0) as cost_estimated,
        coalesce(costs.cost_allocated, 0) as cost_allocated,
        case when costs.tenant_id is null then 0 else costs.cost_billed_elsewhere end as cost_billed_elsewhere,
        coalesce(costs.unknown_costs, 0) as unknown_costs,
        approvals.approved_cost,
        statements.is_complete
    from periods
    inner join {{ ref('fct_statements') }} as statements
        on periods.tenant_id = statements.tenant_id and periods.period_start = statements.period_start
    left join revenue on periods.tenant_id = revenue.tenant_id and periods.period_start = revenue.period_start
    left join costs on periods.tenant_id = costs.tenant_id and periods.period_start = costs.period_start
    left join approvals on periods.tenant_id = approvals.tenant_id and periods.period_start = approvals.period_start
),

-- The sum of what is known is no cost while a part is not known, and revenue less that is no margin.
known as (
    select
        *,
        case when unknown_costs = 0 then cost_reported + cost_estimated + cost_allocated end as cost
    from joined
),

margins as (
    select
        tenant_id,
        period_start,
        period_end,
        currency,
        period_state,
        revenue,
        cost,
        cost_reported,
        cost_estimated,
        cost_allocated,
        cost_billed_elsewhere,
        approved_cost,
        revenue - cost as margin,
        revenue - cost + cost_estimated as margin_without_estimates,
        case when revenue <> 0 then round(100 * (revenue - cost) / revenue, 2) end as margin_percent,
        case
            when not is_complete then 'days missing'
            when unknown_costs > 0 then 'costs missing'
            when coalesce(cost_billed_elsewhere <> 0, true) then 'partly billed elsewhere'
            when cost_estimated <> 0 then 'with estimates'
            else 'complete'
        end as completeness,
        is_complete
    from known
)

select * from margins
