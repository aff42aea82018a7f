{{ config(incremental_strategy='changed_tenants', indexes=[{'columns': ['tenant_id', 'usage_date']}]) }}
with usage as (
    select * from {{ ref('int_usage_unioned') }}
    where
        meter_id is not null and quantity <> 0 and coalesce(reason, '') in ('', 'paused', 'outside active dates')
        and {{ of_changed_tenants('tenant_id') }}
),

daily as (
    select
        tenant_id,
        agent_id,
        campaign_id,
        meter_id,
        source,
        unit,
        usage_date,
        reason,
        sum(quantity) as quantity,
        sum(row_count)::bigint as row_count,
        array_agg(distinct pull_id order by pull_id) as pull_ids
    from usage
    group by tenant_id, agent_id, campaign_id, meter_id, source, unit, usage_date, reason
),

explained as (
    select
        daily.tenant_id,
        daily.agent_id,
        daily.campaign_id,
        daily.meter_id,
        daily.source,
        daily.usage_date,
        daily.quantity,
        daily.unit,
        daily.row_count,
        coalesce(
            daily.reason, case when periods.period_start is null then 'outside active dates' end,
            case when meters.price_id is null then 'unpriced' end
        ) as unbilled_reason,
        periods.period_start,
        daily.pull_ids
    from daily
    left join {{ ref('int_period_days') }} as periods
        on daily.tenant_id = periods.tenant_id and daily.usage_date = periods.usage_date
    left join {{ ref('int_period_meters') }} as meters
        on
            periods.tenant_id = meters.tenant_id
            and periods.period_start = meters.period_start
            and daily.meter_id = meters.meter_id
)

select * from explained
where {{ is_real('tenant_id') }}
