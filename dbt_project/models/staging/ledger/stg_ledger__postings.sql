{{ config(tags=['after_posting']) }}
with source as (
    select * from {{ source('ledger', 'postings') }}
),

renamed as (
    select
        posting_id,
        tenant_id,
        meter_id,
        usage_date,
        ---------- numerics
        value,
        ---------- texts
        state,
        cause_code,
        cause,
        ---------- timestamps
        posted_at
    from source
)

select * from renamed
