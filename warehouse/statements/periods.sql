-- name: statements
-- One row per tenant and period that starts in [month_start, month_end), with its margin and its state as it is now.
select
    s.tenant_id,
    s.period_start,
    s.period_end,
    coalesce(p.state, 'open') as state,
    p.reason,
    p.manifest_hash,
    s.currency,
    s.setup,
    s.subscription,
    s.overage,
    s.minimum,
    s.adjustments,
    s.credits,
    s.total,
    m.cost,
    m.margin,
    m.margin_percent,
    m.completeness,
    s.is_complete,
    least(
        s.period_end,
        (
            select greatest(c.valid_from, s.period_start) from control.tenant_statuses as c
            where c.tenant_id = s.tenant_id and c.status = 'closed'
        )
    ) as ends_on
from marts.fct_statements as s
left join ledger.periods as p on s.tenant_id = p.tenant_id and s.period_start = p.period_start
left join marts.fct_margin_monthly as m on s.tenant_id = m.tenant_id and s.period_start = m.period_start
where
    s.period_start >= %(month_start)s
    and s.period_start < %(month_end)s
    and (%(tenant_ids)s::text[] is null or s.tenant_id = any(%(tenant_ids)s))
order by s.period_start, s.tenant_id;

-- name: lines
select
    l.tenant_id,
    l.line_id,
    l.period_start,
    l.line_kind,
    l.meter_id,
    l.quantity,
    l.unit,
    l.amount,
    l.currency,
    l.service_period_start,
    l.service_period_end,
    l.corrects_line_id
from marts.fct_statement_lines as l
where
    l.period_start >= %(month_start)s
    and l.period_start < %(month_end)s
    and (%(tenant_ids)s::text[] is null or l.tenant_id = any(%(tenant_ids)s))
order by l.tenant_id asc, l.period_start asc, l.line_kind desc, l.meter_id asc, l.line_id asc;

-- name: period
select
    state,
    period_end,
    reason,
    manifest_hash
from ledger.periods
where tenant_id = %(tenant_id)s and period_start = %(period_start)s
for update;

-- name: periods_of_month
select
    tenant_id,
    period_start,
    period_end,
    state,
    reason,
    manifest_hash
from ledger.periods
where
    period_start >= %(month_start)s
    and period_start < %(month_end)s
    and (%(tenant_ids)s::text[] is null or tenant_id = any(%(tenant_ids)s))
order by period_start, tenant_id;

-- name: set_state
insert into ledger.periods as p (
    tenant_id, period_start, period_end, state, changed_by, reason, manifest_hash
)
values (
    %(tenant_id)s, %(period_start)s, %(period_end)s, %(state)s, %(actor)s, %(reason)s, %(manifest_hash)s
)
on conflict (tenant_id, period_start) do update
    set
        period_end = excluded.period_end,
        state = excluded.state,
        changed_at = now(),
        approved_at = case excluded.state when 'approved' then now() when 'closed' then p.approved_at end,
        approved_cost = case excluded.state when 'closed' then p.approved_cost end,
        changed_by = excluded.changed_by,
        reason = excluded.reason,
        manifest_hash = excluded.manifest_hash;

-- name: release_lines
delete from ledger.statement_lines
where tenant_id = %(tenant_id)s and period_start = %(period_start)s;

-- name: manifest_hash
-- Lines with their inputs, and what they were made of: days, pulls, and calls and rows of the provider.
with lines as (
    select line_id, pg_catalog.to_jsonb(l) - 'frozen_at' as line
    from ledger.statement_lines as l
    where l.tenant_id = %(tenant_id)s and l.period_start = %(period_start)s
),

parts as (
    select 1 as level, d.line_id, pg_catalog.to_jsonb(d)::text as part
    from ledger.line_days as d
    where d.line_id in (select lines.line_id from lines)
    union all
    select 2 as level, p.line_id, (pg_catalog.to_jsonb(p) - 'pulled_at')::text as part
    from ledger.line_pulls as p
    where p.line_id in (select lines.line_id from lines)
    union all
    select 3 as level, o.line_id, (pg_catalog.to_jsonb(o) - 'reported_at')::text as part
    from ledger.line_objects as o
    where o.line_id in (select lines.line_id from lines)
)

select
    pg_catalog.encode(
        pg_catalog.sha256(
            pg_catalog.convert_to(
                coalesce((select pg_catalog.jsonb_agg(line order by line_id)::text from lines), '[]')
                || coalesce(
                    (select pg_catalog.string_agg(part, E'\n' order by level, line_id, part collate "C") from parts), ''
                ),
                'UTF8'
            )
        ),
        'hex'
    ) as manifest_hash,
    (select count(*) from lines) as lines;

-- name: frozen_corrections
-- Other periods whose frozen adjustments correct this one, or correct again what this one adjusted: released lines would
-- leave them without what they are a difference to. By the corrected period, since a corrected line need not be frozen.
select distinct c.period_start
from ledger.statement_lines as c
where
    c.tenant_id = %(tenant_id)s
    and c.period_start <> %(period_start)s
    and c.line_kind = 'adjustment'
    and (
        pg_catalog.split_part(c.corrects_line_id, '/', 2)::date = %(period_start)s
        or exists (
            select from ledger.statement_lines as l
            where
                l.tenant_id = c.tenant_id
                and l.period_start = %(period_start)s
                and l.corrects_line_id = c.corrects_line_id
                and l.frozen_at < c.frozen_at
        )
    )
order by c.period_start desc;

-- name: approved
select
    tenant_id,
    period_start,
    manifest_hash
from ledger.periods
where state in ('approved', 'closed')
order by tenant_id, period_start;

-- name: decision
-- Who set the period to its present state, when and why.
select
    state,
    changed_at,
    changed_by,
    reason,
    manifest_hash
from ledger.periods
where tenant_id = %(tenant_id)s and period_start = %(period_start)s;

-- name: states_of_month
select
    s.tenant_id,
    s.period_start,
    s.period_end,
    coalesce(p.state, 'open') as state
from marts.fct_statements as s
left join ledger.periods as p on s.tenant_id = p.tenant_id and s.period_start = p.period_start
where
    s.period_start >= %(month_start)s
    and s.period_start < %(month_end)s
    and (%(tenant_ids)s::text [] is null or s.tenant_id = any(%(tenant_ids)s))
order by s.tenant_id, s.period_start;

-- name: months
-- Calendar months in which periods start, newest first, with how many of their periods are not approved yet.
select
    date_trunc('month', s.period_start)::date as month_start,
    count(*) as periods,
    count(*) filter (where coalesce(p.state, 'open') in ('open', 'in_review')) as undecided
from marts.fct_statements as s
left join ledger.periods as p on s.tenant_id = p.tenant_id and s.period_start = p.period_start
group by 1
order by 1 desc;

-- name: beside
-- What a list tells of a statement besides what it says itself: whose it is, and what was billed before.
select
    s.tenant_id,
    s.period_start,
    t.name,
    (
        select f.total from marts.fct_statements as f
        where f.tenant_id = s.tenant_id and f.period_start < s.period_start
        order by f.period_start desc
        limit 1
    ) as former_total
from marts.fct_statements as s
left join marts.dim_tenants as t on s.tenant_id = t.tenant_id
where s.period_start >= %(month_start)s and s.period_start < %(month_end)s;

-- name: statements_of
select
    period_start,
    period_end,
    currency,
    total,
    period_state,
    is_complete
from marts.fct_statements
where tenant_id = %(tenant_id)s
order by period_start desc;

-- name: states_of
select
    period_start,
    state
from ledger.periods
where tenant_id = %(tenant_id)s;
