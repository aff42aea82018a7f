{{ config(materialized='view') }}
with calls as (
    select * from {{ ref('stg_vapi__calls') }}
),

voice_meters as (
    select * from {{ ref('stg_control__meters') }}
    where source = 'vapi'
),

timed as (
    select
        *,
        case
            when status = 'scheduled' then 'scheduled'
            when coalesce(status not in ('ended', 'not-found', 'deletion-failed'), ended_at is null) then 'in progress'
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
        account,
        account_tenant_id,
        call_id,
        phone_number_id,
        assistant_id,
        squad_id,
        workflow_id,
        status,
        call_type,
        ended_reason,
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
                    {{ billed_units(
                    'measured.connected_seconds', 'voice_meters.increment_seconds', 'voice_meters.minimum_seconds'
                ) }}
                )
            from voice_meters
            where voice_meters.only_account is null or voice_meters.only_account = measured.account
        ), '{}') as units
    from measured
)

select * from counted
