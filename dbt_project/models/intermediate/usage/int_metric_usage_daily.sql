{{ config(meta={'source': 'usage_metrics'}, indexes=[{'columns': ['account', 'usage_date']}]) }}
with pulls as (
    {{ changed_pulls('usage_metrics') }}
),

daily as (
    select
        metrics.account,
        metrics.usage_date,
        metrics.pull_id,
        metrics.usage_agent_id,
        metrics.metric_type,
        count(*) as row_count,
        count(metrics.cost) as costed_row_count,
        sum(metrics.quantity) as quantity,
        coalesce(sum(metrics.quantity) filter (where metrics.cost is null), 0) as uncosted_quantity,
        sum(metrics.cost) as cost
    from {{ ref('stg_usage_metrics__metrics') }} as metrics
    where {{ in_changed_pulls('metrics.pull_id') }}
    group by metrics.account, metrics.usage_date, metrics.pull_id, metrics.usage_agent_id, metrics.metric_type
)

select * from daily
