{{ config(materialized='view') }}
-- What names no money is estimated where a unit of it has a cost that day, and else not known; no unit costs nothing.
with costs as (
    select * from {{ ref('stg_contracts__costs') }}
),

estimated as (
    select
        costs.*,
        sources.bill_source,
        unit_costs.currency as unit_currency,
        case
            when costs.amount is not null then null
            when costs.quantity = 0 and not coalesce(costs.is_pending, false) then 0
            else costs.quantity * unit_costs.unit_cost
        end as estimate
    from costs
    inner join {{ ref('stg_control__sources') }} as sources on costs.source = sources.source
    left join {{ ref('stg_control__provider_unit_costs') }} as unit_costs
        on
            costs.amount is null
            and costs.provider = unit_costs.provider
            and costs.quantity_unit = unit_costs.unit
            and costs.usage_date >= unit_costs.valid_from
            and costs.usage_date < unit_costs.valid_to
),

priced as (
    select
        pull_id,
        source,
        bill_source,
        provider,
        account,
        account_tenant_id,
        usage_date,
        grain,
        scope_kind,
        scope_ref,
        service,
        line_item,
        call_ref,
        parent_ref,
        payer,
        quantity,
        quantity_unit,
        is_pending,
        estimate is not null as is_estimated,
        coalesce(amount, estimate) as cost,
        coalesce(currency, unit_currency, 'USD') as currency,
        case
            when amount is not null or estimate is not null then null
            when is_pending then 'pending'
            when quantity is not null then 'no_money'
            else 'no_number'
        end as unknown_reason
    from estimated
)

select * from priced
