-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'meters') }}
),

renamed as (
    select
        meter_id,
        ---------- texts
        name,
        unit,
        source,
        item,
        aggregation,
        attribute_filter,
        stripe_event_name,
        only_account,
        ---------- numerics
        increment_seconds,
        minimum_seconds
    from source
)

select * from renamed
