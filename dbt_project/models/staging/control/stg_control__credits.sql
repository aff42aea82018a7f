-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'credits') }}
),

renamed as (
    select
        credit_id,
        tenant_id,
        amount,
        reason,
        ---------- dates
        valid_from,
        coalesce(expires_on, 'infinity')::date as expires_on
    from source
)

select * from renamed
