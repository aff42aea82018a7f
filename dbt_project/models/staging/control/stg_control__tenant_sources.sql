-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'tenant_sources') }}
),

renamed as (
    select
        tenant_id,
        source,
        account,
        ---------- dates
        valid_from,
        coalesce(valid_to, 'infinity')::date as valid_to
    from source
)

select * from renamed
