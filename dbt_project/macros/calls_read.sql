{% macro calls_read() -%}
    {#- Calls as they were read, and those set aside for their length that a person accepted at another. -#}
    select
        pull_id,
        account,
        tenant_id,
        usage_date,
        call_id,
        phone_number_id,
        assistant_id,
        status,
        call_type,
        ended_reason,
        created_at,
        started_at,
        ended_at,
        payload
    from {{ source('raw_vapi', 'calls') }}
    union all
    select
        pull_id,
        account,
        tenant_id,
        usage_date,
        call_id,
        payload ->> 'phoneNumberId' as phone_number_id,
        payload ->> 'assistantId' as assistant_id,
        payload ->> 'status' as status,
        payload ->> 'type' as call_type,
        payload ->> 'endedReason' as ended_reason,
        created_at,
        started_at,
        ended_at,
        payload
    from {{ source('ledger', 'corrected_calls') }}
{%- endmacro %}
