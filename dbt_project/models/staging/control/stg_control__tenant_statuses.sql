-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'tenant_statuses') }}
),

renamed as (
    select
        tenant_id,
        status,
        ---------- dates
        valid_from,
        coalesce(lead(valid_from) over (partition by tenant_id order by valid_from), 'infinity')::date as valid_to
    from source
)

select * from renamed
