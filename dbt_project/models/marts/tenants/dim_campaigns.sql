{{ config(materialized='incremental', indexes=[{'columns': ['tenant_id']}]) }}
with daily as (
    select * from {{ ref('fct_call_outcomes_daily') }}
    where campaign_id is not null and {{ of_changed_tenants('tenant_id') }}
),

campaigns as (
    select
        tenant_id,
        source,
        campaign_id,
        min(usage_date) as first_usage_date,
        max(usage_date) as last_usage_date,
        sum(calls)::bigint as calls,
        sum(connected_calls)::bigint as connected_calls
    from daily
    group by tenant_id, source, campaign_id
)

select * from campaigns
