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
        case
            -- A call is attached by hand, for its own day.
            when kind = 'vapi_call' then valid_from + 1
            else coalesce(lead(valid_from) over (partition by kind, value order by valid_from), 'infinity')::date
        end as valid_to
    from source
)

select * from renamed
