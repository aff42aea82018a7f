-- name: line
select
    line_id,
    tenant_id,
    period_start,
    period_end,
    period_state,
    line_kind,
    meter_id,
    quantity,
    unit,
    amount,
    unrounded_amount,
    currency,
    service_period_start,
    service_period_end,
    corrects_line_id,
    price_id,
    inputs
from marts.fct_statement_lines
where line_id = %(line_id)s;

-- name: lines_like
select line_id from marts.fct_statement_lines
where line_id like pg_catalog.split_part(%(line_id)s, '/', 1) || '/%%'
order by period_start desc, line_id
limit 5;

-- name: price
select price_id, plan_id, tenant_id, meter_id, model, unit_amount, package_size, tiers, currency, valid_from, valid_to
from marts.dim_prices
where price_id = %(price_id)s;

-- name: days
select
    d.usage_date,
    d.quantity,
    d.cumulative_quantity,
    d.allowance,
    d.overage_quantity,
    d.amount,
    d.pull_ids
from marts.fct_line_days as d
where d.line_id = %(line_id)s
order by d.usage_date;

-- name: pulls
-- What each pull holds for the meter on its day, and when it was read.
select
    p.pull_id,
    p.source,
    p.account,
    p.usage_date,
    p.closed_at as pulled_at,
    sum(u.quantity)::bigint as quantity,
    sum(u.row_count)::bigint as row_count
from ledger.pulls as p
inner join marts.fct_usage_daily as u on p.pull_id = any(u.pull_ids)
where
    u.tenant_id = %(tenant_id)s
    and u.meter_id = %(meter_id)s
    and u.usage_date >= %(period_start)s
    and u.usage_date < %(period_end)s
    and u.unbilled_reason is null
group by p.pull_id, p.source, p.account, p.usage_date, p.closed_at
order by p.usage_date, p.pull_id;

-- name: calls
select
    c.call_id,
    c.pull_id,
    c.usage_date,
    c.agent_id,
    c.created_at,
    c.connected_seconds,
    (c.units ->> %(meter_id)s)::bigint as quantity,
    c.cost as provider_cost,
    c.cost_currency as provider_currency,
    c.cost_basis
from marts.fct_calls as c
where
    c.tenant_id = %(tenant_id)s
    and c.usage_date >= %(period_start)s
    and c.usage_date < %(period_end)s
    and c.usage_date = any(%(days)s)
    and c.outcome = 'connected'
order by c.usage_date, c.created_at, c.call_id;

-- name: corrections
-- Adjustments of a line, frozen and running, oldest first.
select line_id, period_start, period_state, quantity, amount
from marts.fct_statement_lines
where corrects_line_id = %(line_id)s
order by period_start;

-- name: pulls_since
-- What was published of the corrected line's service period after it was frozen: the pulls behind an adjustment.
select p.pull_id, p.source, p.account, p.usage_date, p.closed_at as pulled_at, p.row_count, p.state
from ledger.pulls as p
inner join ledger.periods as f
    on f.tenant_id = %(tenant_id)s and f.period_start = pg_catalog.split_part(%(corrects_line_id)s, '/', 2)::date
left join lateral (
    select min(l.frozen_at) as frozen_at from ledger.statement_lines as l
    where l.tenant_id = f.tenant_id and l.period_start = f.period_start
) as frozen on true
where
    p.state = 'published'
    and p.usage_date >= %(service_period_start)s
    and p.usage_date < %(service_period_end)s
    and (p.tenant_id = %(tenant_id)s or p.tenant_id is null)
    and p.source = coalesce(
        (select m.source from control.meters as m where m.meter_id = %(meter_id)s), p.source
    )
    and p.closed_at > coalesce(frozen.frozen_at, f.changed_at)
order by p.usage_date, p.source, p.pull_id;
