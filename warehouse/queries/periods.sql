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

-- name: days_that_block
select
    d.source,
    d.status,
    min(d.usage_date) as first_date,
    max(d.usage_date) as last_date,
    count(*) as days,
    max(d.cause) as cause
from marts.fct_tenant_day_status as d
where
    d.tenant_id = %(tenant_id)s
    and d.usage_date >= %(period_start)s
    and d.usage_date < %(period_end)s
    and d.status in ('incomplete', 'failed', 'not pulled')
    and d.source <> 'voiceflow_transcripts' -- bills nothing
group by d.source, d.status
order by d.source, d.status;

-- name: usage_that_blocks
-- Unattributed usage blocks those who read that source from an account that others share: it may be any one's of them.
select
    u.source,
    u.item,
    u.reason,
    min(u.usage_date) as first_date,
    max(u.usage_date) as last_date,
    count(*) as rows_reported,
    sum(u.quantity) as quantity,
    sum(u.cost) as cost
from marts.fct_unbilled_usage as u
where
    u.usage_date >= %(period_start)s
    and u.usage_date < %(period_end)s
    and (
        (
            u.tenant_id = %(tenant_id)s
            and u.is_blocking
        )
        or (
            u.tenant_id is null
            and u.is_blocking
            and exists (
                select 1 from control.tenant_sources as t
                where
                    t.tenant_id = %(tenant_id)s
                    and t.source = u.source
                    and (t.source <> 'vapi' or t.account = 'platform')
                    and t.valid_from <= u.usage_date
                    and u.usage_date < coalesce(t.valid_to, 'infinity')
            )
        )
    )
group by u.source, u.item, u.reason
order by u.reason, u.source, u.item;

-- name: earlier_open_period
select min(s.period_start) as period_start
from marts.fct_statements as s
left join ledger.periods as p on s.tenant_id = p.tenant_id and s.period_start = p.period_start
where
    s.tenant_id = %(tenant_id)s
    and s.period_start < %(period_start)s
    and coalesce(p.state, 'open') in ('open', 'in_review');

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
        changed_by = excluded.changed_by,
        reason = excluded.reason,
        manifest_hash = excluded.manifest_hash;

-- name: freeze_lines
insert into ledger.statement_lines (
    line_id,
    tenant_id,
    period_start,
    line_kind,
    meter_id,
    quantity,
    unit,
    amount,
    currency,
    service_period_start,
    service_period_end,
    corrects_line_id,
    inputs
)
select
    line_id,
    tenant_id,
    period_start,
    line_kind,
    meter_id,
    quantity,
    unit,
    amount,
    currency,
    service_period_start,
    service_period_end,
    corrects_line_id,
    inputs
from marts.fct_statement_lines
where tenant_id = %(tenant_id)s and period_start = %(period_start)s;

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
    select 3 as level, o.line_id, (pg_catalog.to_jsonb(o) - 'told_at')::text as part
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
-- Frozen lines of other periods that correct lines of this one: released lines would leave them without what they correct.
select distinct c.period_start
from ledger.statement_lines as c
inner join ledger.statement_lines as l on c.corrects_line_id = l.line_id
where
    l.tenant_id = %(tenant_id)s
    and l.period_start = %(period_start)s
    and c.period_start <> l.period_start
order by c.period_start;

-- name: approved
select
    tenant_id,
    period_start,
    manifest_hash
from ledger.periods
where state in ('approved', 'closed')
order by tenant_id, period_start;
