-- name: searched
-- Of the tenant whose rows this login reads.
select
    usage_date,
    source,
    call_id
from marts.search_calls(
    %(words)s, %(first_day)s, %(last_day)s, %(limit)s, %(agent_id)s, %(no_agent)s, %(outcome)s, %(end_group)s,
    %(campaign_id)s, %(customer)s, %(at_least)s, %(at_most)s, %(after_day)s, %(after_created)s, %(after_id)s,
    %(after_source)s
);

-- name: searched_of
-- Of one that an operator names.
select
    usage_date,
    source,
    call_id
from marts.search_calls_of(
    %(tenant_id)s, %(words)s, %(first_day)s, %(last_day)s, %(limit)s, %(agent_id)s, %(no_agent)s, %(outcome)s,
    %(end_group)s, %(campaign_id)s, %(customer)s, %(at_least)s, %(at_most)s, %(cost_from)s, %(cost_to)s, %(after_day)s,
    %(after_created)s, %(after_id)s, %(after_source)s
);

-- name: searched_all
-- Of all tenants, with what a list of them says of each call; the function writes down who asked.
select
    s.tenant_id,
    s.usage_date,
    s.created_at,
    s.source,
    s.call_id,
    t.name,
    a.name as agent,
    c.outcome,
    c.end_group,
    c.campaign_id,
    d.name as campaign,
    c.connected_seconds,
    c.started_at
from marts.search_all_calls(
    %(languages)s, %(words)s, %(first_day)s, %(last_day)s, %(limit)s, %(outcome)s, %(end_group)s, %(customer)s,
    %(at_least)s, %(at_most)s, %(cost_from)s, %(cost_to)s, %(after_day)s, %(after_created)s, %(after_id)s,
    %(after_source)s, %(after_tenant)s
) as s
inner join marts.fct_calls as c
    on s.tenant_id = c.tenant_id and s.usage_date = c.usage_date and s.source = c.source and s.call_id = c.call_id
left join marts.dim_tenants as t on s.tenant_id = t.tenant_id
left join marts.dim_campaigns as d
    on
        c.tenant_id = d.tenant_id
        and c.source = d.source
        and c.account = d.account
        and c.campaign_id = d.campaign_id
left join marts.dim_agents as a on c.agent_id = a.agent_id
order by s.usage_date desc, s.created_at desc, s.call_id desc, s.source desc, s.tenant_id desc;
