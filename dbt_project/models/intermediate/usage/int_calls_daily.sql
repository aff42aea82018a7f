{{ config(indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id']}]) }}
with pulls as (
    {{ changed_pulls_of('calls') }}
),

calls as (
    select calls.*
    from {{ ref('fct_calls') }} as calls
    inner join pulls
        on calls.source = pulls.source and calls.account = pulls.account and calls.usage_date = pulls.usage_date
),

daily as (
    select
        source,
        account,
        usage_date,
        pull_id,
        tenant_id,
        agent_id,
        campaign_id,
        count(*) as calls,
        count(*) filter (where outcome = 'connected') as connected_calls,
        count(*) filter (where outcome = 'in progress') as in_progress_calls,
        count(*) filter (where outcome = 'error') as error_calls,
        count(*) filter (
            where outcome = 'connected' and cost is null and unknown_costs = '{}' and covered_costs = '{}'
        ) as uncosted_calls,
        sum(connected_seconds) as connected_seconds,
        sum(cost) as cost,
        sum(cost) filter (where outcome = 'error') as error_cost
    from calls
    group by source, account, usage_date, pull_id, tenant_id, agent_id, campaign_id
)

select * from daily
