-- name: listed
-- Calls of one tenant, newest first, those after a place in the list: read by the index on tenant and day, whichever page it is.
select
    c.call_id,
    c.source,
    c.usage_date,
    c.agent_id,
    c.outcome,
    c.direction,
    c.ended_reason,
    c.end_group,
    c.campaign_id,
    r.evaluation_state,
    r.rating,
    r.sentiment,
    c.connected_seconds,
    c.units::text as units,
    c.created_at,
    c.started_at
from marts.fct_calls as c
left join lateral (
    select
        results.evaluation_state,
        results.rating,
        results.sentiment,
        results.customer
    from marts.fct_call_results as results
    where
        results.tenant_id = %(tenant_id)s
        and results.usage_date = c.usage_date
        and results.call_id = c.call_id
        and results.source = c.source
    limit 1
) as r on true
where
    c.tenant_id = %(tenant_id)s
    and c.usage_date >= %(first_day)s
    and c.usage_date <= %(last_day)s
    and (%(agent_id)s::text is null or c.agent_id is not distinct from nullif(%(agent_id)s, %(no_agent)s))
    and (%(outcome)s::text is null or c.outcome = %(outcome)s)
    and (%(campaign_id)s::text is null or c.campaign_id = %(campaign_id)s)
    and (%(end_group)s::text is null or c.end_group = %(end_group)s)
    and (%(customer)s::text is null or strpos(lower(r.customer), lower(%(customer)s)) > 0)
    and {of_cost}
    and (%(at_least)s::int is null or c.connected_seconds >= %(at_least)s)
    and (%(at_most)s::int is null or c.connected_seconds <= %(at_most)s)
    and (
        %(meter_id)s::text is null
        or (c.outcome = 'connected' and (c.units ->> %(meter_id)s)::numeric > 0)
    )
    and (
        %(number)s::text is null
        or exists (select from jsonb_each_text(c.scopes) as own (kind, value) where own.value = %(number)s)
    )
    and (
        %(after_id)s::text is null
        or (c.usage_date, c.created_at, c.call_id, c.source)
        < (%(after_day)s, %(after_created)s, %(after_id)s, %(after_source)s)
    )
order by c.usage_date desc, c.created_at desc, c.call_id desc, c.source desc
limit %(limit)s;

-- name: of_keys
-- These calls of one tenant, newest first.
select
    c.call_id,
    c.source,
    c.usage_date,
    c.agent_id,
    c.outcome,
    c.direction,
    c.ended_reason,
    c.end_group,
    c.campaign_id,
    r.evaluation_state,
    r.rating,
    r.sentiment,
    c.connected_seconds,
    c.units::text as units,
    c.created_at,
    c.started_at
from marts.fct_calls as c
left join lateral (
    select
        results.evaluation_state,
        results.rating,
        results.sentiment
    from marts.fct_call_results as results
    where
        results.tenant_id = %(tenant_id)s
        and results.usage_date = c.usage_date
        and results.call_id = c.call_id
        and results.source = c.source
    limit 1
) as r on true
where
    c.tenant_id = %(tenant_id)s
    and c.usage_date = any(%(days)s::date [])
    and (c.usage_date, c.source, c.call_id) in (
        select
            asked.usage_date,
            asked.source,
            asked.call_id
        from
            unnest(%(days)s::date [], %(sources)s::text [], %(call_ids)s::text [])
            as asked (usage_date, source, call_id)
    )
order by c.usage_date desc, c.created_at desc, c.call_id desc, c.source desc;

-- name: call
-- One call; the same id in two accounts of a day is told apart by the pull it was read by, the newest first.
select
    c.call_id,
    c.source,
    c.usage_date,
    c.agent_id,
    c.outcome,
    c.direction,
    c.ended_reason,
    c.end_group,
    c.campaign_id,
    d.name as campaign,
    r.evaluation_state,
    r.rating,
    r.sentiment,
    c.connected_seconds,
    c.units::text as units,
    c.created_at,
    c.started_at,
    c.ended_at,
    c.status,
    c.scopes::text as scopes
from marts.fct_calls as c
left join lateral (
    select
        results.evaluation_state,
        results.rating,
        results.sentiment
    from marts.fct_call_results as results
    where
        results.tenant_id = %(tenant_id)s
        and results.usage_date = c.usage_date
        and results.call_id = c.call_id
        and results.source = c.source
    limit 1
) as r on true
left join marts.dim_campaigns as d
    on c.tenant_id = d.tenant_id and c.source = d.source and c.campaign_id = d.campaign_id
where
    c.tenant_id = %(tenant_id)s
    and c.usage_date = %(usage_date)s
    and c.source = %(source)s
    and c.call_id = %(call_id)s
order by c.pull_id desc
limit 1;

-- name: counted
-- The overage lines that hold the calls of these days, by day, agent and meter, and what each day adds to its line.
select
    p.usage_date,
    p.source,
    p.agent_id,
    p.meter_id,
    p.line_id,
    p.period_start,
    d.quantity,
    d.overage_quantity,
    d.amount,
    d.unit
from (
    select distinct usage_date, source, agent_id, meter_id, line_id, period_start, tenant_id
    from marts.fct_line_parts
    where tenant_id = %(tenant_id)s and usage_date between %(first_day)s and %(last_day)s and origin is null
) as p
inner join marts.fct_line_days as d
    on p.tenant_id = d.tenant_id and p.line_id = d.line_id and p.usage_date = d.usage_date
where d.tenant_id = %(tenant_id)s;

-- name: billed_meters
-- What of a tenant's calls is billed.
select distinct meter_id
from marts.fct_usage_daily
where tenant_id = %(tenant_id)s and meter_id is not null and unbilled_reason is null
order by meter_id;

