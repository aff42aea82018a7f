{{ config(tags=['after_posting']) }}
with source as (
    select * from {{ source('ledger', 'coverage') }}
),

renamed as (
    select
        tenant_id,
        period_start,
        meter_id,
        owed,
        is_pending,
        is_final
    from source
)

select * from renamed
