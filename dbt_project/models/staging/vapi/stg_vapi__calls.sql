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
        ---------- texts
        status,
        call_type,
        ended_reason,
        ---------- numerics
        {{ json_number("payload -> 'cost'") }} as total_cost,
        ---------- timestamps
        usage_date,
        created_at,
        started_at,
        ended_at
    from source
)

select * from renamed
