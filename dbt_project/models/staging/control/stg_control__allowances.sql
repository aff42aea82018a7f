-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'allowances') }}
),

renamed as (
    select
        plan_id,
        meter_id,
        quantity,
        ---------- dates
        valid_from,
        coalesce(lead(valid_from) over (partition by plan_id, meter_id order by valid_from), 'infinity')::date
            as valid_to
    from source
)

select * from renamed
