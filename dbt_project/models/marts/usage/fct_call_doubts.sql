{{ config(
    indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id', 'usage_date']}]
) }}
-- Fields of one answer that contradict each other. Minutes may be charged by the started minute, and a transcriber hears a
-- few seconds more than were talked.
with pulls as (
    {{ changed_pulls_of('calls') }}
),

calls as (
    select calls.*
    from {{ ref('fct_calls') }} as calls
    inner join pulls
        on calls.source = pulls.source and calls.account = pulls.account and calls.usage_date = pulls.usage_date
),

costs_differ as (
    select
        *,
        'costs_differ' as doubt,
        total_cost as charged,
        coalesce(cost, 0) as counted,
        cost_currency as unit
    from calls
    where unknown_costs -> 'difference' is not null
),

minutes_differ as (
    select
        *,
        'minutes_differ' as doubt,
        charged_minutes as charged,
        trim_scale(round(connected_seconds / 60, 4)) as counted,
        'minute' as unit
    from calls
    where
        outcome in ('connected', 'never connected')
        and charged_minutes * 60 > connected_seconds + case when connected_seconds = 0 then 5 else 60 end
),

unioned as (
    select * from costs_differ
    union all
    select * from minutes_differ
),

doubts as (
    select
        tenant_id,
        source,
        account,
        usage_date,
        pull_id,
        call_id,
        doubt,
        charged,
        counted,
        unit,
        {{ figures('charged', 'counted') }} as evidence
    from unioned
)

select * from doubts
where {{ is_real('tenant_id') }}
