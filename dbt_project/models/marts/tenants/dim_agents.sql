with agents as (
    select * from {{ ref('stg_control__agents') }}
),

attached as (
    select
        agent_id,
        coalesce(array_agg(value order by value) filter (where kind = 'phone_number'), '{}') as phone_numbers,
        coalesce(array_agg(value order by value) filter (where kind = 'vapi_phone_number'), '{}')
            as vapi_phone_number_ids,
        coalesce(array_agg(value order by value) filter (where kind = 'vapi_assistant'), '{}') as vapi_assistant_ids,
        coalesce(array_agg(value order by value) filter (where kind = 'usage_agent'), '{}') as usage_agent_ids
    from {{ ref('stg_control__scopes') }}
    where agent_id is not null and valid_from <= {{ as_of() }} and valid_to > {{ as_of() }}
    group by agent_id
),

projects as (
    select
        agent_id,
        array_agg(value order by value) as voiceflow_project_ids
    from {{ ref('stg_control__scopes') }}
    where
        kind = 'voiceflow_project' and agent_id is not null
        and valid_from <= {{ as_of() }} and valid_to > {{ as_of() }}
    group by agent_id
),

described as (
    select
        agents.agent_id,
        agents.tenant_id,
        agents.name,
        coalesce(attached.phone_numbers, '{}') as phone_numbers,
        coalesce(attached.vapi_phone_number_ids, '{}') as vapi_phone_number_ids,
        coalesce(attached.vapi_assistant_ids, '{}') as vapi_assistant_ids,
        coalesce(attached.usage_agent_ids, '{}') as usage_agent_ids,
        coalesce(projects.voiceflow_project_ids, '{}') as voiceflow_project_ids
    from agents
    left join attached on agents.agent_id = attached.agent_id
    left join projects on agents.agent_id = projects.agent_id
)

select * from described
where {{ is_real('tenant_id') }}
