-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'prices') }}
),

renamed as (
    select
        price_id,
        plan_id,
        tenant_id,
        meter_id,
        model,
        ---------- numerics
        unit_amount,
        package_size,
        tiers,
        ---------- dates
        valid_from,
        coalesce(
            lead(valid_from) over (partition by plan_id, tenant_id, meter_id order by valid_from), 'infinity'
        )::date as valid_to
    from source
)

select * from renamed
