with source as (
    select * from {{ source('raw_voiceflow', 'usage') }}
),

renamed as (
    select
        ---------- ids
        pull_id,
        account,
        tenant_id,
        project_id,
        environment_id,
        ---------- texts
        metric,
        usage_type,
        ---------- numerics
        quantity,
        case when metric = 'transcript_cost' then {{ json_number("payload -> 'cost'") }} end as cost,
        ---------- timestamps
        usage_date,
        period_at
    from source
)

select * from renamed
