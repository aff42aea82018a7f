with source as (
    select * from {{ source('raw_voiceflow', 'usage') }}
),

renamed as (
    select
        ---------- ids
        pull_id,
        account,
        tenant_id as account_tenant_id,
        -- The source writes the configured alias on rows of the environment it names; any other is a draft's.
        case when metric <> 'transcript_cost' then environment_id end as environment,
        ---------- texts
        'voiceflow' as source,
        metric as item,
        case
            when metric = 'interactions' then 'interaction'
            when metric = 'calls' then 'call'
            when metric in ('call_milliseconds', 'talk_milliseconds') then 'millisecond'
            when metric = 'tokens' then 'token'
            when metric = 'transcript_cost' then 'transcript'
            else 'usage unit'
        end as unit,
        'voiceflow_project' as scope_kind,
        project_id as scope_ref,
        case
            -- Of all environments: what drafts cost, costs too.
            when metric = 'transcript_cost' then 'live'
            when usage_type in ({{ listed('voiceflow_prototype_types') }}) or environment_id is null then 'test'
            when metric <> 'interactions' or usage_type in ({{ listed('voiceflow_live_types') }}) then 'live'
            else 'unknown'
        end as traffic,
        metric <> 'interactions' as may_go_unbilled,
        case
            when usage_type is null then '{}'::jsonb
            else jsonb_build_object('usage_type', usage_type)
        end as attributes,
        concat_ws(
            '/', project_id, environment_id, nullif(metric, 'interactions'), usage_type,
            to_char(period_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"')
        ) as object_id,
        ---------- numerics
        quantity,
        case when metric = 'transcript_cost' then {{ json_number("payload -> 'cost'") }} end as cost,
        'USD' as currency,
        ---------- timestamps
        usage_date,
        period_at as recorded_at
    from source
    -- Only what adds up: unique users of two hours are not the users of both.
    where
        metric in (
            'interactions', 'credit_usage',
            'calls', 'call_milliseconds', 'talk_milliseconds', 'tokens', 'transcript_cost'
        )
)

select * from renamed
