-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'plans') }}
),

renamed as (
    select
        plan_id,
        name,
        currency
    from source
)

select * from renamed
