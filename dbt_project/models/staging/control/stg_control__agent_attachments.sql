-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'agent_attachments') }}
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
        ---------- numerics
        kinds.rank,
        ---------- dates
        source.valid_from,
        case
            -- A row's own id is attached by hand, for its own day.
            when kinds.is_of_one_row then source.valid_from + 1
            else
                coalesce(
                    lead(source.valid_from) over (partition by source.kind, source.value order by source.valid_from),
                    'infinity'
                )::date
        end as valid_to
    from source
    inner join kinds on source.kind = kinds.kind
)

select * from renamed
