with source as (
    select * from {{ source('ledger', 'periods') }}
),

renamed as (
    select
        tenant_id,
        period_start,
        period_end,
        state,
        approved_cost,
        revision
    from source
)

select * from renamed
