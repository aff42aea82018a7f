{{ config(materialized='view') }}
-- What names no money is estimated where a unit of it has a cost that day, and else not known.
with costs as (
    select * from {{ ref('stg_contracts__costs') }}
),

priced as (
    select
        costs.pull_id,
        costs.source,
        sources.bill_source,
        costs.provider,
        costs.account,
        costs.account_tenant_id,
        costs.usage_date,
        costs.grain,
        costs.scope_kind,
        costs.scope_ref,
        costs.service,
        costs.line_item,
        costs.call_ref,
        costs.parent_ref,
        costs.payer,
        costs.quantity,
        costs.quantity_unit,
        costs.is_pending,
        costs.amount is null and unit_costs.unit_cost is not null and costs.quantity is not null as is_estimated,
        coalesce(costs.amount, costs.quantity * unit_costs.unit_cost) as cost,
        coalesce(costs.currency, unit_costs.currency, 'USD') as currency,
        case
            when costs.amount is not null or (unit_costs.unit_cost is not null and costs.quantity is not null) then null
            when costs.is_pending then 'pending'
            when costs.quantity is not null then 'no_money'
            else 'no_number'
        end as unknown_reason
    from costs
    inner join {{ ref('stg_control__sources') }} as sources on costs.source = sources.source
    left join {{ ref('stg_control__provider_unit_costs') }} as unit_costs
        on
            costs.amount is null
            and costs.provider = unit_costs.provider
            and costs.quantity_unit = unit_costs.unit
            and costs.usage_date >= unit_costs.valid_from
            and costs.usage_date < unit_costs.valid_to
)

select * from priced
