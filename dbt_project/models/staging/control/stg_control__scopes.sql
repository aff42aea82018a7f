-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'scopes') }}
),

kinds as (
    select * from {{ source('control', 'scope_kinds') }}
),

renamed as (
    select
        source.kind,
        source.value,
        source.tenant_id,
        source.agent_id,
        source.environment,
        ---------- booleans
        cardinality(kinds.live_environments) = 0
        or coalesce(source.environment = any(kinds.live_environments), true) as is_live,
        ---------- numerics
        kinds.rank,
        ---------- dates
        source.valid_from,
        coalesce(source.valid_to, 'infinity')::date as valid_to
    from source
    inner join kinds on source.kind = kinds.kind
)

select * from renamed
