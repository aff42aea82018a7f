{{ config(materialized='table') }}
with source as (
    select * from {{ source('control', 'revision') }}
),

renamed as (
    select revision
    from source
)

select * from renamed
