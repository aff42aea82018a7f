with agents as (
    select * from {{ ref('stg_control__agents') }}
),

held as (
    select
        agent_id,
        kind,
        array_agg(value order by value) as ids
    from {{ ref('stg_control__scopes') }}
    where agent_id is not null and valid_from <= {{ as_of() }} and valid_to > {{ as_of() }}
    group by agent_id, kind
),

attached as (
    select
        agent_id,
        jsonb_object_agg(kind, ids) as ids
    from held
    group by agent_id
),

described as (
    select
        agents.agent_id,
        agents.tenant_id,
        agents.name,
        coalesce(attached.ids, '{}') as attached
    from agents
    left join attached on agents.agent_id = attached.agent_id
)

select * from described
where {{ is_real('tenant_id') }}
