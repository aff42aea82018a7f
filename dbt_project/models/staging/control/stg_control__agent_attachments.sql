-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'agent_attachments') }}
),

renamed as (
    select
        kind,
        value,
        tenant_id,
        agent_id,
        ---------- dates
        valid_from,
        coalesce(lead(valid_from) over (partition by kind, value order by valid_from), 'infinity')::date as valid_to
    from source
)

select * from renamed
