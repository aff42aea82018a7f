{{ config(indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id']}]) }}
with pulls as (
    {{ changed_pulls_of('calls') }}
),

calls as (
    select calls.*
    from {{ ref('fct_calls') }} as calls
    inner join pulls
        on calls.source = pulls.source and calls.account = pulls.account and calls.usage_date = pulls.usage_date
    where calls.tenant_id is not null and calls.outcome = 'connected'
),

daily as (
    select
        calls.source,
        calls.account,
        calls.usage_date,
        calls.pull_id,
        calls.tenant_id,
        calls.agent_id,
        calls.campaign_id,
        counted.meter_id,
        count(*) as calls,
        sum(counted.units::numeric) as quantity,
        coalesce(
            sum(counted.units::numeric) filter (
                where calls.cost is null and calls.unknown_costs = '{}' and calls.covered_costs = '{}'
            ), 0
        ) as uncosted_quantity,
        coalesce(
            sum(counted.units::numeric) filter (where calls.unknown_costs ->> 'call' = 'no_number'), 0
        ) as rest_quantity
    from calls
    cross join lateral jsonb_each_text(calls.units) as counted (meter_id, units)
    group by
        calls.source, calls.account, calls.usage_date, calls.pull_id, calls.tenant_id, calls.agent_id,
        calls.campaign_id, counted.meter_id
)

select * from daily
