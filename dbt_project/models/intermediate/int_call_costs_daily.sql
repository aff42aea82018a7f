{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    pre_hook="{{ delete_changed_days('vapi') }}",
    indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id']}]
) }}
with pulls as (
    {{ changed_pulls('vapi') }}
),

calls as (
    select calls.*
    from {{ ref('fct_calls') }} as calls
    inner join pulls on calls.account = pulls.account and calls.usage_date = pulls.usage_date
    where calls.cost is not null
),

daily as (
    select
        calls.account,
        calls.usage_date,
        calls.tenant_id,
        calls.agent_id,
        component_costs.component,
        calls.cost_basis,
        calls.cost_currency,
        sum(component_costs.cost::numeric) as cost
    from calls
    cross join lateral jsonb_each_text(calls.costs) as component_costs (component, cost)
    group by
        calls.account, calls.usage_date, calls.tenant_id, calls.agent_id, component_costs.component, calls.cost_basis,
        calls.cost_currency
)

select * from daily
