-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'provider_unit_costs') }}
),

renamed as (
    select
        provider,
        unit,
        unit_cost,
        currency,
        ---------- dates
        valid_from,
        coalesce(lead(valid_from) over (partition by provider, unit order by valid_from), 'infinity')::date as valid_to
    from source
)

select * from renamed
