with source as (
    select * from {{ source('ledger', 'standing_quarantine') }}
),

renamed as (
    select
        ---------- ids
        quarantine_id,
        pull_id,
        source,
        account,
        tenant_id,
        usage_date,
        item,
        ---------- texts
        reason,
        ---------- timestamps
        set_aside_at
    from source
)

select * from renamed
