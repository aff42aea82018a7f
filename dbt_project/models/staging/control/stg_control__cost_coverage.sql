-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'cost_coverage') }}
),

sources as (
    select * from {{ ref('stg_control__sources') }}
),

renamed as (
    select
        source.source,
        source.tenant_id,
        source.agent_id,
        source.component,
        sources.components ->> source.component as service,
        -- Whose calls it is said of: the nearest that is said holds.
        case
            when source.agent_id is not null then 'agent/' || source.agent_id
            when source.tenant_id is not null then 'tenant/' || source.tenant_id
            else 'platform'
        end as calls_key,
        case when source.agent_id is not null then 1 when source.tenant_id is not null then 2 else 3 end as rank,
        source.cost_source,
        case
            when source.cost_source is not null then case when source.is_own then source.tenant_id else 'platform' end
        end as cost_account,
        ---------- dates
        source.valid_from,
        coalesce(
            lead(source.valid_from) over (
                partition by source.source, source.tenant_id, source.agent_id, source.component
                order by source.valid_from
            ),
            'infinity'
        )::date as valid_to
    from source
    inner join sources on source.source = sources.source
)

select * from renamed
