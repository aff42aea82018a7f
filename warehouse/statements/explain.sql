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
    inputs,
    exists (select 1 from ledger.statement_lines as f where f.line_id = l.line_id) as is_frozen,
    -- The amount once more, from what the line says it was computed from.
    case line_kind
        when 'setup' then (inputs ->> 'setup_fee')::numeric
        when 'subscription' then control.of_billed_days(
            (inputs ->> 'subscription_fee')::numeric,
            (inputs ->> 'billed_days')::numeric, (inputs ->> 'period_days')::numeric
        )
        when 'minimum' then control.short_of_minimum(
            (inputs ->> 'minimum_amount')::numeric,
            (inputs ->> 'billed_days')::numeric, (inputs ->> 'period_days')::numeric,
            (inputs ->> 'subscription_and_overage')::numeric
        )
        when 'overage' then (
            select sum((t.tier ->> 'quantity')::numeric * (t.tier ->> 'unit_amount')::numeric)
            from jsonb_array_elements(inputs -> 'tiers') as t (tier)
        )
        when 'adjustment' then
            (inputs ->> 'rated_amount')::numeric
            - (inputs ->> 'frozen_amount')::numeric - (inputs ->> 'adjusted_amount')::numeric
        else unrounded_amount
    end as computed_amount,
    case
        when line_kind = 'adjustment'
            then
                (inputs ->> 'rated_quantity')::numeric
                - (inputs ->> 'frozen_quantity')::numeric - (inputs ->> 'adjusted_quantity')::numeric
        else quantity
    end as computed_quantity,
    coalesce((inputs -> 'rated' ->> 'unrounded_amount')::numeric, 0) as rated_unrounded_amount
from marts.fct_statement_lines as l
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
-- Of an overage line as the marts have it: what each day adds to it.
select
    d.usage_date,
    d.quantity,
    d.cumulative_quantity,
    d.allowance,
    d.overage_quantity,
    d.amount
from marts.fct_line_days as d
where d.tenant_id = %(tenant_id)s and d.line_id = %(line_id)s
order by d.usage_date;

-- name: frozen_days
select
    d.usage_date,
    d.quantity,
    d.cumulative_quantity,
    d.allowance,
    d.overage_quantity,
    d.amount
from ledger.line_days as d
where d.line_id = %(line_id)s
order by d.usage_date;

-- name: pulls
-- The pulls of the days a line is about, as the marts hold them, with the units each gave; without its usage too.
select
    p.pull_id,
    p.source,
    p.account,
    p.usage_date,
    p.pulled_at,
    coalesce(parts.quantity, 0) as quantity,
    coalesce(parts.row_count, 0)::bigint as row_count
from marts.fct_pulls_built as p
left join (
    select pull_id, sum(quantity) as quantity, sum(row_count) as row_count
    from marts.fct_line_parts
    where tenant_id = %(tenant_id)s and line_id = %(line_id)s
    group by pull_id
) as parts on p.pull_id = parts.pull_id
where
    p.source = (select m.source from control.meters as m where m.meter_id = %(meter_id)s)
    and p.usage_date >= %(service_period_start)s
    and p.usage_date < %(service_period_end)s
    and p.account = any(array[%(tenant_id)s, 'platform'])
    and (parts.pull_id is not null or exists (
        select 1 from control.tenant_sources as t
        where
            t.tenant_id = %(tenant_id)s
            and t.source = p.source
            and t.account = p.account
            and t.valid_from <= p.usage_date
            and p.usage_date < coalesce(t.valid_to, 'infinity')
    ))
order by p.usage_date, p.pull_id;

-- name: frozen_pulls
select
    p.pull_id,
    p.source,
    p.account,
    p.usage_date,
    p.pulled_at,
    p.quantity,
    p.row_count
from ledger.line_pulls as p
where p.line_id = %(line_id)s
order by p.usage_date, p.pull_id;

-- name: objects
-- Each call or row of the provider behind a line, by the provider's own id or key and cost; a call set aside for its length
-- with the one at which a person accepted it, and why.
select
    p.usage_date,
    p.pull_id,
    p.agent_id,
    c.call_id as object_id,
    c.created_at as reported_at,
    (c.units ->> %(meter_id)s)::numeric as quantity,
    c.cost as provider_cost,
    case when c.cost is not null then c.cost_currency end as provider_currency,
    c.cost_basis,
    k.seconds as accepted_seconds,
    k.reason as accepted_because
from marts.fct_line_parts as p
inner join marts.fct_calls as c
    on
        p.tenant_id = c.tenant_id
        and p.usage_date = c.usage_date
        and p.pull_id = c.pull_id
        and p.agent_id is not distinct from c.agent_id
        and c.outcome = 'connected'
left join ledger.corrected_calls as k on c.pull_id = k.pull_id and c.call_id = k.call_id
where p.tenant_id = %(tenant_id)s and p.line_id = %(line_id)s and p.origin is null
union all
select
    p.usage_date,
    p.pull_id,
    p.agent_id,
    r.object_id,
    r.reported_at,
    case
        when (select m.aggregation from control.meters as m where m.meter_id = %(meter_id)s) = 'count' then 1
        else r.quantity
    end as quantity,
    r.cost as provider_cost,
    r.cost_currency as provider_currency,
    case when r.cost is null then 'estimated' else 'reported_by_provider' end as cost_basis,
    null as accepted_seconds,
    null as accepted_because
