with source as (
    select * from {{ source('ledger', 'postings') }}
),

renamed as (
    select
        posting_id,
        tenant_id,
        meter_id,
        usage_date,
        version,
        value,
        state,
        cause_code,
        posted_at
    from source
)

select * from renamed
