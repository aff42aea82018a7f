with source as (
    select * from {{ source('raw_vapi', 'calls') }}
),

renamed as (
    select
        ---------- ids
        pull_id,
        account,
        tenant_id as account_tenant_id,
        call_id,
        phone_number_id,
        assistant_id,
        case when json_typeof(payload -> 'squadId') = 'string' then payload ->> 'squadId' end as squad_id,
        case when json_typeof(payload -> 'workflowId') = 'string' then payload ->> 'workflowId' end as workflow_id,
        ---------- texts
        status,
        call_type,
        ended_reason,
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
