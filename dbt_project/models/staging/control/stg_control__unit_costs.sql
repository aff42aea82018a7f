-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'unit_costs') }}
),

renamed as (
    select
        meter_id,
        unit_cost,
        currency,
        ---------- booleans
        is_rest,
        ---------- dates
        valid_from,
        coalesce(lead(valid_from) over (partition by meter_id, is_rest order by valid_from), 'infinity')::date
            as valid_to
    from source
)

select * from renamed
