{{ config(materialized='view') }}
with calls as (
    select * from {{ ref('stg_contracts__calls') }}
),

voice_meters as (
    select * from {{ ref('stg_control__meters') }}
    where item is null
),

timed as (
    select
        *,
        case
            when state <> 'ended' then state
            when started_at is null or ended_at is null then 'never connected'
            when ended_at < started_at then 'error'
            else 'connected'
        end as outcome,
        trim_scale(extract(epoch from ended_at - started_at)) as elapsed_seconds
    from calls
),

measured as (
    select
        pull_id,
        source,
        account,
        account_tenant_id,
        call_id,
        phone_number_id,
        assistant_id,
        squad_id,
        workflow_id,
        scopes,
        status,
        direction,
        ended_reason,
        end_group,
        campaign_id,
        carrier,
        carrier_account,
        carrier_ref,
        cost_currency,
        outcome,
        case when outcome = 'connected' then elapsed_seconds else 0 end as connected_seconds,
        total_cost,
        usage_date,
        created_at,
        started_at,
        ended_at
    from timed
),

counted as (
    select
        measured.*,
        coalesce((
            select
                jsonb_object_agg(
                    voice_meters.meter_id,
                    case
                        when voice_meters.aggregation = 'count' then (measured.outcome = 'connected')::int
                        else {{ billed_units(
                    'measured.connected_seconds', 'voice_meters.increment_seconds', 'voice_meters.minimum_seconds'
                ) }}
                    end
                )
            from voice_meters
            where
                voice_meters.source = measured.source
                and (voice_meters.only_account is null or voice_meters.only_account = measured.account)
        ), '{}') as units
    from measured
)

select * from counted
