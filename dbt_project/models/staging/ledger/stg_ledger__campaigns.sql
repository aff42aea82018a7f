with source as (
    select * from {{ source('ledger', 'campaigns') }}
),

renamed as (
    select
        ---------- ids
        source,
        account,
        campaign_id,
        ---------- texts
        name,
        ---------- numerics
        calls as provider_calls,
        connected as provider_connected_calls,
        ---------- timestamps
        over_since,
        counted_at
    from source
)

select * from renamed
