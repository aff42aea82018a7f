-- name: agent
select
    agent_id,
    tenant_id,
    name
from control.agents
where agent_id = %(agent_id)s;

-- name: put_agent
with former as (
    select agent_id from control.agents
    where agent_id = %(agent_id)s
),

written as (
    insert into control.agents as a (agent_id, tenant_id, name)
    values (%(agent_id)s, %(tenant_id)s, %(name)s)
    on conflict (agent_id) do update
        set name = excluded.name
        where a.name <> excluded.name
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: agents
select
    a.tenant_id,
    a.agent_id,
    a.name,
    v.kind,
    v.value,
    v.valid_from,
    v.valid_to
from control.agents as a
left join (
    select
        kind,
        value,
        agent_id,
        valid_from,
        lead(valid_from) over (partition by kind, value order by valid_from) as valid_to
    from control.agent_attachments
) as v on a.agent_id = v.agent_id
where %(tenant_id)s::text is null or a.tenant_id = %(tenant_id)s
order by a.tenant_id, a.agent_id, v.kind, v.value, v.valid_from;

-- name: kinds
select kind from control.scope_kinds
order by kind;

-- name: attachment_on
select
    tenant_id,
    agent_id,
    valid_from
from control.agent_attachments
where kind = %(kind)s and value = %(value)s and valid_from <= %(on_day)s
order by valid_from desc
limit 1;

-- name: insert_attachment
insert into control.agent_attachments (kind, value, valid_from, tenant_id, agent_id)
values (%(kind)s, %(value)s, %(valid_from)s, %(tenant_id)s, %(agent_id)s);

-- name: replace_attachment
update control.agent_attachments
set tenant_id = %(tenant_id)s, agent_id = %(agent_id)s
where kind = %(kind)s and value = %(value)s and valid_from = %(valid_from)s;

-- name: project
select
    project_id,
    tenant_id,
    agent_id,
    environment,
    valid_from,
    valid_to
from control.voiceflow_projects
where project_id = %(project_id)s;

-- name: put_project
with former as (
    select project_id from control.voiceflow_projects
    where project_id = %(project_id)s
),

written as (
    insert into control.voiceflow_projects as p (project_id, tenant_id, agent_id, environment, valid_from, valid_to)
    values (%(project_id)s, %(tenant_id)s, %(agent_id)s, %(environment)s, %(valid_from)s, %(valid_to)s)
    on conflict (project_id) do update
        set
            agent_id = excluded.agent_id,
            environment = excluded.environment,
            valid_from = excluded.valid_from,
            valid_to = excluded.valid_to
        where
        (p.agent_id, p.environment, p.valid_from, p.valid_to)
        is distinct from (excluded.agent_id, excluded.environment, excluded.valid_from, excluded.valid_to)
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: projects
select
    tenant_id,
    project_id,
    environment,
    agent_id,
    valid_from,
    valid_to
from control.voiceflow_projects
where %(tenant_id)s::text is null or tenant_id = %(tenant_id)s
order by tenant_id, project_id;
