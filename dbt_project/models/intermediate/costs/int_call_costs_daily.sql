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

-- Components of a tenant's day that a person knows were billed to the tenant's own key.
elsewhere as (
    select distinct
        source,
        account,
        usage_date,
        subject
    from {{ ref('stg_ledger__acceptances') }}
    where doubt = 'billed_as_0'
),

components as (
    select
        calls.source,
        calls.account,
        calls.usage_date,
        calls.tenant_id,
        calls.agent_id,
        calls.campaign_id,
        calls.cost_basis,
        calls.cost_currency,
        components.component,
        components.cost,
        components.unknown_reason
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

judged as (
    select
        components.source,
        components.account,
        components.usage_date,
        components.tenant_id,
        components.agent_id,
        components.campaign_id,
        components.component,
        case
            when elsewhere.subject is not null then 'billed_elsewhere'
            when components.unknown_reason is null then components.cost_basis
            else 'unknown'
        end as cost_basis,
        case when elsewhere.subject is null then components.unknown_reason end as unknown_reason,
        components.cost_currency,
        case when elsewhere.subject is null then components.cost::numeric else 0 end as cost
    from components
    left join elsewhere
        on
            components.unknown_reason = 'billed_as_0'
            and components.source = elsewhere.source
            and components.account = elsewhere.account
            and components.usage_date = elsewhere.usage_date
            and concat_ws('/', components.tenant_id, components.component) = elsewhere.subject
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
    from judged
    group by
        source, account, usage_date, tenant_id, agent_id, campaign_id, component, cost_basis, unknown_reason,
        cost_currency
)

select * from daily