-- name: agents
select agent_id, name
from marts.dim_agents
where tenant_id = %(tenant_id)s
order by name, agent_id;

-- name: tenants_named
-- Tenants whose name or id has these words, the first of them by name.
select tenant_id, name
from marts.dim_tenants
where
    %(words)s = ''
    or position(lower(%(words)s) in lower(name)) > 0
    or position(lower(%(words)s) in tenant_id) > 0
order by name, tenant_id
limit %(limit)s;

-- name: costs
-- What calls cost, a row for each component and basis: by the voice provider, and by the bills of others that cover a component.
with calls as (
    select
        c.usage_date,
        c.source,
        c.account,
        c.call_id,
        c.cost_basis,
        c.cost_currency,
        c.costs,
        c.unknown_costs,
        c.covered_costs
    from marts.fct_calls as c
    where
        c.tenant_id = %(tenant_id)s
        and c.usage_date between %(first_day)s and %(last_day)s
        and c.call_id = any(%(call_ids)s)
),

billed as (
    select
        calls.usage_date,
        calls.source,
        calls.call_id,
        coalesce(b.component, b.service) as component,
        b.basis,
        b.unknown_reason,
        b.currency,
        b.cost
    from calls
    inner join (
        select
            h.call_date as usage_date, h.voice_source, h.voice_account, h.call_id, h.component, h.service, h.basis,
            h.unknown_reason, h.currency, h.cost
        from marts.fct_call_charges as h
        where h.tenant_id = %(tenant_id)s and h.call_date between %(first_day)s and %(last_day)s
        union all
        select
            s.usage_date, s.voice_source, s.voice_account, s.call_id, s.component, s.service, s.basis,
            s.unknown_reason, s.currency, s.cost
        from marts.fct_call_shares as s
        where s.tenant_id = %(tenant_id)s and s.usage_date between %(first_day)s and %(last_day)s
    ) as b
        on
            calls.usage_date = b.usage_date
            and calls.source = b.voice_source
            and calls.account = b.voice_account
            and calls.call_id = b.call_id
),

found as (
    select
        calls.usage_date,
        calls.source,
        calls.call_id,
        own.component,
        calls.cost_basis as basis,
        null as unknown_reason,
        calls.cost_currency as currency,
        own.cost::numeric as cost
    from calls
    cross join lateral jsonb_each_text(calls.costs) as own (component, cost)
    union all
    select
        calls.usage_date,
        calls.source,
        calls.call_id,
        own.component,
        'unknown',
        own.reason,
        calls.cost_currency,
        null
    from calls
    cross join lateral jsonb_each_text(calls.unknown_costs) as own (component, reason)
    union all
    select usage_date, source, call_id, component, basis, unknown_reason, currency, cost from billed
    union all
    select
        calls.usage_date,
        calls.source,
        calls.call_id,
        own.component,
        said.basis,
        case when said.basis = 'unknown' then 'not_on_a_bill_yet' end,
        calls.cost_currency,
        case when said.basis <> 'unknown' then said.cost end
    from calls
    cross join lateral jsonb_each(calls.covered_costs) as own (component, covered)
    -- A call that its carrier does not know costs what the voice provider says.
    cross join
        lateral (
            select
                case
                    when calls.account <> 'platform' and own.covered ->> 'account' is distinct from 'platform'
                        then 'billed_elsewhere'
                    when own.covered ->> 'account' <> 'platform' then 'billed_elsewhere'
                    when own.covered ->> 'by' is null and own.covered ->> 'unknown' is null
                        and own.covered ->> 'cost' is not null then 'reported_by_voice'
                    else 'unknown'
                end as basis,
                case when own.covered ->> 'by' is null then (own.covered ->> 'cost')::numeric end as cost
        ) as said
    where
        not exists (
            select from billed as b
            where
                b.usage_date = calls.usage_date
                and b.source = calls.source
                and b.call_id = calls.call_id
                and b.component = own.component
        )
    union all
    select
        calls.usage_date,
        calls.source,
        calls.call_id,
        'total',
        'estimated',
        'estimated_by_the_day',
        calls.cost_currency,
        null
    from calls
    where calls.cost_basis = 'estimated'
)

-- What is unknown of a call, and was settled or estimated for its day.
select
    f.usage_date,
    f.source,
    f.call_id,
    f.component,
    coalesce(of_day.basis, f.basis) as basis,
    case
        when of_day.basis = 'estimated' then 'estimated_by_the_day'
        when of_day.basis is null then f.unknown_reason
    end as unknown_reason,
    f.currency,
    case when of_day.basis = 'billed_elsewhere' then 0 else f.cost end as cost
from found as f
left join lateral (
    select min(d.basis) as basis
    from marts.fct_costs_daily as d
    where
        f.basis = 'unknown' and d.tenant_id = %(tenant_id)s and d.usage_date = f.usage_date
        and d.component = f.component and d.basis in ('unknown', 'billed_elsewhere', 'estimated')
    having bool_and(d.basis <> 'unknown')
) as of_day on true
order by f.usage_date, f.call_id, f.component;

-- name: route
-- By which of its ids, attached from when on, a call of a day found its tenant: the first by rank.
select
    s.kind,
    s.value,
    s.agent_id,
    s.valid_from
from control.scopes as s
inner join control.scope_kinds as k on s.kind = k.kind
where
    s.value = any(%(of_values)s)
    and s.tenant_id = %(tenant_id)s
    and s.valid_from <= %(usage_date)s
    and %(usage_date)s < coalesce(s.valid_to, 'infinity')
    and (s.kind, s.value) in (select own.kind, own.value from jsonb_each_text(%(scopes)s::jsonb) as own (kind, value))
order by k.rank
limit 1;
