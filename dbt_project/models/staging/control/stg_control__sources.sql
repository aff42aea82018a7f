-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'sources') }}
),

renamed as (
    select
        source,
        provider,
        contract,
        bills,
        to_jsonb(scope_kinds) as scope_kinds
    from source
)

select * from renamed
