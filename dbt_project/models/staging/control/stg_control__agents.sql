-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'agents') }}
),

renamed as (
    select
        agent_id,
        tenant_id,
        name
    from source
)

select * from renamed
