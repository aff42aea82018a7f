with source as (
    {{ calls_read() }}
),

renamed as (
    select
        ---------- ids
        'vapi' as source,
        pull_id,
        account,
        tenant_id as account_tenant_id,
        call_id,
        phone_number_id,
        assistant_id,
        case when json_typeof(payload -> 'squadId') = 'string' then payload ->> 'squadId' end as squad_id,
        case when json_typeof(payload -> 'workflowId') = 'string' then payload ->> 'workflowId' end as workflow_id,
        jsonb_strip_nulls(jsonb_build_object(
            'vapi_call', call_id,
            'vapi_phone_number', phone_number_id,
            'vapi_squad', case when json_typeof(payload -> 'squadId') = 'string' then payload ->> 'squadId' end,
            'vapi_workflow',
            case when json_typeof(payload -> 'workflowId') = 'string' then payload ->> 'workflowId' end,
            'vapi_assistant', assistant_id
        )) as scopes,
        ---------- texts
        status,
        case
            when status = 'scheduled' then 'scheduled'
            when coalesce(status not in ('ended', 'not-found', 'deletion-failed'), ended_at is null) then 'in progress'
            else 'ended'
        end as state,
        case call_type
            when 'inboundPhoneCall' then 'inbound'
            when 'outboundPhoneCall' then 'outbound'
            when 'webCall' then 'web'
            when 'vapi.websocketCall' then 'web'
            else 'unknown'
        end as direction,
        ended_reason,
        {{ vapi_end_group('ended_reason') }} as end_group,
        case when json_typeof(payload -> 'campaignId') = 'string' then payload ->> 'campaignId' end as campaign_id,
        -- The field in which the carrier's id was is kept for calls of before it moved.
        coalesce(
            nullif(payload #>> '{transport,provider}', ''), nullif(payload ->> 'phoneCallProvider', '')
        ) as carrier,
        nullif(payload #>> '{transport,accountSid}', '') as carrier_account,
        coalesce(
            nullif(payload #>> '{transport,callSid}', ''), nullif(payload ->> 'phoneCallProviderId', '')
        ) as carrier_ref,
        'USD' as cost_currency,
        ---------- numerics
        -- Older reports have the total in the breakdown alone.
        coalesce(
            {{ json_number("payload -> 'cost'") }}, {{ json_number("payload #> '{costBreakdown,total}'") }}
        ) as total_cost,
        ---------- timestamps
        usage_date,
        created_at,
        started_at,
        ended_at
    from source
)

select * from renamed
