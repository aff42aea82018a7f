-- name: sources
select
    source,
    provider,
    contract,
    components,
    details_calls
from control.sources;

-- name: put_coverage
with former as (
    select component from control.cost_coverage
    where
        source = %(source)s and tenant_id is not distinct from %(tenant_id)s
        and agent_id is not distinct from %(agent_id)s and component = %(component)s and valid_from = %(valid_from)s
),

written as (
    insert into control.cost_coverage as c (
        source, tenant_id, agent_id, component, valid_from, cost_source, is_own
    )
    values (
        %(source)s, %(tenant_id)s, %(agent_id)s, %(component)s, %(valid_from)s, %(cost_source)s, %(is_own)s
    )
    on conflict (source, tenant_id, agent_id, component, valid_from) do update
        set cost_source = excluded.cost_source, is_own = excluded.is_own
        where
            c.cost_source is distinct from excluded.cost_source or c.is_own <> excluded.is_own
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: put_provider_unit_cost
with former as (
    select unit from control.provider_unit_costs
    where provider = %(provider)s and unit = %(unit)s and valid_from = %(valid_from)s
),

written as (
    insert into control.provider_unit_costs as c (provider, unit, valid_from, unit_cost, currency)
    values (%(provider)s, %(unit)s, %(valid_from)s, %(unit_cost)s, %(currency)s)
    on conflict (provider, unit, valid_from) do update
        set unit_cost = excluded.unit_cost, currency = excluded.currency
        where c.unit_cost <> excluded.unit_cost or c.currency <> excluded.currency
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: coverage
select
    source,
    coalesce(agent_id, tenant_id, 'platform') as whose_calls,
    tenant_id,
    agent_id,
    component,
    cost_source,
    case when cost_source is not null then case when is_own then tenant_id else 'platform' end end as cost_account,
    valid_from,
    lead(valid_from) over (partition by source, tenant_id, agent_id, component order by valid_from) as valid_to
from control.cost_coverage
order by source, component, tenant_id nulls first, agent_id nulls first, valid_from;
