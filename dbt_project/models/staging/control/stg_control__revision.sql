{{ config(materialized='table') }}
with source as (
    select * from {{ source('control', 'revision') }}
),

renamed as (
    select
        revision,
        besides_periods
    from source
)

select * from renamed
