with source as (
    select * from {{ source('ledger', 'acceptances') }}
),

renamed as (
    select
        ---------- ids
        acceptance_id,
        source,
        account,
        tenant_id,
        usage_date,
        ---------- texts
        doubt,
        subject,
        evidence,
        ---------- numerics
        seconds
    from source
)

select * from renamed
