-- name: calls_of_nobody
-- Calls of the shared account that route to nobody, with what they may be attached by.
select
    c.source,
    c.call_id,
    c.usage_date,
    scope.kind,
    scope.value,
    scope.is_of_one_row
from marts.fct_calls as c
cross join
    lateral (
        select
            given.key as kind,
            given.value,
            k.is_of_one_row
        from jsonb_each_text(c.scopes) as given
        inner join control.scope_kinds as k on given.key = k.kind
        order by k.is_of_one_row, k.rank
        limit 1
    ) as scope
where c.tenant_id is null and c.usage_date >= %(first_date)s and c.usage_date <= %(last_date)s
order by c.usage_date, c.call_id;

-- name: first_agents
select
    tenant_id,
    min(agent_id) as agent_id
from control.agents
where tenant_id = any(%(tenant_ids)s)
group by tenant_id;
