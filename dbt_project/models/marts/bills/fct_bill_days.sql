{{ config(indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['usage_date']}]) }}
with pulls as (
    {{ changed_pulls_of('costs') }}
),

bills as (
    select
        costs.source,
        costs.provider,
        costs.account,
        costs.usage_date,
        costs.pull_id,
        costs.scope_kind,
        costs.scope_ref,
        costs.component as service,
        costs.payer,
        costs.tenant_id,
        costs.agent_id,
        costs.basis,
        costs.unknown_reason,
        costs.quantity,
        costs.quantity_unit,
        costs.cost,
        costs.currency
    from {{ ref('int_provider_costs_daily') }} as costs
    inner join pulls on costs.pull_id = pulls.pull_id
)

select * from bills
