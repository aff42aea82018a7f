{{ config(
    meta={'tenant_reads': false},
    indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id', 'usage_date']}, {'columns': ['usage_date']}]
) }}
with pulls as (
    {{ changed_pulls_of('calls') }}
),

calls as (
    select
        daily.source,
        daily.account,
        daily.usage_date,
        daily.tenant_id,
        daily.agent_id,
        sum(daily.calls)::bigint as calls,
        sum(daily.connected_calls)::bigint as connected_calls,
        sum(daily.connected_seconds) as connected_seconds
    from {{ ref('int_calls_daily') }} as daily
    inner join pulls on daily.pull_id = pulls.pull_id
    group by daily.source, daily.account, daily.usage_date, daily.tenant_id, daily.agent_id
)

select * from calls
where {{ is_real('tenant_id') }}
