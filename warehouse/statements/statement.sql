-- name: statement
select
    s.tenant_id,
    t.name,
    s.period_start,
    s.period_end,
    s.currency,
    s.setup,
    s.subscription,
    s.overage,
    s.minimum,
    s.adjustments,
    s.credits,
    s.total,
    s.period_state,
    s.is_complete
from marts.fct_statements as s
left join marts.dim_tenants as t on s.tenant_id = t.tenant_id
where s.tenant_id = %(tenant_id)s and s.period_start <= %(period_start)s
order by s.period_start desc
limit 2;

-- name: lines
-- Each line beside the line of the same kind and meter in the tenant's period before.
select
    l.line_id,
    l.line_kind,
    l.meter_id,
    l.quantity,
    l.unit,
    l.amount,
    l.currency,
    l.service_period_start,
    l.service_period_end,
    l.corrects_line_id,
    l.price_id,
    l.unrounded_amount,
    l.inputs::text as inputs,
    f.amount as former_amount
from marts.fct_statement_lines as l
left join lateral (
    select sum(b.amount) as amount
    from marts.fct_statement_lines as b
    where
        b.tenant_id = l.tenant_id
        and b.period_start = %(former_start)s
        and b.line_kind = l.line_kind
        and b.meter_id is not distinct from l.meter_id
        and l.line_kind <> 'adjustment'
) as f on true
where l.tenant_id = %(tenant_id)s and l.period_start = %(period_start)s
order by
    array_position(
        array['setup', 'subscription', 'overage', 'minimum', 'adjustment', 'credit'], l.line_kind
    ), l.meter_id, l.line_id;

-- name: overages
select
    meter_id,
    unit,
    usage_date,
    quantity,
    overage_quantity,
    cumulative_quantity,
    allowance,
    is_complete
from marts.fct_overages_daily
where tenant_id = %(tenant_id)s and period_start = %(period_start)s
order by meter_id, usage_date;

-- name: costs
select
    component,
    basis,
    currency,
    sum(amount) as amount,
    count(*) filter (where amount is null) as unknown_costs,
    coalesce(provider, source) as provider
from marts.fct_costs_daily
where tenant_id = %(tenant_id)s and usage_date >= %(period_start)s and usage_date < %(period_end)s
group by coalesce(provider, source), component, basis, currency
order by sum(amount) desc nulls last, provider, component, basis;

-- name: margin
-- known_margin leaves out what is unknown; minutes are those of its connected calls.
select
    m.period_start,
    m.currency,
    m.revenue,
    m.cost,
    m.cost_reported,
    m.cost_estimated,
    m.cost_allocated,
    m.cost_billed_elsewhere,
    m.approved_cost,
    m.margin,
    m.margin_percent,
    m.completeness,
    m.revenue - m.cost_reported - m.cost_estimated - m.cost_allocated as known_margin,
    c.minutes
from marts.fct_margin_monthly as m
cross join lateral (
    select coalesce(sum(d.connected_seconds), 0) / 60 as minutes
    from marts.fct_call_days as d
    where d.tenant_id = m.tenant_id and d.usage_date >= m.period_start and d.usage_date < m.period_end
) as c
where m.tenant_id = %(tenant_id)s and m.period_start <= %(period_start)s
order by m.period_start desc
limit 6;

-- name: tenant
select
    tenant_id,
    name,
    currency
from marts.dim_tenants
where tenant_id = %(tenant_id)s;

-- name: usage
-- What each agent and campaign used, and the pulls it was read by.
select
    usage_date,
    meter_id,
    agent_id,
    campaign_id,
    source,
    quantity,
    unit,
    unbilled_reason,
    pull_ids
from marts.fct_usage_daily
where tenant_id = %(tenant_id)s and usage_date >= %(period_start)s and usage_date < %(period_end)s
order by usage_date, meter_id, agent_id, campaign_id;

-- name: calls
select
    call_id,
    usage_date,
    agent_id,
    outcome,
    direction,
    connected_seconds,
    units::text as units,
    cost,
    cost_currency,
    cost_basis,
    costs::text as costs,
    pull_id,
    created_at
from marts.fct_calls
where tenant_id = %(tenant_id)s and usage_date >= %(period_start)s and usage_date < %(period_end)s
order by usage_date, created_at, call_id;
