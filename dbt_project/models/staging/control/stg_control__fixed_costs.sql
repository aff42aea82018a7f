-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'fixed_costs') }}
),

renamed as (
    select
        fixed_cost_id,
        name,
        monthly_amount,
        currency,
        allocation,
        ---------- dates
        valid_from,
        coalesce(lead(valid_from) over (partition by fixed_cost_id order by valid_from), 'infinity')::date as valid_to
    from source
)

select * from renamed
