-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'voiceflow_projects') }}
),

renamed as (
    select
        project_id,
        tenant_id,
        agent_id,
        environment,
        ---------- dates
        valid_from,
        coalesce(valid_to, 'infinity')::date as valid_to
    from source
)

select * from renamed
