{{ config(indexes=[{'columns': ['pull_id', 'origin']}, {'columns': ['source', 'account', 'usage_date']}]) }}
-- What providers of chat and metrics told, row by row, so that a line can be followed to the provider's own words.
with pulls as (
    select changed.pull_id from ({{ changed_pulls('voiceflow') }}) as changed
    union all
    select changed.pull_id from ({{ changed_pulls('usage_metrics') }}) as changed
),

voiceflow as (
    select
        usage.tenant_id,
        'voiceflow' as source,
        usage.account,
        usage.usage_date,
        usage.pull_id,
        {{ voiceflow_origin('usage') }} as origin,
        usage.project_id as scope,
        concat_ws(
            '/', usage.project_id, usage.environment_id, usage.usage_type,
            to_char(usage.period_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"')
        ) as object_id,
        usage.period_at as reported_at,
        usage.quantity,
        null::numeric as cost
    from {{ ref('stg_voiceflow__usage') }} as usage
    where {{ in_changed_pulls('usage.pull_id') }} and usage.metric = 'interactions'
),

metrics as (
    select
        metrics.account_tenant_id as tenant_id,
        'usage_metrics' as source,
        metrics.account,
        metrics.usage_date,
        metrics.pull_id,
        {{ metrics_origin('metrics') }} as origin,
        metrics.usage_agent_id as scope,
        concat_ws(
            '/', metrics.usage_agent_id, metrics.metric_type,
            to_char(metrics.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ) as object_id,
        metrics.recorded_at as reported_at,
        metrics.quantity,
        metrics.cost
    from {{ ref('stg_usage_metrics__metrics') }} as metrics
    where {{ in_changed_pulls('metrics.pull_id') }}
),

unioned as (
    select * from voiceflow
    union all
    select * from metrics
)

select * from unioned
where {{ is_real('tenant_id') }}
