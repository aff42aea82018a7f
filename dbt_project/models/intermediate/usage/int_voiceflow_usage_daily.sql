{{ config(meta={'source': 'voiceflow'}, indexes=[{'columns': ['account', 'usage_date']}]) }}
-- Only what adds up: unique users of two hours are not the users of both.
with pulls as (
    {{ changed_pulls('voiceflow') }}
),

daily as (
    select
        usage.account,
        usage.usage_date,
        usage.pull_id,
        usage.project_id,
        usage.environment_id,
        usage.metric,
        usage.usage_type,
        count(*) as row_count,
        sum(usage.quantity) as quantity,
        sum(usage.cost) as cost
    from {{ ref('stg_voiceflow__usage') }} as usage
    where
        {{ in_changed_pulls('usage.pull_id') }}
        and usage.metric in (
            'interactions', 'credit_usage',
            'calls', 'call_milliseconds', 'talk_milliseconds', 'tokens', 'transcript_cost'
        )
    group by
        usage.account, usage.usage_date, usage.pull_id, usage.project_id, usage.environment_id, usage.metric,
        usage.usage_type
)

select * from daily
