-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'plan_terms') }}
),

renamed as (
    select
        plan_id,
        voice_meter_id,
        ---------- numerics
        subscription_fee,
        setup_fee,
        minimum_amount,
        prorates_allowance,
        ---------- dates
        valid_from,
        coalesce(lead(valid_from) over (partition by plan_id order by valid_from), 'infinity')::date as valid_to
    from source
)

select * from renamed
