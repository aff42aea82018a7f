{{ config(
    incremental_strategy='changed_days',
    indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id']}]
) }}
with pulls as (
    {{ changed_pulls_of('calls') }}
),

calls as (
    select calls.*
    from {{ ref('fct_calls') }} as calls
    inner join pulls
        on calls.source = pulls.source and calls.account = pulls.account and calls.usage_date = pulls.usage_date
),

components as (
    select
        calls.source,
        calls.account,
        calls.usage_date,
        calls.tenant_id,
        calls.agent_id,
        calls.campaign_id,
        case when components.unknown_reason is null then calls.cost_basis else 'unknown' end as cost_basis,
        components.unknown_reason,
        calls.cost_currency,
        components.component,
        components.cost::numeric as cost
    from calls
    cross join
        lateral (
            select
                known.component,
                known.cost,
                null as unknown_reason
            from jsonb_each_text(calls.costs) as known (component, cost)
            union all
            select
                unknown.component,
                null as cost,
                unknown.reason as unknown_reason
            from jsonb_each_text(calls.unknown_costs) as unknown (component, reason)
        ) as components
),

daily as (
    select
        source,
        account,
        usage_date,
        tenant_id,
        agent_id,
        campaign_id,
        component,
        cost_basis,
        unknown_reason,
        cost_currency,
        sum(cost) as cost
    from components
    group by
        source, account, usage_date, tenant_id, agent_id, campaign_id, component, cost_basis, unknown_reason,
        cost_currency
)

select * from daily
