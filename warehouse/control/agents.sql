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
    coalesce(v.environment, k.live_environments[1]) as environment,
    v.valid_from,
    v.valid_to
from control.agents as a
left join (
    select
        kind,
        value,
        environment,
        agent_id,
        valid_from,
        lead(valid_from) over (partition by kind, value order by valid_from) as valid_to
    from control.agent_attachments
) as v on a.agent_id = v.agent_id
left join control.scope_kinds as k on v.kind = k.kind
where %(tenant_id)s::text is null or a.tenant_id = %(tenant_id)s
order by a.tenant_id, a.agent_id, v.kind, v.value, v.valid_from;

-- name: kinds
select
    kind,
    live_environments
from control.scope_kinds
order by kind;

-- name: attachment_on
select
    a.tenant_id,
    a.agent_id,
    coalesce(a.environment, k.live_environments[1]) as environment,
    a.valid_from
from control.agent_attachments as a
inner join control.scope_kinds as k on a.kind = k.kind
where a.kind = %(kind)s and a.value = %(value)s and a.valid_from <= %(on_day)s
order by a.valid_from desc
limit 1;

-- name: insert_attachment
insert into control.agent_attachments (kind, value, valid_from, tenant_id, agent_id, environment)
values (%(kind)s, %(value)s, %(valid_from)s, %(tenant_id)s, %(agent_id)s, %(environment)s);

-- name: replace_attachment
update control.agent_attachments
set tenant_id = %(tenant_id)s, agent_id = %(agent_id)s, environment = %(environment)s
where kind = %(kind)s and value = %(value)s and valid_from = %(valid_from)s;