from marts.fct_line_parts as p
inner join marts.fct_usage_rows as r on p.pull_id = r.pull_id and p.origin = r.origin and p.usage_date = r.usage_date
where p.tenant_id = %(tenant_id)s and p.line_id = %(line_id)s
order by usage_date, reported_at, object_id;

-- name: frozen_objects
select
    o.usage_date,
    o.pull_id,
    o.agent_id,
    o.object_id,
    o.reported_at,
    o.quantity,
    o.provider_cost,
    o.provider_currency,
    o.cost_basis,
    o.accepted_seconds,
    o.accepted_because
from ledger.line_objects as o
where o.line_id = %(line_id)s
order by o.usage_date, o.reported_at, o.object_id;

-- name: frozen_before
-- What was last frozen of a corrected line: the line itself, or its latest adjustment before this one; without an id, only
-- when the corrected period was frozen without it. Before in time: a period may be approved before an earlier one.
select
    l.line_id,
    coalesce(l.frozen_at, p.frozen_at) as frozen_at
from (
    select coalesce(min(f.frozen_at), max(c.changed_at)) as frozen_at
    from ledger.periods as c
    left join ledger.statement_lines as f on c.tenant_id = f.tenant_id and c.period_start = f.period_start
    where
        c.tenant_id = %(tenant_id)s
        and c.period_start = pg_catalog.split_part(%(corrects_line_id)s, '/', 2)::date
) as p
left join lateral (
    select s.line_id, s.frozen_at
    from ledger.statement_lines as s
    where
        s.tenant_id = %(tenant_id)s
        and (s.line_id = %(corrects_line_id)s or s.corrects_line_id = %(corrects_line_id)s)
        and s.frozen_at < coalesce(
            (select own.frozen_at from ledger.statement_lines as own where own.line_id = %(line_id)s), 'infinity'
        )
    order by s.frozen_at desc
    limit 1
) as l on true;

-- name: new_pulls
-- Of a frozen adjustment, the pulls that were not known before it.
select p.pull_id, p.source, p.account, p.usage_date, p.pulled_at, p.quantity, p.row_count
from ledger.line_pulls as p
where p.line_id = %(line_id)s and p.is_new
order by p.usage_date, p.source, p.pull_id;

-- name: corrections
-- Adjustments of a line, frozen and running, oldest first.
select line_id, period_start, period_state, quantity, amount
from marts.fct_statement_lines
where corrects_line_id = %(line_id)s
order by period_start;

-- name: pulls_since
-- What was published of a frozen period after it was frozen, for a line that no single meter makes: fees and minimum.
select p.pull_id, p.source, p.account, p.usage_date, p.closed_at as pulled_at, p.row_count as quantity, p.row_count
from ledger.pulls as p
where
    p.state = 'published'
    and p.usage_date >= %(service_period_start)s
    and p.usage_date < %(service_period_end)s
    and p.account = any(array[%(tenant_id)s, 'platform'])
    and p.closed_at > %(frozen_at)s
order by p.usage_date, p.source, p.pull_id;

-- name: freeze_days
-- An adjustment's are those of the line it corrects, as it is rated now.
insert into ledger.line_days (
    line_id, tenant_id, usage_date, quantity, cumulative_quantity, allowance, overage_quantity, amount
)
select
    l.line_id,
    l.tenant_id,
    d.usage_date,
    d.quantity,
    d.cumulative_quantity,
    d.allowance,
    d.overage_quantity,
    d.amount
from ledger.statement_lines as l
inner join marts.fct_line_days as d
    on l.tenant_id = d.tenant_id and d.line_id = coalesce(l.corrects_line_id, l.line_id)
where l.tenant_id = %(tenant_id)s and l.period_start = %(period_start)s and l.line_kind in ('overage', 'adjustment');

-- name: traced_lines
select
    line_id,
    line_kind,
    corrects_line_id,
    tenant_id,
    meter_id,
    period_start,
    service_period_start,
    service_period_end
from ledger.statement_lines
where tenant_id = %(tenant_id)s and period_start = %(period_start)s and line_kind in ('overage', 'adjustment');

-- name: freeze_pull
insert into ledger.line_pulls (
    line_id, tenant_id, pull_id, source, account, usage_date, pulled_at, quantity, row_count, is_new
)
values (
    %(line_id)s, %(tenant_id)s, %(pull_id)s, %(source)s, %(account)s, %(usage_date)s, %(pulled_at)s, %(quantity)s,
    %(row_count)s, %(is_new)s
);

-- name: freeze_object
insert into ledger.line_objects (
    line_id, tenant_id, usage_date, pull_id, agent_id, object_id, reported_at, quantity, provider_cost,
    provider_currency, cost_basis, accepted_seconds, accepted_because
)
values (
    %(line_id)s, %(tenant_id)s, %(usage_date)s, %(pull_id)s, %(agent_id)s, %(object_id)s, %(reported_at)s, %(quantity)s,
    %(provider_cost)s, %(provider_currency)s, %(cost_basis)s, %(accepted_seconds)s, %(accepted_because)s
);

-- name: release_days
delete from ledger.line_days
where line_id in (
    select line_id from ledger.statement_lines
    where tenant_id = %(tenant_id)s and period_start = %(period_start)s
);

-- name: release_pulls
delete from ledger.line_pulls
where line_id in (
    select line_id from ledger.statement_lines
    where tenant_id = %(tenant_id)s and period_start = %(period_start)s
);

-- name: release_objects
delete from ledger.line_objects
where line_id in (
    select line_id from ledger.statement_lines
    where tenant_id = %(tenant_id)s and period_start = %(period_start)s
);
