with daily as (
    select * from {{ ref('fct_call_outcomes_daily') }}
    where campaign_id is not null
),

counted as (
    select * from {{ ref('stg_ledger__campaigns') }}
),

campaigns as (
    select
        tenant_id,
        source,
        account,
        campaign_id,
        min(usage_date) as first_usage_date,
        max(usage_date) as last_usage_date,
        sum(calls)::bigint as calls,
        sum(connected_calls)::bigint as connected_calls,
        sum(voicemail_calls)::bigint as voicemail_calls
    from daily
    group by tenant_id, source, account, campaign_id
),

-- A provider counts a campaign whole, whosever calls it made.
whole as (
    select
        source,
        account,
        campaign_id,
        count(*) as tenants,
        sum(calls) as calls,
        sum(connected_calls) as connected_calls,
        sum(voicemail_calls) as voicemail_calls
    from campaigns
    group by source, account, campaign_id
),

joined as (
    select
        campaigns.tenant_id,
        campaigns.source,
        campaigns.account,
        campaigns.campaign_id,
        -- The name of one that called for several tenants may say whose it is.
        case when whole.tenants = 1 then nullif(counted.name, '') end as name,
        campaigns.first_usage_date,
        campaigns.last_usage_date,
        campaigns.calls,
        campaigns.connected_calls,
        counted.provider_calls,
        counted.provider_connected_calls,
        counted.counted_at,
        case
            when counted.provider_calls is null then 'not counted'
            when
                counted.provider_calls = whole.calls
                and coalesce(counted.provider_connected_calls, whole.connected_calls)
                between whole.connected_calls - whole.voicemail_calls and whole.connected_calls
                then 'agrees'
            -- What it called after the last day that was read is read by the next night, and counted then again.
            when
                counted.provider_calls >= whole.calls
                and (
                    counted.over_since is null
                    or (counted.counted_at at time zone 'UTC')::date <= (counted.over_since at time zone 'UTC')::date
                )
                then 'still counting'
            else 'differs'
        end as count_state
    from campaigns
    inner join whole
        on
            campaigns.source = whole.source
            and campaigns.account = whole.account
            and campaigns.campaign_id = whole.campaign_id
    left join counted
        on
            campaigns.source = counted.source
            and campaigns.account = counted.account
            and campaigns.campaign_id = counted.campaign_id
)

select * from joined
