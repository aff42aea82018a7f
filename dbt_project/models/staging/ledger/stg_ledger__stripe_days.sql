{{ config(tags=['after_posting']) }}
with source as (
    select * from {{ source('ledger', 'stripe_day_summaries') }}
),

renamed as (
    select
        tenant_id,
        meter_id,
        usage_date,
        value,
        read_at
    from source
)

select * from renamed
